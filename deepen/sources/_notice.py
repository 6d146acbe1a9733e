"""What single columns of a table say about themselves; equal things about many columns are said once."""
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deepen.core.words import say
from deepen.sources._column import CLASSES_AT_MOST, Column, is_number
from deepen.sources._finding import Finding, Level
from deepen.sources._sheet import Sheet

AT_MOST = 5                         # findings of one kind that are told one by one
IDENTIFIER = re.compile(r"(^|[_\s.-])(id|no|key|uuid|guid|idx|index)$|[a-z](Id|ID|No)$|번호$|아이디$|순번$|연번$|학번$|사번$", re.I)


@dataclass(frozen=True)
class Notice:
    """A finding about one column; `mend` is told the name of the column, or of all that it holds for."""
    name: str
    level: Level
    cause: str
    mend: Callable[[str], str] = lambda _: ""
    line: str = ""

    def finding(self, file: str) -> Finding:
        return Finding(self.level, self.cause, self.mend(self.name), file, column_place(self.name))


def drop(name: str) -> str:
    return say("leave it out with data.drop={name}", name=name)


def together(notices: Sequence[Notice], file: str) -> list[Finding]:
    """Findings, in their order. One cause about more than a few columns is one finding, which names the first ones."""
    groups: dict[tuple[Level, str], list[Notice]] = {}
    for notice in notices:
        groups.setdefault((notice.level, re.sub(r"'.*?'|[\d.,%:/-]+", "", notice.cause)), []).append(notice)
    found = []
    for (level, _), these in groups.items():
        if len(these) <= AT_MOST:
            found += [notice.finding(file) for notice in these]
            continue
        names = [notice.name for notice in these]
        same = len({notice.cause for notice in these}) == 1
        cause = these[0].cause if same else say("for example {name}: {cause}", name=short(names[0]), cause=these[0].cause)
        found.append(Finding(level, cause, these[0].mend(",".join(names[:20]) + (",…" if len(names) > 20 else "")), file,
                             say("{count} columns: {names}", count=len(names), names=few(names))))
    return found


def of_column(column: Column, sheet: Sheet) -> list[Notice]:
    """How a column was read, and which of its cells could not be."""
    name, notices = column.name, []
    if column.said:
        notices.append(Notice(name, "note", column.said))
    if len(column.strange):
        row = int(column.strange[0])
        cell = sheet.columns[sheet.names.index(name)][row].as_py()
        values = {"count": len(column.strange), "cell": repr(cell[:30]), "line": sheet.line(row)}
        notices.append(Notice(name, "warning", (
            say("{count} cells hold no date and are read as missing (first {cell} in {line})", **values) if column.is_date else
            say("{count} cells hold no number and are read as missing (first {cell} in {line})", **values)),
            lambda name: say("mend them, or leave the column out with data.drop={name}", name=name)))
    if len(column.infinite):
        notices.append(Notice(name, "warning", say(
            "{count} cells are infinite and are read as missing (first in {line})", count=len(column.infinite),
            line=sheet.line(int(column.infinite[0]))), lambda _: say("write what was measured, or leave the cells empty")))
    return notices + of_spelling(column)


def of_spelling(column: Column) -> list[Notice]:
    """Words that differ only by capitals, blanks or the width of their letters."""
    if not column.values or len(column.values) > 2000:
        return []
    alike: dict[str, list[str]] = {}
    for value in column.values:
        if len(value) <= 100:
            alike.setdefault(spelled(value), []).append(value)
    twice = [values for values in alike.values() if len(values) > 1]
    if not twice:
        return []
    shown = "; ".join(" / ".join(repr(value) for value in values[:3]) for values in twice[:3])
    return [Notice(column.name, "warning", say("words differ only by capitals or blanks: {words}", words=shown),
                   lambda _: say("write them alike; now they count as different words"))]


def of_mixture(column: Column) -> list[Notice]:
    """Words among numbers, so many of either that nobody can say which is meant."""
    if not column.values or len(column.values) < 4:
        return []
    numbers = [is_number(value) for value in column.values]
    if not 0.5 * len(numbers) <= sum(numbers) < len(numbers):
        return []
    return [Notice(column.name, "warning", say(
        "numbers and words are mixed ({count} of {distinct} different cells are numbers, {word} is none), so all are read as words",
        count=sum(numbers), distinct=len(numbers), word=repr(short(column.values[numbers.index(False)]))),
        lambda _: say("write a number in every cell, or leave the cell empty"))]


def of_names(columns: Sequence[Column], size: int) -> list[Notice]:
    """Columns of numbers that look like identifiers: they count the rows, or are named so and never repeat."""
    notices = []
    for column in columns:
        if column.values is not None or column.form or size <= CLASSES_AT_MOST:
            continue
        if counts_rows(column):
            cause = say("the column counts the rows: it looks like an identifier")
        elif IDENTIFIER.search(column.name) and column.distinct == size and (column.numbers == np.round(column.numbers)).all():
            cause = say("the column is named like an identifier, and every row has another value")
        else:
            continue
        notices.append(Notice(column.name, "warning", cause, drop))
    return notices


def spelled(word: str) -> str:
    """A word without what people write one way or another: capitals, blanks, full-width letters."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", word).casefold())


def counts_rows(column: Column) -> bool:
    """1, 2, 3, …: every number one more than the one before."""
    return column.values is None and len(column.numbers) > 1 and bool((np.diff(column.numbers) == 1).all())


def column_place(name: str) -> str:
    return say("column {name}", name=name if len(name) <= 60 else name[:60] + "…")


def short(name: str) -> str:
    return name if len(name) <= 30 else name[:30] + "…"


def few(values: Sequence[str], count: int = 5) -> str:
    """The first values, for a sentence."""
    return ", ".join(map(short, values[:count])) + ", …" * (len(values) > count)
