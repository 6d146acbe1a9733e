"""A sheet of text -> a target, rows of numbers and categories, and three splits; every guess becomes a finding."""
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label, Number, Row
from deepen.core.words import say
from deepen.sources._column import CLASSES_AT_MOST, Column, codes_of, understand
from deepen.sources._finding import Finding, Trouble
from deepen.sources._notice import Notice, column_place, counts_rows, few, of_column, of_mixture, of_names, together
from deepen.sources._rows import copies_of, fingerprints
from deepen.sources._sheet import Sheet, read
from deepen.sources._split import shares, united
from deepen.sources._target import TARGETS, answers_of, find_target, index_of

FEW_ROWS = 5                        # below this nothing can be learned, validated and tested
LONG_TEXT = 1000                    # letters; a category is shorter
KOREAN = {"month": "월", "weekday": "요일", "hour": "시"}
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
    groups: Tensor | None = None    # (rows,) int64: rows that stay in one split
    order: Tensor | None = None     # (rows,) float64: when each row was

    @property
    def row(self) -> Row:
        forms = tuple(column.form for column in self.columns)
        return Row(tuple(column.name for column in self.columns), tuple(column.values for column in self.columns),
                   forms if any(forms) else ())


def look(path: Path, target: str = "", task: str = "auto", drop: Iterable[str] = (), header: str = "auto",
         delimiter: str = "auto", encoding: str = "", on_bad: str = "stop", group: str = "", time: str = "") -> Table:
    """Read and understand a table; `Trouble` where it cannot be learned from."""
    sheet = read(path, delimiter, header, encoding, on_bad)
    findings = list(sheet.findings)
    if len(sheet) < FEW_ROWS:
        raise Trouble(say("there are only {count} rows", count=len(sheet)),
                      say("at least {needed} are needed to learn, to validate and to test", needed=FEW_ROWS), sheet.file)
    dropped = {index_of(sheet, name) for name in drop}
    apart = dropped | ({index_of(sheet, group)} if group else set())
    comma = has_decimal_commas(sheet)
    columns = [None if i in apart else understand(name, cells, comma)
               for i, (name, cells) in enumerate(zip(sheet.names, sheet.columns, strict=True))]
    index = find_target(sheet, target, columns, findings)
    if (wanted := index if target or sheet.names[index].lower() in TARGETS else len(sheet.names) - 1) in dropped:
        raise Trouble(say("the target {name} is among the columns to leave out", name=sheet.names[wanted]),
                      say("name another with target=…, or take it out of data.drop"), sheet.file, column_place(sheet.names[wanted]))
    asked = columns[index] or understand(sheet.names[index], sheet.columns[index], comma)
    asked, kind, answers, rows = answers_of(sheet, asked, task, findings)
    known = [column for i, column in enumerate(columns) if column is not None and i != index]
    used, left, notices = _used(known, sheet)
    if not used:
        raise Trouble(say("no column is left to learn {target} from; left out as empty, text or identifiers: {names}",
                          target=asked.name, names=few([column.name for column in left])),
                      say("give a table with columns of numbers or of categories"), sheet.file)
    findings += together([*notices, *(notice for column in used for notice in of_column(column, sheet)),
                          *of_names(used, len(sheet))], sheet.file)
    order = _order(sheet, time, columns, comma, findings) if time else None
    if order is not None:
        missing = np.isnan(order[rows])
        if missing.any():
            _refuse_timeless(sheet, time, rows[missing], on_bad, findings)
            answers, rows = answers[torch.from_numpy(~missing)], rows[~missing]
    found = Table(sheet, [part for column in used for part in with_parts(column, findings, sheet)], left, asked, kind, answers,
                  rows, findings)
    found.order = None if order is None else torch.from_numpy(order[rows])
    found.groups = _groups(found, group, [*known, asked])
    if not time:
        _tell_of_time(found, used)
    return found


