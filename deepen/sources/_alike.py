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
from deepen.sources._notice import Notice, column_place, few, of_column, spelled, together
from deepen.sources._sheet import Sheet, first_row, read
from deepen.sources._table import Table, encode, examples_of, has_decimal_commas, part_of
from deepen.sources._target import tell_missing


def alike(row: Row, kind: Label | Number, target: str, path: Path, findings: list[Finding], named: bool = True,
          encoding: str = "", on_bad: str = "stop") -> Table:
    """A file that has the columns `row`, and its answers of `kind` in the column `target` ("": found by its name, or
    the last). What is noticed goes into `findings`."""
    sheet = read(path, "auto", "yes" if named else "no", encoding, on_bad)
    name = target or _answered(row, kind, sheet)
    if name not in sheet.names:
        raise Trouble(say("there is no column {name} with the answers", name=name),
                      say("a test file needs them; to answer rows without: deepen predict RUN {file}", file=path), sheet.file)
    columns = columns_like(row, sheet, findings)
    cells = sheet.columns[sheet.names.index(name)]
    if isinstance(kind, Number):
        numbers = _numbers(kind, name, sheet, cells, findings)
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
    wanted = [i for i in range(len(row.names)) if not _is_part(row.form(i))]
    absent = [row.names[i] for i in wanted if row.names[i] not in sheet.names]
    if absent:
        raise Trouble(say("columns {names} are missing", names=few(absent)),
                      say("the columns needed are {names}", names=few([row.names[i] for i in wanted], 20)), sheet.file)
    comma, columns = has_decimal_commas(sheet), dict[str, Column]()
    notices: list[Notice] = []
    for i in wanted:
        name, values, form = row.names[i], row.values[i], row.form(i)
        cells = sheet.columns[sheet.names.index(name)]
        if values is None:
            numbers, strange = numbers_of(cells, comma, form)
            columns[name] = Column(name, numbers, None, strange=strange, form=form)
            notices += of_column(columns[name], sheet)
            if problems is not None:
                problems |= {int(i): _no_number(name, cells[int(i)].as_py()[:30], form) for i in strange}
            continue
        codes, words = codes_of(cells)
        place = {word: i for i, word in enumerate(values)}
        strange_words = sorted({word for word in words if word not in place and word not in UNKNOWN})
        if strange_words:
            notices.append(_unseen(name, strange_words, values))
        columns[name] = Column(name, np.array([place.get(word, np.nan) for word in words], np.float64)[codes], values)
    findings += together(notices, sheet.file)
    for i, name in enumerate(row.names):
        if _is_part(row.form(i)):
            part, _, origin = row.form(i).split(":", 2)
            columns[name] = Column(name, part_of(columns[origin].numbers, part), None, form=row.form(i))
    return [columns[name] for name in row.names]


def target_missing_from(train: Path, test: Path) -> str | None:
    """The one column of `train` that `test` has not: what is to be learned. Only the first lines are read; None when
    the files do not differ by one column, or do not name their columns."""
    known, given = first_row(train), first_row(test)
    absent = [name for name in known or () if name not in (given or ())]
    return absent[0] if given and len(absent) == 1 and set(given) <= set(known or ()) else None


def _is_part(form: str) -> bool:
    return form.partition(":")[0] in ("month", "weekday", "hour")


def _no_number(name: str, cell: str, form: str) -> str:
    if form.startswith("date:"):
        return say("{cell} in column {name} is not a date", cell=cell, name=name)
    unit = form.partition(":")[2]
    return (say("{cell} in column {name} is not a number of {unit}", cell=cell, name=name, unit=unit) if unit else
            say("{cell} in column {name} is not a number", cell=cell, name=name))


def _unseen(name: str, strange: list[str], values: tuple[str, ...]) -> Notice:
    """Words that training does not have; where one is only spelled otherwise, how."""
    known = {spelled(value): value for value in values}
    near = [f"{word!r} → {known[spelled(word)]!r}" for word in strange if spelled(word) in known]
    return Notice(name, "warning", say("values that training does not have are read as missing: {values}", values=few(strange)),
                  lambda _: say("write them as in training: {words}", words=few(near)) if near else
                  say("the model cannot know them; train on rows that have them"))


def _answered(row: Row, kind: Label | Number, sheet: Sheet) -> str:
    """The column with the answers: the last that is no input and holds classes (or numbers) of the model."""
    others = [name for name in sheet.names if name not in row.names] or sheet.names
    for name in reversed(others):
        cells = sheet.columns[sheet.names.index(name)]
        if isinstance(kind, Number):
            if not np.isnan(numbers_of(cells)[0]).all():
                return name
        elif {*codes_of(cells)[1]} & {*kind.names, *(f"{known}." for known in kind.names)}:
            return name
    return others[-1]


def _numbers(kind: Number, name: str, sheet: Sheet, cells, findings: list[Finding]) -> np.ndarray:
    """Answers that are numbers, in the unit of training."""
    for form in ("", f"unit:{kind.units}", "date:ymd", "date:compact"):
        numbers, strange = numbers_of(cells, has_decimal_commas(sheet), form)
        if not len(strange):
            break
    else:
        numbers, strange = numbers_of(cells, has_decimal_commas(sheet), f"unit:{kind.units}" if kind.units else "")
    findings += together(of_column(Column(name, numbers, None, strange=strange), sheet), sheet.file)
    return numbers


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
