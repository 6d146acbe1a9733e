"""Which column of a table is learned, and as what: classes or a number."""
import difflib
import unicodedata

import numpy as np
import torch
from torch import Tensor

from deepen.core.kinds import Label, Number
from deepen.core.words import say
from deepen.sources._column import CLASSES_AT_MOST, Column, as_words
from deepen.sources._finding import Finding, Trouble
from deepen.sources._notice import column_place, few, of_column, together
from deepen.sources._sheet import Sheet

TARGETS = ("target", "label", "class", "y", "타깃", "타겟", "라벨", "레이블", "정답")


def find_target(sheet: Sheet, target: str, columns: list[Column | None], findings: list[Finding]) -> int:
    """The column that was asked for; else the one named target, label, class or y; else the last that can be learned."""
    if target:
        return index_of(sheet, target)
    if len(sheet.names) < 2:
        raise Trouble(say("there is one column only"), say("a table needs a column to learn from and one to tell"), sheet.file)
    mend, lower = say("choose another with target=…"), [name.lower() for name in sheet.names]
    for name in TARGETS:
        if name in lower:
            name = sheet.names[lower.index(name)]
            findings.append(Finding("note", say("the target is the column {name}, by its name", name=name), mend, sheet.file))
            return sheet.names.index(name)
    last = len(sheet.names) - 1
    passed = []
    for i in range(last, -1, -1):
        column = columns[i]
        if column is not None and not (reason := _why_not(column)):
            break
        before = columns[i - 1] if i else None
        if i == last and column is not None and column.distinct < 2 and (before is None or before.values is not None):
            break                                               # most likely what was meant, and refused below
        passed.append(say("{name} {reason}", name=sheet.names[i], reason=reason) if column is not None else "")
    else:
        i, passed = last, []
    why = "; ".join(part for part in passed[:3] if part)
    findings.append(Finding("warning" if why else "note", (
        say("no column is named target, label, class or y, so the target is {name} ({why})", name=sheet.names[i], why=why) if why else
        say("no column is named target, label, class or y, so the target is the last, {name}", name=sheet.names[i])),
        mend, sheet.file))
    return i


def _why_not(column: Column) -> str:
    """Why nobody would want to learn this column; "" where one might."""
    given, distinct = len(column.numbers) - column.missing, column.distinct
    if distinct < 2:
        return say("is empty") if not distinct else say("has one value only")
    if column.is_date:
        return say("is a date")
    if column.values is not None and distinct > max(CLASSES_AT_MOST, given // 2):
        return say("has words that hardly repeat")
    return ""


def index_of(sheet: Sheet, name: str) -> int:
    """The place of a column a person named; `Trouble` with the nearest name."""
    name = unicodedata.normalize("NFC", name).strip()
    if name in sheet.names:
        return sheet.names.index(name)
    near = difflib.get_close_matches(name.lower(), [known.lower() for known in sheet.names], 1, 0.5)
    raise Trouble(say("there is no column {name}", name=name), (
        say("did you mean {near}?", near=next(known for known in sheet.names if known.lower() == near[0])) if near else
        say("the columns are {names}", names=", ".join(sheet.names[:20]) + (", …" if len(sheet.names) > 20 else ""))),
        sheet.file)


def answers_of(sheet: Sheet, asked: Column, task: str, findings: list[Finding]) -> tuple[Column, Label | Number, Tensor, np.ndarray]:
    """(target column, its kind, answers, rows that have one)."""
    name, place = asked.name, column_place(asked.name)
    cells = sheet.columns[sheet.names.index(name)]
    if asked.values is not None or (asked.form.startswith("unit:") and task != "numbers" and asked.distinct <= CLASSES_AT_MOST):
        asked = as_words(name, cells)                           # "NA" among words is a word; 1반, 2반, 3반 are classes
        if task == "numbers":
            raise Trouble(say("the target has words ({values}), not numbers", values=few(asked.values or ())),
                          say("leave data.task=numbers out, or choose another target=…"), sheet.file, place)
    findings += together(of_column(asked, sheet), sheet.file)
    rows = np.flatnonzero(~np.isnan(asked.numbers))
    tell_missing(len(sheet) - len(rows), name, sheet, findings)
    told, count = asked.numbers[rows], asked.distinct
    if count < 2:
        what = few(asked.values) if asked.values else f"{told[0]:g}" if len(told) else ""
        raise Trouble(say("the target has one value only ({value})", value=what) if count else say("the target is empty"),
                      say("nothing can be told apart; choose another column with target=…"), sheet.file, place)
    whole = asked.values is None and not asked.form and bool((told == np.round(told)).all())
    repeat = count <= CLASSES_AT_MOST and count <= len(rows) / 2
    if asked.values is None and not (task == "classes" or (task == "auto" and whole and repeat)):
        units = say("days since 1970-01-01") if asked.is_date else asked.form.partition(":")[2]
        return asked, Number(name, units), torch.from_numpy(told.astype(np.float32)), rows
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


def tell_missing(count: int, name: str, sheet: Sheet, findings: list[Finding]) -> None:
    if count:
        findings.append(Finding("warning", say("{count} rows have no target and are left out", count=count),
                                say("fill in the target where it is known"), sheet.file, column_place(name)))
