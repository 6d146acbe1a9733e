"""Tables: what the columns are, and what in them would spoil what is learned."""
from typing import Any

import numpy as np

from deepen.core.amounts import day
from deepen.core.kinds import Label
from deepen.core.words import Problem, say
from deepen.engine.doctor import leaks
from deepen.engine.doctor.checked import Checked, finding_of, summary_of
from deepen.sources._column import MISSING, Column, cells_of
from deepen.sources._finding import Finding
from deepen.sources._form import Form
from deepen.sources._notice import Notice, drop, together
from deepen.sources._table import Table
from deepen.sources.table import _looked, _made

BINS, SHOWN = 10, 5         # of a histogram of numbers; words with their counts


def examine(form: Form, values: dict[str, Any], found: Checked) -> None:
    """Fill `found` with what a table holds and what is wrong in it; `values` are the settings of the source `table`."""
    try:
        seen = _looked(values)
    except Problem as problem:
        found.findings.append(finding_of(problem, form.path.name))
        return
    found.findings += [*together([*_of_columns(seen), *leaks.of(seen)], seen.sheet.file), *_of_rows(seen)]
    try:
        data = _made(seen, values)
    except Problem as problem:                          # a test file that does not fit, shares that leave nothing
        found.findings += [*seen.findings, finding_of(problem, form.path.name)]
        return
    found.findings += seen.findings
    found.summary = {**summary_of(data), "rows": len(seen.sheet), "target_column": seen.target.name,
                     "columns": [_column(column) for column in seen.columns], "answers": _column(seen.target),
                     "left_out": [column.name for column in seen.left_out]}
    if seen.left_out:
        found.summary["texts"] = [_text(column, seen) for column in seen.left_out[:100]]


def _column(column: Column) -> dict[str, Any]:
    """What a column holds, in plain words and numbers: `bins` are the ends of the ten parts that `counts` counts."""
    told: dict[str, Any] = {"name": column.name, "missing": column.missing, "distinct": column.distinct}
    given = column.numbers[~np.isnan(column.numbers)]
    if column.values is not None:
        counts = np.bincount(given.astype(np.int64), minlength=len(column.values))
        top = np.argsort(-counts, kind="stable")[:SHOWN]
        return {**told, "kind": "words", "values": [value[:60] for value in column.values[:5]],
                "top": [{"value": column.values[i][:60], "count": int(counts[i])} for i in top if counts[i]]}
    if not len(given):
        return {**told, "kind": "numbers", "least": None, "median": None, "most": None}
    low, middle, high = float(given.min()), float(np.median(given)), float(given.max())
    parts, ends = np.histogram(given, BINS)
    histogram = {"bins": [float(f"{end:.6g}") for end in ends], "counts": parts.tolist()}
    if column.is_date:
        return {**told, "kind": "date", "least": low, "median": middle, "most": high, "first": day(low), "last": day(high), **histogram}
    unit = column.form.partition(":")[2] if column.form.startswith("unit:") else ""
    return {**told, "kind": "numbers", "least": low, "median": middle, "most": high, **histogram, **({"unit": unit} if unit else {})}


def _text(column: Column, seen: Table) -> dict[str, Any]:
    """A column that is left out: how many of its words differ, and the first."""
    cells = cells_of(seen.sheet.columns[seen.sheet.names.index(column.name)].slice(0, 1000))
    some = [word for word in cells.words.to_pylist() if word not in MISSING][:3]
    return {"name": column.name, "missing": column.missing, "distinct": column.distinct, "kind": "text",
            "values": [word[:60] for word in some]}


def _of_columns(seen: Table) -> list[Notice]:
    """What single columns say: always the same, mostly missing."""
    notices = []
    for column in seen.columns:
        if column.form.partition(":")[0] in ("month", "weekday", "hour"):
            continue
        share = column.missing / len(column.numbers)
        if not column.missing and column.distinct == 1:
            notices.append(Notice(column.name, "warning", say("every row has the same value: it teaches nothing"), drop))
        elif share > 0.5:
            notices.append(Notice(column.name, "warning", say("{share:.0%} of the cells are missing", share=share),
                                  lambda name: say("fill them, or leave the column out with data.drop={name}", name=name)))
    return notices


def _of_rows(seen: Table) -> list[Finding]:
    """Rows with the same inputs and different answers: no learner can get all of them right."""
    if not isinstance(seen.kind, Label):
        return []
    from deepen.sources._rows import fingerprints
    inputs = fingerprints([column.numbers[seen.rows] for column in seen.columns])
    _, group, size = np.unique(inputs, return_inverse=True, return_counts=True)
    if (size == 1).all():
        return []
    classes = len(seen.kind.names)
    pair, count = np.unique(group * classes + seen.answers.numpy(), return_counts=True)
    best = np.zeros(len(size), np.int64)
    np.maximum.at(best, pair // classes, count)
    wrong = int((size - best).sum())
    if not wrong:
        return []
    if wrong < 0.01 * len(inputs):
        return [Finding("note", say("{count} rows have the inputs of another row and another answer", count=wrong), "", seen.sheet.file)]
    return [Finding("warning" if wrong > 0.05 * len(inputs) else "note", say(
        "{count} rows have the inputs of another row and another answer: nothing can be right about more than {best:.1%} of these rows",
        count=wrong, best=1 - wrong / len(inputs)), say("add a column that tells them apart, or look how the answers were written"),
        seen.sheet.file)]
