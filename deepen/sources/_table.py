"""A sheet of text -> a target, rows of numbers and categories, and three splits; every guess becomes a finding."""
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label, Number, Row
from deepen.core.words import say
from deepen.sources._column import Column, as_words, understand
from deepen.sources._finding import Finding, Trouble
from deepen.sources._sheet import Sheet, read
from deepen.sources._split import shares

TARGETS = ("target", "label", "class", "y")
FEW_ROWS = 5                        # below this nothing can be learned, validated and tested
CLASSES_AT_MOST = 20                # different whole numbers that are still classes
LONG_TEXT = 1000                    # letters; a category is shorter
NAMED_ROWS = 200_000                # above this no row remembers its line


@dataclass
class Table:
    """A table that was understood: what `table` returns as data, and what `check` looks at."""
    sheet: Sheet
    columns: list[Column]           # inputs that are used
    left_out: list[Column]
    target: Column
    kind: Label | Number
    answers: Tensor                 # (rows,) int64 classes or float32 numbers
    rows: np.ndarray                # rows of the sheet that have an answer
    findings: list[Finding] = field(default_factory=list)

    @property
    def row(self) -> Row:
        return Row(tuple(column.name for column in self.columns), tuple(column.values for column in self.columns))


def look(path: Path, target: str = "", task: str = "auto", drop: Iterable[str] = (), header: str = "auto",
         delimiter: str = "auto", encoding: str = "", on_bad: str = "stop") -> Table:
    """Read and understand a table; `Trouble` where it cannot be learned from."""
    sheet = read(path, delimiter, header, encoding, on_bad)
    findings = list(sheet.findings)
    index = find_target(sheet, target, findings)
    if len(sheet) < FEW_ROWS:
        raise Trouble(say("there are only {count} rows", count=len(sheet)),
                      say("at least {needed} are needed to learn, to validate and to test", needed=FEW_ROWS), sheet.file)
    dropped = {_index(sheet, name) for name in drop}
    comma = has_decimal_commas(sheet)
    columns = [understand(name, cells, comma) for i, (name, cells) in
               enumerate(zip(sheet.names, sheet.columns, strict=True)) if i != index and i not in dropped]
    asked = understand(sheet.names[index], sheet.columns[index], comma)
    asked, kind, answers, rows = _answers(sheet, index, asked, task, findings)
    used, left = _used(columns, sheet, findings)
    if not used:
        raise Trouble(say("no column is left to learn {target} from: {names} hold nothing, text or identifiers",
                          target=asked.name, names=few([column.name for column in left])),
                      say("give a table with columns of numbers or of categories"), sheet.file)
    for column in used:
        tell_column(column, sheet, findings)
    return Table(sheet, used, left, asked, kind, answers, rows, findings)


def split(found: Table, valid: float, share: float, test: Table | None, origin: str, seed: int) -> Data:
    """The table as data. Without a table for the test a seeded share of the rows is held out."""
    examples = examples_of(found)
    target = found.answers if isinstance(found.kind, Label) else None
    parts = shares(target, len(examples), valid, share, seed)
    splits = {name: examples.part(rows) for name, rows in parts.items()}
    if test is not None:
        splits["test"] = examples_of(test)
    elif share > 0:
        found.findings.append(Finding("note", say("there is no test file: {share:.0%} of the rows were held out by seed {seed}",
                                                  share=share, seed=seed), "", found.sheet.file))
    return Data(splits, found.row, found.kind, origin=origin,
                said=tuple(str(finding) for finding in found.findings if finding.level != "error"))


def encode(columns: list[Column]) -> Tensor:
    """Columns -> float32 (rows, columns)."""
    return torch.from_numpy(np.stack([column.numbers for column in columns], 1).astype(np.float32))


def find_target(sheet: Sheet, target: str, findings: list[Finding]) -> int:
    if target:
        return _index(sheet, target)
    if len(sheet.names) < 2:
        raise Trouble(say("there is one column only"), say("a table needs a column to learn from and one to tell"), sheet.file)
    lower = [name.lower() for name in sheet.names]
    for name in TARGETS:
        if name in lower:
            findings.append(Finding("note", say("the target is the column {name}, by its name", name=sheet.names[lower.index(name)]),
                                    say("choose another with target=…"), sheet.file))
            return lower.index(name)
    findings.append(Finding("note", say("no column is named target, label, class or y, so the target is the last, {name}",
                                        name=sheet.names[-1]), say("choose another with target=…"), sheet.file))
    return len(sheet.names) - 1


def _index(sheet: Sheet, name: str) -> int:
    import difflib
    import unicodedata
    name = unicodedata.normalize("NFC", name).strip()
    if name in sheet.names:
        return sheet.names.index(name)
    near = difflib.get_close_matches(name.lower(), [known.lower() for known in sheet.names], 1, 0.5)
    raise Trouble(say("there is no column {name}", name=name), (
        say("did you mean {near}?", near=next(known for known in sheet.names if known.lower() == near[0])) if near else
        say("the columns are {names}", names=", ".join(sheet.names[:20]) + (", …" if len(sheet.names) > 20 else ""))),
        sheet.file)


def has_decimal_commas(sheet: Sheet) -> bool:
    """Does some column of this file certainly write 155,7? Then 1,395 in another one is a decimal number too."""
    if sheet.delimiter == ",":
        return False
    return any(understand(name, cells.slice(0, 200)).decimal_comma
               for name, cells in zip(sheet.names[:50], sheet.columns, strict=False))


