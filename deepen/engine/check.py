"""Look at somebody's data before anything learns from it: what it is, what is wrong where, whether training may start."""
import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from deepen.core.data import Data
from deepen.core.kinds import Label, open_picture
from deepen.core.recipe import checked
from deepen.core.words import Problem, say
from deepen.engine import find
from deepen.engine.start import SHORT, TABLES, open_data, source_asked
from deepen.sources._column import Column
from deepen.sources._finding import Finding, Level, Trouble
from deepen.sources.folder import _check_classes, _scan

FEW = 10                # pictures of a class that are hardly enough
UNEVEN = 20             # times the largest class may be larger than the smallest before it is worth a word
LEVELS = ("error", "warning", "note")


@dataclass
class Checked:
    """What was found. `summary` is plain (for JSON); findings are in order: errors, warnings, notes."""
    what: str                                   # "pictures", "table", or a source's name
    why: str                                    # how that was decided
    where: str                                  # the path or the source
    summary: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def may_train(self) -> bool:
        return not any(finding.level == "error" for finding in self.findings)

    def plain(self) -> dict[str, Any]:
        return {"what": self.what, "why": self.why, "where": self.where, "may_train": self.may_train,
                "summary": self.summary, "findings": [finding.plain() for finding in self.findings],
                "seconds": round(self.seconds, 3)}


def check(what: str, settings: Mapping[str, Any] | None = None) -> Checked:
    """Check a path or a source; `settings` are the source's (`target=price`, `data.target=price`, `on_bad=skip`).

    What is wrong with the data is a finding; `Problem` is raised only when `what` or a setting is no data at all."""
    began = time.monotonic()
    settings = {SHORT.get(key, key).removeprefix("data."): value for key, value in (settings or {}).items()}
    asked = source_asked(what)
    name = asked.pop("source")
    values = checked(find.source(name), {**asked, **settings}, prefix="data.")
    look = {"folder": _pictures, "table": _table}.get(name, _source)
    found = look(name, values)
    found.findings.sort(key=lambda finding: LEVELS.index(finding.level))
    found.seconds = time.monotonic() - began
    return found


def _source(name: str, values: dict[str, Any]) -> Checked:
    found = Checked(name, say("{name} is a source of deepen", name=name), name)
    try:
        data, _ = open_data({"source": name, **values})
    except Problem as problem:
        found.findings.append(_of(problem))
        return found
    found.summary = _summary(data)
    found.findings += [Finding("note", sentence) for sentence in data.said]
    return found


def _summary(data: Data) -> dict[str, Any]:
    """Splits, kinds, and how many examples of each class train has."""
    told: dict[str, Any] = {"inputs": type(data.inputs).__name__, "shape": list(data.inputs.shape),
                            "target": type(data.target).__name__ if data.target is not None else None,
                            "splits": {name: len(split) for name, split in data.splits.items()}}
    target = getattr(data.splits.get("train"), "target", None)
    if isinstance(data.target, Label) and isinstance(target, Tensor):
        counts = target.cpu().bincount(minlength=len(data.target.names)).tolist()
        told["classes"] = dict(zip(data.target.names, counts, strict=True))
    return told


def _of(problem: Problem) -> Finding:
    return problem.finding if isinstance(problem, Trouble) else Finding("error", str(problem))


# tables

def _table(name: str, values: dict[str, Any]) -> Checked:
    from deepen.sources._table import look
    from deepen.sources.table import table
    path = Path(values["path"])
    found = Checked("table", say("{file} ends in {suffix}, which is a table", file=path.name, suffix=path.suffix), str(path))
    reading = ("target", "task", "drop", "header", "delimiter", "encoding", "on_bad")
    try:
        seen = look(path, **{key: values[key] for key in reading if values.get(key) is not None})
    except Problem as problem:
        found.findings.append(_of(problem))
        return found
    found.findings += [*seen.findings, *_of_columns(seen)]
    try:
        data = table(**values)
    except Problem as problem:                          # a test file that does not fit, shares that leave nothing
        found.findings.append(_of(problem))
        return found
    known = {str(finding) for finding in found.findings}
    found.findings += [Finding("note", sentence) for sentence in data.said if sentence not in known]
    found.summary = {**_summary(data), "rows": len(seen.sheet), "target_column": seen.target.name,
                     "columns": [_column(column) for column in seen.columns],
                     "left_out": [column.name for column in seen.left_out]}
    return found


