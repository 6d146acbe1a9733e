"""A second file (a test set, rows to answer) in the columns, categories and classes of the first."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepen.core.data import Data
from deepen.core.kinds import Label, Number, Row
from deepen.core.words import say
from deepen.sources._column import MISSING, UNKNOWN, Column, codes_of, is_plain, numbers_of
from deepen.sources._finding import Finding, Trouble
from deepen.sources._sheet import Sheet, read
from deepen.sources._table import (
    Table,
    column_place,
    encode,
    examples_of,
    few,
    find_target,
    has_decimal_commas,
    tell_column,
    tell_missing,
)


def alike(row: Row, kind: Label | Number, target: str, path: Path, findings: list[Finding], named: bool = True,
          encoding: str = "", on_bad: str = "stop") -> Table:
    """A file that has the columns `row`, and its answers of `kind` in the column `target` ("": found by its name, or
    the last). What is noticed goes into `findings`."""
    sheet = read(path, "auto", "yes" if named else "no", encoding, on_bad)
    name = target or sheet.names[find_target(sheet, "", findings)]
    if name not in sheet.names:
        raise Trouble(say("there is no column {name} with the answers", name=name),
                      say("a test file needs them; to answer rows without: deepen predict RUN {file}", file=path), sheet.file)
    columns = columns_like(row, sheet, findings)
    cells = sheet.columns[sheet.names.index(name)]
    if isinstance(kind, Number):
        numbers, _ = numbers_of(cells, has_decimal_commas(sheet))
    else:
        numbers = _classes(kind, name, sheet, cells, findings)
    rows = np.flatnonzero(~np.isnan(numbers))
    tell_missing(len(sheet) - len(rows), name, sheet, findings)
    if not len(rows):
        raise Trouble(say("no row has an answer in column {name}", name=name), say("give a test file with answers"),
                      sheet.file)
    answers = torch.from_numpy(numbers[rows]).to(torch.int64 if isinstance(kind, Label) else torch.float32)
    return Table(sheet, columns, [], Column(name, numbers, None), kind, answers, rows)


def data_like(row: Row, kind: Label | Number, path: Path, target: str | None = None, encoding: str | None = None,
              on_bad: str = "stop") -> Data:
    """Another file, to judge a trained model on: one split "test" in the model's own columns, categories and classes.
    A file without names has its columns in the order of training, the target last."""
    findings: list[Finding] = []
    named = not all(name == f"c{i + 1}" for i, name in enumerate(row.names))
    found = alike(row, kind, target or "", path, findings, named, encoding or "", on_bad)
    return Data({"test": examples_of(found)}, row, kind, origin=f"table(path={str(path)!r}, target={found.target.name!r})",
                said=tuple(map(str, [*found.sheet.findings, *findings])))


@dataclass(frozen=True)
class Rows:
    """Rows to answer: `values` float32 (rows, columns), the line of each, and what is wrong in some of them."""
    values: Tensor
    lines: list[int]
    problems: dict[int, str]            # row -> sentence
    findings: list[Finding]             # about the file


def rows_like(row: Row, path: Path, encoding: str = "") -> Rows:
    """The rows of a file as a trained model wants them. A file without names has its columns in the order of
    training."""
    sheet = read(path, encoding=encoding, on_bad="skip")
    if not sheet.named and len(sheet.names) >= len(row.names):
        sheet.names[: len(row.names)] = row.names
    findings: list[Finding] = []
    problems: dict[int, str] = {}
    columns = columns_like(row, sheet, findings, problems)
    return Rows(encode(columns), sheet.lines.tolist(), problems, [*sheet.findings, *findings])


def columns_like(row: Row, sheet: Sheet, findings: list[Finding], problems: dict[int, str] | None = None) -> list[Column]:
    """The columns a row kind names, out of another sheet; a category that is not known becomes missing, aloud, and so
    does a cell that is no number where one is wanted (its row goes into `problems`)."""
    absent = [name for name in row.names if name not in sheet.names]
    if absent:
        raise Trouble(say("columns {names} are missing", names=few(absent)),
                      say("the columns needed are {names}", names=few(row.names, 20)), sheet.file)
    comma, columns = has_decimal_commas(sheet), []
    for name, values in zip(row.names, row.values, strict=True):
        cells = sheet.columns[sheet.names.index(name)]
        if values is None:
            numbers, strange_rows = numbers_of(cells, comma)
            columns.append(Column(name, numbers, None, strange=strange_rows))
            tell_column(columns[-1], sheet, findings)
            if problems is not None:
                problems |= {int(i): say("{cell} in column {name} is not a number", cell=cells[int(i)].as_py()[:30],
                                         name=name) for i in strange_rows}
            continue
        codes, words = codes_of(cells)
        place = {word: i for i, word in enumerate(values)}
        strange = sorted({word for word in words if word not in place and word not in UNKNOWN})
        if strange:
            findings.append(Finding("warning", say("values that training does not have are read as missing: {values}",
                                                   values=few(strange)), "", sheet.file, column_place(name)))
        columns.append(Column(name, np.array([place.get(word, np.nan) for word in words], np.float64)[codes], values))
    return columns


def _classes(kind: Label, name: str, sheet: Sheet, cells, findings: list[Finding]) -> np.ndarray:
    """Class numbers. `>50K.` for `>50K` (a well-known test file ends so) is understood, aloud; so is 1.0 for 1."""
    codes, words = codes_of(cells)
    full = [word for word in words if word not in UNKNOWN]
    if full and all(word.endswith(".") and word[:-1] in kind.names for word in full):
        findings.append(Finding("note", say("the classes end with a dot ({value}), which is left out", value=full[0]), "",
                                sheet.file, column_place(name)))
        words = [word.removesuffix(".") for word in words]
    numbers = all(is_plain(known) for known in kind.names)
    words = [_plainly(word) if numbers else word for word in words]
    place = {_plainly(known) if numbers else known: i for i, known in enumerate(kind.names)}
    strange = sorted({word for word in words if word not in place and word not in (MISSING if numbers else UNKNOWN)})
    if strange:
        raise Trouble(say("training does not have the classes {names}; it has {known}", names=few(strange),
                          known=few(kind.names)), say("write the classes alike in both files"), sheet.file,
                      column_place(name))
    return np.array([place.get(word, np.nan) for word in words], np.float64)[codes]


def _plainly(word: str) -> str:
    """1.0 and 1 are one class."""
    return f"{float(word):.15g}" if is_plain(word) else word
