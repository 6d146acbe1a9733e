"""Tables: a CSV, TSV or Parquet file, one row an example."""
from pathlib import Path
from typing import Annotated, Any, Literal

from deepen.core.data import Data
from deepen.core.recipe import Fraction, _field
from deepen.sources._alike import alike
from deepen.sources._table import Table, look, split

Share = Annotated[Fraction | Path, _field(union_mode="left_to_right")]
Folds = Annotated[int, _field(ge=0, le=1000)]
Fold = Annotated[int, _field(ge=1, le=1000)]


def table(path: Path,                                               # CSV, TSV or Parquet file
          target: str | None = None,                                # column to learn; else target, label, class, y or the last
          test: Share = 0.2,                                        # share of the rows held out for the test, or a file for it
          task: Literal["auto", "classes", "numbers"] = "auto",     # whole numbers with at most 20 values are classes
          drop: tuple[str, ...] = (),                               # columns to leave out: data.drop=id,name
          header: Literal["auto", "yes", "no"] = "auto",            # does line 1 name the columns?
          delimiter: Literal["auto", "comma", "semicolon", "tab", "bar", "space"] = "auto",  # between the cells
          encoding: str | None = None,                              # utf-8, cp949, …; found when not given
          on_bad: Literal["stop", "skip"] = "stop",                 # what to do with rows of a wrong length
          valid: Fraction = 0.1,                                    # share of the rows held out for validation
          group: str | None = None,                                 # column whose values stay in one split: patient
          time: str | None = None,                                  # column of dates or numbers; the newest rows are the test
          folds: Folds = 0,                                         # cross-validation: parts, each of them valid once
          fold: Fold = 1,                                           # the part that is valid now
          seed: int = 0) -> Data:                                   # of the shares
    """Your own table, one row an example, one column the target.

    Inputs float32 (rows, columns), target int64 classes or float32 numbers. A category is its index among the column's
    sorted values, a date is days since 1970-01-01 (and its month, day of the week, hour where they may come again), what
    is missing is NaN. Rows that repeat exactly stay in one split. Every guess (encoding, delimiter, header, target,
    classes or numbers, dates, columns left out) is a sentence in `Data.said`. Raises `Problem` with file, line or column,
    cause and mend.
    """
    values = {key: value for key, value in locals().items() if value is not None}
    return _made(_looked(values), values)


READING = ("target", "task", "drop", "header", "delimiter", "encoding", "on_bad", "group", "time")


def _looked(values: dict[str, Any]) -> Table:
    """The table at `values["path"]`, understood; `values` are settings of `table`."""
    return look(Path(values["path"]).expanduser(), **{key: values[key] for key in READING if values.get(key) is not None})


def _made(found: Table, values: dict[str, Any]) -> Data:
    """A table that was looked at, as data, by the same settings."""
    path, valid, seed = Path(values["path"]).expanduser(), values.get("valid", 0.1), values.get("seed", 0)
    test, group, time = values.get("test", 0.2), values.get("group") or "", values.get("time") or ""
    folds, fold, drop = values.get("folds", 0), values.get("fold", 1), values.get("drop", ())
    share, file = (test, None) if isinstance(test, (int, float)) else (0, Path(test).expanduser())
    second = None if file is None else alike(found.row, found.kind, found.target.name, file, found.findings, found.sheet.named,
                                             values.get("encoding") or "", values.get("on_bad", "stop"))
    asked = {"drop": ",".join(drop), "group": group, "time": time, "folds": folds and f"{fold}/{folds}"}
    more = "".join(f", {key}={value!r}" for key, value in asked.items() if value)
    held = f"{share:g}" if file is None else repr(str(file))
    origin = f"table(path={str(path)!r}, target={found.target.name!r}{more}, valid={valid:g}, test={held}, seed={seed})"
    return split(found, valid, share, second, origin, seed, group, time, folds, fold)
