"""Tables: a CSV, TSV or Parquet file, one row an example."""
from pathlib import Path
from typing import Annotated, Literal

from deepen.core.data import Data
from deepen.core.recipe import Fraction, _field
from deepen.sources._alike import alike
from deepen.sources._table import look, split

Share = Annotated[Fraction | Path, _field(union_mode="left_to_right")]


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
          seed: int = 0) -> Data:                                   # of the shares
    """Your own table, one row an example, one column the target.

    Inputs float32 (rows, columns), target int64 classes or float32 numbers. A category is its index among the column's sorted values, what is missing is NaN. Every guess (encoding, delimiter,
    header, target, classes or numbers, columns left out) is a sentence in `Data.said`. Raises `Problem` with file,
    line or column, cause and mend.
    """
    path = Path(path).expanduser()
    found = look(path, target or "", task, drop, header, delimiter, encoding or "", on_bad)
    share, file = (test, None) if isinstance(test, (int, float)) else (0, Path(test).expanduser())
    second = None if file is None else alike(found.row, found.kind, found.target.name, file, found.findings,
                                             found.sheet.named, encoding or "", on_bad)
    dropped = f", drop={','.join(drop)!r}" if drop else ""
    held = f"{share:g}" if file is None else repr(str(file))
    origin = f"table(path={str(path)!r}, target={found.target.name!r}{dropped}, valid={valid:g}, test={held}, seed={seed})"
    return split(found, valid, share, second, origin, seed)
