"""Tables: a CSV, TSV or Parquet file, one row an example."""
from pathlib import Path
from typing import Literal

from deepen.core.data import Data
from deepen.core.recipe import Fraction
from deepen.sources._alike import alike
from deepen.sources._table import look, split


def table(path: Path,                                               # CSV, TSV or Parquet file
          target: str = "",                                         # column to learn; else target, label, class, y or the last
          test: Path | None = None,                                 # a file of its own for the test
          task: Literal["auto", "classes", "numbers"] = "auto",     # whole numbers with at most 20 values are classes
          drop: tuple[str, ...] = (),                               # columns to leave out: drop=id,name
          header: Literal["auto", "yes", "no"] = "auto",            # does line 1 name the columns?
          delimiter: Literal["auto", "comma", "semicolon", "tab", "bar", "space"] = "auto",  # between the cells
          encoding: str = "",                                       # utf-8, cp949, …; found when not given
          on_bad: Literal["stop", "skip"] = "stop",                 # what to do with rows of a wrong length
          valid: Fraction = 0.1,                                    # share of the rows held out for validation
          hold: Fraction = 0.2,                                     # share held out for the test, without a test file
          seed: int = 0) -> Data:                                   # of the shares
    """Your own table: inputs float32 (rows, columns), target int64 classes or float32 numbers.

    A category is its index among the column's sorted values, what is missing is NaN. Every guess (encoding, delimiter,
    header, target, classes or numbers, columns left out) is a sentence in `Data.said`. Raises `Problem` with file,
    line or column, cause and mend.
    """
    path = Path(path).expanduser()
    found = look(path, target, task, drop, header, delimiter, encoding, on_bad)
    second = None if test is None else alike(found, Path(test).expanduser(), encoding, on_bad)
    origin = ", ".join([f"path={str(path)!r}", f"target={found.target.name!r}", *([f"test={str(test)!r}"] if test else []),
                        *([f"drop={','.join(drop)!r}"] if drop else []), f"valid={valid:g}",
                        *([] if test else [f"hold={hold:g}"]), f"seed={seed}"])
    return split(found, valid, hold, second, f"table({origin})", seed)