def _column(column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {"name": column.name, "missing": column.missing, "distinct": column.distinct}
    given = column.numbers[~np.isnan(column.numbers)]
    if column.values is not None:
        return {**told, "kind": "words", "values": [value[:60] for value in column.values[:5]]}
    return {**told, "kind": "numbers", "least": float(given.min()), "median": float(np.median(given)),
            "most": float(given.max())}


def _of_columns(seen) -> list[Finding]:
    """What single columns say: always the same, mostly missing, a copy of the target; and rows that come twice."""
    found, file = [], seen.sheet.file
    answers = seen.answers.numpy()
    for column in seen.columns:
        place, numbers = say("column {name}", name=column.name[:60]), column.numbers[seen.rows]
        share = column.missing / len(column.numbers)
        if column.distinct == 1 and not column.missing:
            found.append(Finding("warning", say("every row has the same value: it teaches nothing"),
                                 say("leave it out with data.drop={name}", name=column.name), file, place))
        elif share > 0.5:
            found.append(Finding("warning", say("{share:.0%} of the cells are missing", share=share),
                                 say("fill them, or leave the column out with data.drop={name}", name=column.name), file, place))
        if not np.isnan(numbers).any() and _tells(numbers, answers):
            found.append(Finding("warning", say("it tells the target alone: is it a copy, or known only afterwards?"),
                                 say("if so, leave it out with data.drop={name}", name=column.name), file, place))
    rows = np.stack([column.numbers for column in seen.columns], 1)[seen.rows]
    table = np.column_stack([rows, answers])
    twice = len(table) - len(np.unique(np.ascontiguousarray(table).view(f"V{table.dtype.itemsize * table.shape[1]}")))
    if twice:
        found.append(Finding("note", say("{count} rows repeat an earlier row", count=twice),
                             say("where the same case was written twice, the test is too easy"), file))
    return found


def _tells(numbers: np.ndarray, answers: np.ndarray) -> bool:
    """Does one value of the column always go with one answer, and the other way round?"""
    different = len(np.unique(answers))
    if different < 2 or len(np.unique(numbers)) != different:
        return False
    return len(np.unique(np.column_stack([numbers, answers]), axis=0)) == different


# pictures

def _pictures(name: str, values: dict[str, Any]) -> Checked:
    root = Path(values["path"]).expanduser()
    found = Checked("pictures", say("{folder} is a folder, so each folder in it should be a class of pictures",
                                    folder=root.name or root), str(root))
    said: list[str] = []
    try:
        given = _scan(root, said)
    except Problem as problem:
        tables = sorted(_plain(file, root) for file in (*root.glob("*"), *root.glob("*/*")) if file.suffix.lower() in TABLES)
        mend = say("it holds tables, give one of them: {names}", names=", ".join(tables[:5])) if tables else ""
        found.findings.append(Finding("error", str(problem), mend))
        return found
    classes = sorted({label for _, label in given["train"]})
    try:
        _check_classes(root, given, tuple(classes))
    except Problem as problem:
        found.findings.append(_of(problem))
    empty = {say("folder {name} has no pictures and is no class", name=name): name
             for name in {_plain(folder, folder.parent) for folder in (*root.glob("*/"), *root.glob("*/*/"))}}
    found.findings += [
        Finding("warning", say("it has no pictures and is no class"), say("put pictures into it, or remove it"), "",
                say("class {name}", name=empty[sentence])) if sentence in empty else Finding("note", sentence) for sentence in said]
    level: Level = "warning" if values.get("on_bad") == "skip" else "error"
    files = [(split, file, label) for split, pictures in given.items() for file, label in pictures]
    looked = _decode([file for _, file, _ in files])
    for (_, file, label), seen in zip(files, looked, strict=True):
        if seen.problem:
            found.findings.append(Finding(level, seen.problem.partition("; ")[0],
                                          say("save it again or remove it, or leave it out with --on-bad skip"),
                                          _plain(file, root), say("class {name}", name=label)))
    good = [(split, file, label, seen) for (split, file, label), seen in zip(files, looked, strict=True) if not seen.problem]
    found.findings += _of_copies(root, good) + _of_counts(Counter(label for split, _, label, _ in good if split == "train"), classes)
    found.summary = _picture_summary(good, len(files))
    return found


@dataclass(frozen=True)
class _Seen:
    problem: str = ""
    size: tuple[int, int] = (0, 0)              # width, height
    mode: str = ""
    hash: bytes = b""


def _decode(files: Sequence[Path]) -> list[_Seen]:
    """Every picture decoded whole: a header says nothing about the second half."""
    def look(file: Path) -> _Seen:
        try:
            raw = file.read_bytes()
            picture = open_picture(raw)
            return _Seen("", picture.size, picture.mode, hashlib.sha256(raw).digest())
        except Problem as problem:
            return _Seen(str(problem))
        except OSError as error:
            return _Seen(say("it cannot be read ({reason})", reason=error.strerror or error))
    with ThreadPoolExecutor() as pool:
        return list(pool.map(look, files))


def _of_copies(root: Path, good: list) -> list[Finding]:
    """The same bytes twice: under two classes one label is wrong; in two splits the test is too easy."""
    same = defaultdict(list)
    for split, file, label, seen in good:
        same[seen.hash].append((split, file, label))
    found, plain = [], 0
    for copies in same.values():
        names = ", ".join(_plain(file, root) for _, file, _ in copies[:4])
        if len({label for _, _, label in copies}) > 1:
            found.append(Finding("warning", say("the same picture is in more than one class: {names}", names=names),
                                 say("one label is wrong; keep one of them"), _plain(copies[0][1], root)))
        elif len({split for split, _, _ in copies}) > 1:
            found.append(Finding("warning", say("the same picture is in train and in another split: {names}", names=names),
                                 say("remove it from one, or the test is too easy"), _plain(copies[0][1], root)))
        else:
            plain += len(copies) - 1
    if plain:
        found.append(Finding("note", say("{count} pictures are copies of others in their class", count=plain)))
    return found


def _of_counts(counts: Counter, classes: Iterable[str]) -> list[Finding]:
    found = [Finding("warning", say("only {count} pictures can be learned from", count=counts[label]), say("add some"), "",
                     say("class {name}", name=label)) for label in classes if counts[label] < FEW]
    if counts and max(counts.values()) > UNEVEN * min(counts.values()):
        most, least = counts.most_common()[0], counts.most_common()[-1]
        found.append(Finding("note", say("the classes are uneven: {most} has {many}, {least} has {few}", most=most[0],
                                         many=most[1], least=least[0], few=least[1]), say("judge by f1, not by accuracy")))
    return found


def _picture_summary(good: list, count: int) -> dict[str, Any]:
    splits: dict[str, Counter] = defaultdict(Counter)
    for split, _, label, _ in good:
        splits[split][label] += 1
    sizes = sorted((seen.size for _, _, _, seen in good), key=lambda size: size[0] * size[1])
    told = {"pictures": count, "readable": len(good), "splits": {name: sum(one.values()) for name, one in splits.items()},
            "classes": dict(sorted(splits["train"].items())), "modes": dict(Counter(seen.mode for *_, seen in good))}
    if sizes:
        told["sizes"] = {"smallest": sizes[0], "median": sizes[len(sizes) // 2], "largest": sizes[-1]}
    return told


def _plain(file: Path, root: Path) -> str:
    import unicodedata
    return unicodedata.normalize("NFC", file.relative_to(root).as_posix())

