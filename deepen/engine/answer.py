"""Answers of a trained system about files: pictures one each, tables one a row. What cannot be read is told, the rest done."""
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from deepen.core.kinds import Image, Label, Number, Row
from deepen.core.picture import open_picture
from deepen.core.words import Problem, say
from deepen.engine import drawn
from deepen.engine.fit import quiet
from deepen.engine.photo import KINDS, LARGEST, SURE, Photo, photo
from deepen.engine.start import predict, read_bytes, with_words
from deepen.nn.canvas import stored
from deepen.sources._alike import rows_like

LEAST = 8           # pixels of a side where any size is taken
AT_ONCE = 64        # files decoded before they are answered together


@dataclass(frozen=True)
class Answer:
    """About one file (or one row of it): `told` for programs, `lines` for people, best first; or what is wrong with it."""
    where: str
    told: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    problem: str = ""
    photo: "Photo | Painting | None" = None         # boxes, masks, sentences, pictures: what can be drawn and written


@dataclass(frozen=True)
class Painting:
    """A picture that a system answers with: uint8 (C, H, W)."""
    pixels: torch.Tensor

    def drawn(self):
        """The picture itself, as Pillow has it."""
        return drawn.opened(self.pixels)


def answers(run, files: list[Path], sure: float = SURE) -> Iterator[Answer]:
    """The answers of a run's model about files, in their order; boxes from so `sure` on."""
    system = run.system()
    if hasattr(system, "example"):                          # then it does not take what its data's inputs are
        raise Problem("{run} makes things of noise and has no answers about files; see what it makes: deepen sample {run}", run=run.path.name)
    if isinstance(system.data.target, KINDS):
        yield from (_photo(system, file, sure) for file in files)
        return
    if system.any_size:
        yield from (_any_size(system, file) for file in files)
        return
    for start in range(0, len(files), AT_ONCE):
        read = [_read(system.data.inputs, file) for file in files[start: start + AT_ONCE]]
        inputs = [value for rows in read for _, value, problem in rows if not problem]
        told = iter(predict(system, torch.stack(inputs)) if inputs else ())
        kind = Image if paints(system) else system.data.target
        for where, _, problem in (row for rows in read for row in rows):
            yield Answer(where, problem=problem) if problem else _answer(kind, where, next(told))


def paints(system) -> bool:
    """Does it answer with pictures?"""
    return system.goal[1] is Image


def _photo(system, file: Path, sure: float) -> Answer:
    """One picture, alone: it may be of any size, and it is kept until it is drawn."""
    try:
        raw = read_bytes(file)
        answer, words = with_words(system, system.data.inputs.read(raw)[None])[0]
    except Problem as problem:
        return Answer(str(file), problem=str(problem))
    found = photo(system, raw, answer, words, sure)
    return Answer(str(file), found.told(), found.lines(), photo=found)


def _any_size(system, file: Path) -> Answer:
    """One picture in its own size, at most `LARGEST` pixels a side."""
    try:
        flat = system.data.inputs.flat(open_picture(read_bytes(file), LARGEST))
        flat.thumbnail((LARGEST, LARGEST))
        if min(flat.size) < LEAST:
            raise Problem("{file} is {width}×{height} pixels; pictures of at least {least} pixels a side are needed", file=file,
                          width=flat.width, height=flat.height, least=LEAST)
        kind = replace(system.data.inputs, height=flat.height, width=flat.width)
        with quiet(system):
            return _answer(Image, str(file), system.predict(kind.pixels(flat)[None].to(system.device))[0])
    except Problem as problem:
        return Answer(str(file), problem=str(problem))


def _read(kind, file: Path) -> list[tuple[str, Any, str]]:
    """(where, value, problem) of a file: one for a picture, one a row for a table."""
    try:
        if isinstance(kind, Row):
            return _rows(kind, file)
        return [(str(file), kind.read(read_bytes(file)), "")]
    except Problem as problem:
        return [(str(file), None, str(problem))]


def _rows(kind: Row, file: Path) -> list[tuple[str, Any, str]]:
    rows = rows_like(kind, file)
    bad = [(str(file), None, str(finding)) for finding in rows.findings if finding.level == "warning" and not finding.place]
    return [*bad, *((f"{file}:{line}", None if i in rows.problems else value, rows.problems.get(i, ""))
                    for i, (line, value) in enumerate(zip(rows.lines, rows.values, strict=True)))]


def _answer(kind, where: str, answer) -> Answer:
    """By the kind of the answer: a picture, the three most probable classes, a number, or the plain values."""
    if kind is Image:
        pixels = answer if answer.dtype == torch.uint8 else stored(answer)
        channels, high, wide = pixels.shape
        return Answer(where, {"width": wide, "height": high, "channels": channels},
                      (say("a picture of {width} × {height} pixels", width=wide, height=high),), photo=Painting(pixels.cpu()))
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
