"""A second file (a test set, rows to answer) in the columns, categories and classes of the first."""
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepen.core.kinds import Label, Row
from deepen.core.words import say
from deepen.sources._column import UNKNOWN, Column, codes_of, numbers_of
from deepen.sources._finding import Finding, Trouble
from deepen.sources._sheet import Sheet, read
from deepen.sources._table import Table, column_place, encode, few, has_decimal_commas, tell_missing


def alike(found: Table, path: Path, encoding: str = "", on_bad: str = "stop") -> Table:
    """A table for the test: its target, columns and classes are those of `found`."""
    sheet = read(path, "auto", "yes" if found.sheet.named else "no", encoding, on_bad)
    name = found.target.name
    if name not in sheet.names:
        raise Trouble(say("there is no column {name} with the answers", name=name),
                      say("a test file needs them; to answer rows without: deepen predict RUN {file}", file=path), sheet.file)
    findings: list[Finding] = []
    columns = columns_like(found.row, sheet, findings)
    cells = sheet.columns[sheet.names.index(name)]
    if found.target.values is not None:
        numbers = _classes(found, sheet, cells, findings)
    else:
        numbers = numbers_of(cells, has_decimal_commas(sheet))
        if isinstance(found.kind, Label):
            numbers = _class_numbers(found, sheet, numbers)
    rows = np.flatnonzero(~np.isnan(numbers))
    tell_missing(len(sheet) - len(rows), name, sheet, findings)
    if not len(rows):
        raise Trouble(say("no row has an answer in column {name}", name=name), say("give a test file with answers"),
                      sheet.file)
    found.findings += findings
    answers = torch.from_numpy(numbers[rows]).to(torch.int64 if isinstance(found.kind, Label) else torch.float32)
    return Table(sheet, columns, [], Column(name, numbers, found.target.values), found.kind, answers, rows)


def rows_like(row: Row, path: Path, encoding: str = "") -> tuple[Tensor, list[Finding]]:
    """The rows of a file as a trained model wants them: float32 (rows, columns), and what was noticed. A file without
    names has its columns in the order of training."""
    sheet = read(path, encoding=encoding)
    if not sheet.named and len(sheet.names) == len(row.names):
        sheet.names = list(row.names)
    findings: list[Finding] = []
    return encode(columns_like(row, sheet, findings)), findings


def columns_like(row: Row, sheet: Sheet, findings: list[Finding]) -> list[Column]:
    """The columns a row kind names, out of another sheet; a category that is not known becomes missing, aloud."""
    absent = [name for name in row.names if name not in sheet.names]
    if absent:
        raise Trouble(say("columns {names} are missing", names=few(absent)),
                      say("the columns needed are {names}", names=few(row.names, 20)), sheet.file)
    comma, columns = has_decimal_commas(sheet), []
    for name, values in zip(row.names, row.values, strict=True):
        cells = sheet.columns[sheet.names.index(name)]
        if values is None:
            columns.append(Column(name, numbers_of(cells, comma), None))
            continue
        codes, words = codes_of(cells)
        place = {word: i for i, word in enumerate(values)}
        strange = sorted({word for word in words if word not in place and word not in UNKNOWN})
        if strange:
            findings.append(Finding("warning", say("values that training does not have are read as missing: {values}",
                                                   values=few(strange)), "", sheet.file, column_place(name)))
        columns.append(Column(name, np.array([place.get(word, np.nan) for word in words], np.float64)[codes], values))
    return columns


def _classes(found: Table, sheet: Sheet, cells, findings: list[Finding]) -> np.ndarray:
    """Class numbers of words. `>50K.` for `>50K` (a well-known test file ends so) is understood, aloud."""
    codes, words = codes_of(cells)
    known = found.kind.names
    full = [word for word in words if word not in UNKNOWN]
    if full and all(word.endswith(".") and word[:-1] in known for word in full):
        findings.append(Finding("note", say("the classes end with a dot ({value}), which is left out", value=full[0]), "",
                                sheet.file, column_place(found.target.name)))
        words = [word.removesuffix(".") for word in words]
    _refuse_strange([word for word in words if word not in known and word not in UNKNOWN], found, sheet)
    return np.array([known.index(word) if word in known else np.nan for word in words], np.float64)[codes]


def _class_numbers(found: Table, sheet: Sheet, numbers: np.ndarray) -> np.ndarray:
    """Class numbers of classes that are written as numbers."""
    known = np.array([float(name) for name in found.kind.names])
    place = np.searchsorted(known, numbers).clip(0, len(known) - 1)
    given = ~np.isnan(numbers)
    _refuse_strange(sorted({f"{value:.15g}" for value in numbers[given & (known[place] != numbers)]}), found, sheet)
    return np.where(given, place, np.nan)


def _refuse_strange(strange: list[str], found: Table, sheet: Sheet) -> None:
    if strange:
        raise Trouble(say("training does not have the classes {names}; it has {known}", names=few(strange),
                          known=few(found.kind.names)), say("write the classes alike in both files"), sheet.file,
                      column_place(found.target.name))