def _answers(sheet: Sheet, index: int, asked: Column, task: str, findings: list[Finding]):
    """(target column, its kind, answers, rows that have one)."""
    name, place = asked.name, column_place(asked.name)
    if asked.values is not None:                                # "NA" among words is a word
        asked = as_words(name, sheet.columns[index])
        if task == "numbers":
            raise Trouble(say("the target has words ({values}), not numbers", values=few(asked.values or ())),
                          say("leave data.task=numbers out, or choose another target=…"), sheet.file, place)
    tell_column(asked, sheet, findings)
    rows = np.flatnonzero(~np.isnan(asked.numbers))
    tell_missing(len(sheet) - len(rows), name, sheet, findings)
    told, count = asked.numbers[rows], asked.distinct
    if count < 2:
        what = few(asked.values) if asked.values else f"{told[0]:g}" if len(told) else ""
        raise Trouble(say("the target has one value only ({value})", value=what) if count else say("the target is empty"),
                      say("nothing can be told apart; choose another column with target=…"), sheet.file, place)
    whole = asked.values is None and bool((told == np.round(told)).all())
    if asked.values is None and not (task == "classes" or (task == "auto" and whole and count <= CLASSES_AT_MOST)):
        return asked, Number(name), torch.from_numpy(told.astype(np.float32)), rows
    if count > max(CLASSES_AT_MOST, len(rows) // 2):
        raise Trouble(say("the target has {count} different values in {rows} rows", count=count, rows=len(rows)),
                      say("classes have to repeat; choose another column with target=…"), sheet.file, place)
    different, codes = np.unique(told, return_inverse=True)
    names = asked.values or tuple(f"{value:.15g}" for value in different)
    if asked.values is None and task == "auto":
        findings.append(Finding("note", say("{count} different whole numbers ({values}) are read as classes", count=count,
                                            values=few(names)), say("if they are amounts, say data.task=numbers"), sheet.file, place))
    counts = np.bincount(codes)
    if (counts == 1).any():
        findings.append(Finding("warning", say("classes with one row only: {names}", names=few(
            [names[i] for i in np.flatnonzero(counts == 1)])), say("what is learned of them cannot be validated; add rows"),
            sheet.file, place))
    return asked, Label(tuple(names)), torch.from_numpy(codes.astype(np.int64)), rows


def _used(columns: list[Column], sheet: Sheet, findings: list[Finding]) -> tuple[list[Column], list[Column]]:
    """Columns that can teach something, and those that cannot: all missing, or words that hardly repeat."""
    used, left = [], []
    for column in columns:
        given = len(sheet) - column.missing
        if not given:
            cause = say("every cell is missing")
        elif column.values is not None and column.distinct > max(CLASSES_AT_MOST, given // 2):
            cause = say("{count} of {given} words differ (names, text or identifiers)", count=column.distinct, given=given)
        elif column.values is not None and max(map(len, column.values)) > LONG_TEXT:
            cause = say("it holds texts of more than {count} letters", count=LONG_TEXT)
        elif sheet.named and column.name == f"c{sheet.names.index(column.name) + 1}" and counts_rows(column):
            cause = say("it has no name and counts the rows")
        else:
            if counts_rows(column) and len(sheet) > CLASSES_AT_MOST:
                findings.append(Finding("warning", say("the column counts the rows: it looks like an identifier"),
                                        say("leave it out with data.drop={name}", name=column.name), sheet.file,
                                        column_place(column.name)))
            used.append(column)
            continue
        left.append(column)
        findings.append(Finding("note", say("{cause}: the column is left out", cause=cause), "", sheet.file, column_place(column.name)))
    return used, left


def tell_column(column: Column, sheet: Sheet, findings: list[Finding]) -> None:
    place = column_place(column.name)
    if column.said:
        findings.append(Finding("note", column.said, "", sheet.file, place))
    if len(column.strange):
        row = int(column.strange[0])
        cell = sheet.columns[sheet.names.index(column.name)][row].as_py()
        findings.append(Finding("warning", say("{count} cells are no numbers and are read as missing (first {cell} in {line})",
                                               count=len(column.strange), cell=repr(cell[:30]), line=sheet.line(row)),
                                say("mend them, or leave the column out with data.drop={name}", name=column.name), sheet.file, place))
    if len(column.infinite):
        findings.append(Finding("warning", say("{count} cells are infinite and are read as missing (first in {line})",
                                               count=len(column.infinite), line=sheet.line(int(column.infinite[0]))),
                                say("write what was measured, or leave the cells empty"), sheet.file, place))


def tell_missing(count: int, name: str, sheet: Sheet, findings: list[Finding]) -> None:
    if count:
        findings.append(Finding("warning", say("{count} rows have no target and are left out", count=count), "",
                                sheet.file, column_place(name)))


def counts_rows(column: Column) -> bool:
    """1, 2, 3, …: every number one more than the one before."""
    return column.values is None and len(column.numbers) > 1 and bool((np.diff(column.numbers) == 1).all())


def column_place(name: str) -> str:
    return say("column {name}", name=name if len(name) <= 60 else name[:60] + "…")


def few(values: Sequence[str], count: int = 5) -> str:
    """The first values, for a sentence."""
    return ", ".join(value if len(value) <= 30 else value[:30] + "…" for value in values[:count]) + ", …" * (len(values) > count)


def examples_of(found: Table) -> Examples:
    """The rows that have an answer, each with its line."""
    names = [found.sheet.line(row) for row in found.rows] if len(found.rows) <= NAMED_ROWS else None
    return Examples(encode(found.columns)[torch.from_numpy(found.rows)], found.answers, names)
