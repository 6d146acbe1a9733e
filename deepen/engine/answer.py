"""Answers of a trained system about files: pictures one each, tables one a row. What cannot be read is told, the rest done."""
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from deepen.core.kinds import Label, Number, Row
from deepen.core.words import Problem
from deepen.engine.start import predict, read_bytes

AT_ONCE = 64        # files decoded before they are answered together


@dataclass(frozen=True)
class Answer:
    """About one file (or one row of it): `told` for programs, `lines` for people, best first; or what is wrong with it."""
    where: str
    told: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    problem: str = ""


def answers(run, files: list[Path]) -> Iterator[Answer]:
    """The answers of a run's model about files, in their order."""
    system = run.system()
    for start in range(0, len(files), AT_ONCE):
        read = [_read(system.data.inputs, file) for file in files[start: start + AT_ONCE]]
        inputs = [value for rows in read for _, value, problem in rows if not problem]
        told = iter(predict(system, torch.stack(inputs)) if inputs else ())
        for where, _, problem in (row for rows in read for row in rows):
            yield Answer(where, problem=problem) if problem else _answer(system.data.target, where, next(told))


def _read(kind, file: Path) -> list[tuple[str, Any, str]]:
    """(where, value, problem) of a file: one for a picture, one a row for a table."""
    try:
        if isinstance(kind, Row):
            return _rows(kind, file)
        return [(str(file), kind.read(read_bytes(file)), "")]
    except Problem as problem:
        return [(str(file), None, str(problem))]


def _rows(kind: Row, file: Path) -> list[tuple[str, Any, str]]:
    import csv
    lines = list(csv.reader(_text(read_bytes(file)).splitlines()))
    heading = [name.strip() for name in lines[0]] if lines else []
    order = [heading.index(name) for name in kind.names] if set(kind.names) <= set(heading) else None
    found: list[tuple[str, Any, str]] = []
    for number, cells in enumerate(lines[1:] if order else lines, 2 if order else 1):
        try:
            picked = [cells[place] for place in order if place < len(cells)] if order else cells
            found.append((f"{file}:{number}", kind.encode(picked), ""))
        except Problem as problem:
            found.append((f"{file}:{number}", None, str(problem)))
    return found


def _text(raw: bytes) -> str:
    for encoding in ("utf-8-sig", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Problem("this is not text in UTF-8 or CP949; save it as UTF-8")


def _answer(kind, where: str, answer) -> Answer:
    """By the kind of the target: the three most probable classes, a number, or the plain values."""
    if isinstance(kind, Label):
        sure, classes = torch.as_tensor(answer).float().topk(min(3, len(kind.names)))
        best = [{"label": kind.names[i], "confidence": round(p, 6)} for p, i in zip(sure.tolist(), classes.tolist(), strict=True)]
        return Answer(where, {**best[0], "top": best}, tuple(f"{one['label']} {one['confidence'] * 100:.1f} %" for one in best))
    if isinstance(kind, Number):
        value = float(answer)
        return Answer(where, {kind.name or "value": value}, (kind.show(value),))
    if isinstance(answer, str):
        return Answer(where, {"text": answer}, (answer,))
    values = torch.as_tensor(answer)
    return Answer(where, {"values": values.tolist()}, (f"{tuple(values.shape)}",))