def split(found: Table, valid: float, share: float, test: Table | None, origin: str, seed: int, group: str = "",
          time: str = "", folds: int = 0, fold: int = 1) -> Data:
    """The table as data. Without a table for the test a seeded share of the rows (the newest, by `time`) is held out."""
    examples = examples_of(found)
    target = found.answers if isinstance(found.kind, Label) else None
    parts = shares(target, len(examples), valid, 0 if test is not None else share, seed, found.groups, found.order, folds, fold)
    splits = {name: examples.part(rows) for name, rows in parts.items()}
    file = found.sheet.file
    if test is not None:
        splits["test"] = examples_of(test)
        _tell_of_both(found, test)
    elif share > 0 and time:
        found.findings.append(Finding("note", say("there is no test file: the newest {share:.0%} of the rows by {time} are the test",
                                                  share=share, time=time), "", file))
    elif share > 0:
        found.findings.append(Finding("note", say("there is no test file: {share:.0%} of the rows were held out by seed {seed}",
                                                  share=share, seed=seed), "", file))
    if group:
        found.findings.append(Finding("note", say("all rows of one {group} are in the same split, and {group} is no input",
                                                  group=group), "", file, column_place(group)))
    return Data(splits, found.row, found.kind, origin=origin,
                said=tuple(str(finding) for finding in found.findings if finding.level != "error"))


def encode(columns: list[Column]) -> Tensor:
    """Columns -> float32 (rows, columns)."""
    told = np.empty((len(columns[0].numbers), len(columns)), np.float32)
    for i, column in enumerate(columns):
        told[:, i] = column.numbers
    return torch.from_numpy(told)


def examples_of(found: Table) -> Examples:
    """The rows that have an answer, each with its line."""
    names = [found.sheet.line(row) for row in found.rows] if len(found.rows) <= NAMED_ROWS else None
    inputs = encode(found.columns)
    return Examples(inputs if len(found.rows) == len(inputs) else inputs[torch.from_numpy(found.rows)], found.answers, names)


def has_decimal_commas(sheet: Sheet) -> bool:
    """Does some column of this file certainly write 155,7? Then 1,395 in another one is a decimal number too."""
    if sheet.delimiter == ",":
        return False
    return any(understand(name, cells.slice(0, 200)).decimal_comma
               for name, cells in zip(sheet.names[:50], sheet.columns, strict=False))


def with_parts(column: Column, findings: list[Finding], sheet: Sheet) -> list[Column]:
    """A column of dates, and beside it what may come again: the month, the day of the week, the hour."""
    if not column.is_date:
        return [column]
    given = column.numbers[~np.isnan(column.numbers)]
    dates = np.floor(given).astype("datetime64[D]")
    of_month = (dates - dates.astype("datetime64[M]")).astype(int)
    wanted = [part for part, good in (
        ("month", given.max() - given.min() > 366 and len(np.unique(month_of(given))) > 1),
        ("weekday", len(np.unique(of_month)) > 1 and len(np.unique(np.floor(given) % 7)) > 1),
        ("hour", bool((given % 1 > 0).any()))) if good and _named(column.name, part) not in sheet.names]
    how = column.form.partition(":")[2]
    parts = [Column(_named(column.name, part), part_of(column.numbers, part), None, form=f"{part}:{how}:{column.name}")
             for part in wanted]
    if parts:
        findings.append(Finding("note", say("the date is also given as {parts}", parts=", ".join(part.name for part in parts)),
                                say("leave the date out with data.drop={name}", name=column.name), sheet.file,
                                column_place(column.name)))
    return [column, *parts]


def _named(column: str, part: str) -> str:
    """Date (month), or 날짜 (월): in the language of the column, so that it is the same whoever trains."""
    korean = any("가" <= letter <= "힣" for letter in column)
    return f"{column} ({KOREAN[part] if korean else part})"


