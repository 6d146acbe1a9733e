"""Columns that give the answer away: copies of the target, the target in another unit, what is known only afterwards."""
import numpy as np

from deepen.core.kinds import Label
from deepen.core.words import say
from deepen.sources._column import Column
from deepen.sources._notice import Notice
from deepen.sources._table import Table

FEW = 20                # rows; among fewer a column agrees with the target by chance
SAMPLE = 50_000         # rows looked at
SURE = 0.95             # share of the mistakes of a constant guess that one column alone removes
NEAR = 0.8              # so good are honest columns at the best
PURE = 0.995            # of the rows of one value have one class


def of(seen: Table) -> list[Notice]:
    """A warning for each column that alone (nearly) tells the target while others do not, and for each single value
    that nearly always goes with one class."""
    if len(seen.rows) < FEW:
        return []
    step = max(1, len(seen.rows) // SAMPLE)
    rows, answers = seen.rows[::step], seen.answers.numpy()[::step]
    columns = [column for column in seen.columns if ":" not in column.form or column.form.startswith(("date:", "unit:"))]
    return _of_classes(columns, rows, answers, len(seen.kind.names)) if isinstance(seen.kind, Label) else _of_numbers(columns, rows, answers)


def _of_classes(columns: list[Column], rows: np.ndarray, y: np.ndarray, classes: int) -> list[Notice]:
    counts = np.bincount(y, minlength=classes)
    if len(y) - counts.max() < 5:
        return []
    base = (len(y) - counts.max()) / len(y)
    skills = np.array([1 - mistakes(column.numbers[rows], y, classes, column.values is not None) / base for column in columns])
    order = np.sort(skills)
    notices = []
    for column, skill in zip(columns, skills, strict=True):
        others = order[:-1] if skill == order[-1] else order
        honest = others[others < SURE]
        alone = skill >= 1 - 1e-9 or (skill >= SURE and (not len(honest) or honest[-1] < NEAR))
        if skill >= SURE and alone and (len(columns) > 1 or _copies(column.numbers[rows], y)):
            notices.append(_told(column.name, say("it tells the target alone ({share:.1%} right), as a copy does or what is known only afterwards",
                                                  share=1 - (1 - skill) * base)))
        elif (value := _pure(column, rows, y, counts)) and order[-1] < SURE:
            shown, rest = value
            notices.append(_told(column.name, say(
                "its value {value} goes with one class only ({count} rows, {share:.0%} of that class), as what is known only afterwards does",
                value=shown, **rest)))
    return notices


def _told(name: str, cause: str) -> Notice:
    return Notice(name, "warning", cause, lambda name: say("if so, leave it out with data.drop={name}", name=name))


def mistakes(x: np.ndarray, y: np.ndarray, classes: int, words: bool = False) -> float:
    """The share of rows that the best rule on one column gets wrong: the majority among the other rows with the same
    value (or in the same of many bins), or one border between numbers with a class on either side."""
    codes = _codes(x, words, max(10, min(200, len(x) // 20)))
    values = int(codes.max()) + 1
    best = 1.0
    if values * classes <= 5_000_000:
        table = np.bincount(codes * classes + y, minlength=values * classes).reshape(values, classes)
        own = table[codes].astype(np.float64)
        own[np.arange(len(y)), y] -= 1                      # without the row itself
        guess = np.where(own.max(1) > 0, own.argmax(1), np.bincount(y).argmax())
        best = float((guess != y).mean())
    if not words and classes <= 20:
        best = min(best, _border(x, y, classes))
    return best


def _codes(x: np.ndarray, words: bool, bins: int) -> np.ndarray:
    """A small number for each value or bin; what is missing is one more."""
    there = ~np.isnan(x)
    different = np.unique(x[there])
    codes = np.zeros(len(x), np.int64)
    if words or len(different) <= bins:
        codes[there] = np.searchsorted(different, x[there]) + 1
    else:
        ends = np.unique(np.quantile(x[there], np.linspace(0, 1, bins + 1)[1:-1]))
        codes[there] = np.searchsorted(ends, x[there], side="right") + 1
    return codes


def _border(x: np.ndarray, y: np.ndarray, classes: int) -> float:
    """Mistakes of the best rule `x < t`; rows without a number are guessed as the most of them are."""
    there = ~np.isnan(x)
    lost = int((~there).sum() - np.bincount(y[~there], minlength=1).max())
    order = np.argsort(x[there], kind="stable")
    values, told = x[there][order], y[there][order]
    if not len(values):
        return 1.0
    left = np.cumsum(np.eye(classes, dtype=np.int64)[told], 0)
    right = left[-1] - left
    ends = np.append(values[1:] != values[:-1], True)
    good = (left.max(1) + right.max(1))[ends].max()
    return (lost + len(values) - good) / len(y)


def _copies(x: np.ndarray, y: np.ndarray) -> bool:
    """Does each value go with one answer, and each answer with one value?"""
    if np.isnan(x).any():
        return False
    pairs = len(np.unique(np.column_stack([x, y]), axis=0))
    return pairs == len(np.unique(x)) == len(np.unique(y))


def _pure(column: Column, rows: np.ndarray, y: np.ndarray, counts: np.ndarray):
    """(value, facts) of a value that has one class in (nearly) all of its many rows, and most rows of that class."""
    x = column.numbers[rows]
    values = np.unique(x[~np.isnan(x)])
    if len(values) > 50 or not len(values):
        return None
    for value in [*values, np.nan]:
        mine = np.isnan(x) if np.isnan(value) else x == value
        if mine.sum() < 30:
            continue
        inside = np.bincount(y[mine], minlength=len(counts))
        top = int(inside.argmax())
        usual = counts[top] / len(y)
        if inside[top] >= PURE * mine.sum() and inside[top] >= 0.5 * counts[top] and usual < 0.7:
            shown = say("(missing)") if np.isnan(value) else column.values[int(value)] if column.values is not None else f"{value:g}"
            return repr(shown[:30]), {"count": int(mine.sum()), "share": inside[top] / counts[top]}
    return None


def _of_numbers(columns: list[Column], rows: np.ndarray, y: np.ndarray) -> list[Notice]:
    """Against a target of numbers: a copy, the same in another unit, or what always rises and falls with it."""
    ranks = _ranks(y)
    near = []
    for column in columns:
        x = column.numbers[rows]
        there = ~np.isnan(x)
        if column.values is not None or there.sum() < FEW or np.ptp(x[there]) == 0:
            near.append(0.0)
            continue
        straight = abs(np.corrcoef(x[there], y[there])[0, 1])
        near.append(max(straight, abs(np.corrcoef(_ranks(x[there]), ranks[there])[0, 1]) if straight > 0.5 else 0.0))
    honest = max((one for one in near if one < 0.9999), default=0.0)
    told = []
    for column, one in zip(columns, near, strict=True):
        if one >= 1 - 1e-7 or (one >= 0.9999 and honest < 0.99):
            told.append(Notice(column.name, "warning", say(
                "it follows the target exactly (correlation {correlation:.5f}), as the same in another unit does or what is known only afterwards",
                correlation=one), lambda name: say("if so, leave it out with data.drop={name}", name=name)))
    return told


def _ranks(x: np.ndarray) -> np.ndarray:
    _, place, count = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    return (ends - (count - 1) / 2)[place]