def part_of(days: np.ndarray, part: str) -> np.ndarray:
    """month 1…12, weekday 0 (Monday) … 6 or hour of days since 1970-01-01; NaN where there is none."""
    told = np.full(len(days), np.nan)
    there = ~np.isnan(days)
    some = days[there]
    told[there] = {"month": month_of, "weekday": lambda some: (np.floor(some) + 3) % 7, "hour": lambda some: some % 1 * 24}[part](some)
    return told


def month_of(days: np.ndarray) -> np.ndarray:
    return np.floor(days).astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1


def _used(columns: list[Column], sheet: Sheet) -> tuple[list[Column], list[Column], list[Notice]]:
    """Columns that can teach something, and those that cannot: all missing, or words that hardly repeat."""
    used: list[Column] = []
    left: list[Column] = []
    notices: list[Notice] = []
    for column in columns:
        column = _without_long(column, sheet, notices)
        notices += of_mixture(column)
        given = len(sheet) - column.missing
        if not given:
            cause = say("every cell is missing")
        elif column.values is not None and column.distinct > max(CLASSES_AT_MOST, given // 2):
            cause = say("{count} of {given} words differ (names, text or identifiers)", count=column.distinct, given=given)
        elif column.values is not None and max(map(len, column.values), default=LONG_TEXT + 1) > LONG_TEXT:
            cause = say("it holds texts of more than {count} letters", count=LONG_TEXT) if column.values else say(
                "{count} of {given} words differ (names, text or identifiers)", count=column.distinct, given=given)
        elif sheet.named and column.name == f"c{sheet.names.index(column.name) + 1}" and counts_rows(column):
            cause = say("it has no name and counts the rows")
        else:
            used.append(column)
            continue
        left.append(column)
        notices.append(Notice(column.name, "note", say("{cause}: the column is left out", cause=cause)))
        notices += of_column(column, sheet) if not given else []
    if not used and (repeat := [column for column in left if column.values and len(max(column.values, key=len)) <= LONG_TEXT
                                and column.distinct < 0.9 * (len(sheet) - column.missing)]):
        names = {column.name for column in repeat}
        notices = [notice for notice in notices if notice.name not in names] + [
            Notice(column.name, "warning", say("{count} of {given} words differ, so little can be learned from it; it is used as there "
                                               "is nothing better", count=column.distinct, given=len(sheet) - column.missing),
                   lambda _: say("add columns of numbers or of words that repeat")) for column in repeat]
        return repeat, [column for column in left if column.name not in names], notices
    return used, left, notices


def _without_long(column: Column, sheet: Sheet, notices: list[Notice]) -> Column:
    """A few texts of thousands of letters among words are no words."""
    long = [i for i, value in enumerate(column.values or ()) if len(value) > LONG_TEXT]
    rows = np.flatnonzero(np.isin(column.numbers, long)) if long else np.empty(0, np.int64)
    if not long or not column.values or len(long) == len(column.values) or len(rows) > 0.1 * len(sheet):
        return column
    notices.append(Notice(column.name, "warning", say(
        "{count} cells hold more than {limit} letters and are read as missing (first in {line})", count=len(rows), limit=LONG_TEXT,
        line=sheet.line(int(rows[0]))), lambda _: say("a category is a word or two; shorten them")))
    place = np.cumsum(~np.isin(np.arange(len(column.values)), long)) - 1.0
    place[long] = np.nan
    there = ~np.isnan(column.numbers)
    numbers = np.full(len(column.numbers), np.nan)
    numbers[there] = place[column.numbers[there].astype(np.int64)]
    return Column(column.name, numbers, tuple(value for value in column.values if len(value) <= LONG_TEXT))


def _order(sheet: Sheet, time: str, columns: list[Column | None], comma: bool, findings: list[Finding]) -> np.ndarray:
    """When each row was, by a column of dates or numbers."""
    index = index_of(sheet, time)
    column = columns[index] or understand(sheet.names[index], sheet.columns[index], comma)
    if column.values is not None or not column.distinct:
        raise Trouble(say("rows cannot be put in order by it: it holds words ({values})", values=few(column.values or ())),
                      say("name a column of dates (2024-01-31) or of numbers in data.time"), sheet.file, column_place(column.name))
    return column.numbers


def _refuse_timeless(sheet: Sheet, time: str, rows: np.ndarray, on_bad: str, findings: list[Finding]) -> None:
    cause = say("{count} rows have no time (first in {line})", count=len(rows), line=sheet.line(int(rows[0])))
    if on_bad == "stop":
        raise Trouble(cause, say("fill in the times, or leave these rows out with --on-bad skip"), sheet.file, column_place(time))
    findings.append(Finding("warning", say("{cause}; they are left out", cause=cause), "", sheet.file, column_place(time)))


def _groups(found: Table, group: str, known: list[Column]) -> Tensor | None:
    """Which rows must stay together: those of one value of `group`, and rows that repeat another one exactly."""
    rules, sheet = [], found.sheet
    if group:
        index = index_of(sheet, group)
        codes, words = codes_of(sheet.columns[index])
        numbers = {word: i for i, word in enumerate(sorted(set(words)))}
        mine = np.array([numbers[word] for word in words], np.int64)[codes][found.rows]
        if "" in numbers and (alone := np.flatnonzero(mine == numbers[""])).size:
            mine[alone] = len(numbers) + np.arange(len(alone))
            found.findings.append(Finding("warning", say("{count} rows have no {group}; each is a group of its own",
                                                         count=len(alone), group=group), say("fill it in where it is known"),
                                          sheet.file, column_place(group)))
        rules.append(torch.from_numpy(mine))
    copies, count, natural = copies_of([column.numbers[found.rows] for column in known])
    if count and natural:
        found.findings.append(Finding("note", say(
            "{count} rows repeat an earlier row, as the columns have few different values; they count as rows of their own",
            count=count), "", sheet.file))
    elif count:
        rules.append(torch.from_numpy(copies))
        found.findings.append(Finding("warning", say(
            "{count} rows repeat an earlier row exactly; copies stay in the same split, so no test row was learned", count=count),
            say("if the same case was written twice, remove the copies"), sheet.file))
    return None if not rules else rules[0] if len(rules) == 1 else united(len(found.rows), *rules)


def _tell_of_both(found: Table, test: Table) -> None:
    """Rows of a test file that are in the training file too: inputs and answer."""
    ours = fingerprints([*(column.numbers[found.rows] for column in found.columns), found.answers.numpy()])
    theirs = fingerprints([*(column.numbers[test.rows] for column in test.columns), test.answers.numpy()])
    count = int(np.isin(theirs, ours).sum())
    if not count:
        return
    values = {"count": count, "rows": len(theirs), "file": found.sheet.file}
    if len(np.unique(ours)) < 0.5 * len(ours):
        found.findings.append(Finding("note", say(
            "{count} of its {rows} rows are in {file} too, as the columns have few different values", **values), "", test.sheet.file))
    else:
        found.findings.append(Finding("warning", say(
            "{count} of its {rows} rows are in {file} too: what is tested was learned", **values),
            say("remove them from one of the files"), test.sheet.file))


def _tell_of_time(found: Table, used: list[Column]) -> None:
    """Rows in the order of a date: what comes later is asked of a model, so what comes later should test it."""
    for column in used:
        steps = np.diff(column.numbers[~np.isnan(column.numbers)]) if column.is_date else np.empty(0)
        if len(steps) and ((steps >= 0).all() or (steps <= 0).all()) and steps.any():
            found.findings.append(Finding("note", say("the rows are in the order of time, but the test rows are drawn from everywhere"),
                                          say("data.time={name} tests on the newest rows, as in real use", name=column.name),
                                          found.sheet.file, column_place(column.name)))
            return


