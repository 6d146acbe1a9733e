"""Questions to a system that makes pictures, answered at the desk: samples, a place in its latent space, a way through it,
how a picture comes to be, and the panels of its report."""
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor

from deepen.app.studio.ask_runs import png
from deepen.core.kinds import Image, Label
from deepen.core.recipe import convert, fields_of, unknown
from deepen.core.words import Problem, say
from deepen.engine import find
from deepen.engine.charts import grid
from deepen.engine.fit import quiet
from deepen.engine.run import Run
from deepen.engine.start import revive
from deepen.engine.validate import with_data

COUNT, STEPS, FRAMES, TOGETHER = 64, 250, 60, 16    # pictures at once; steps of a sampler; frames of a film; pictures in each
AXES, SLIDE = 8, 4.0                                # sliders; how far one goes, in standard deviations
CONTEST = ("look", "paint", "real", "noise", "generator", "looking", "painting")        # what two networks are stepped through by
POINTS = 2000                                       # of a panel that draws a plane


@dataclass(eq=False)
class Opened:
    """The trained system of a run, and whether the data it learned from is here."""
    system: Any
    full: bool

    @cached_property
    def axes(self) -> Tensor:
        """(at most 8, D): what the sliders move along, each one standard deviation long. Found once: it may take a second."""
        with quiet(self.system):
            return self.system.axes(AXES)[:AXES].float()


@lru_cache(maxsize=2)
def _opened(path: str, written: float) -> Opened:
    """`written` is when the model was, so that a newer one is read."""
    run = Run(path)
    try:
        return Opened(with_data(run), True)
    except Problem:
        return Opened(revive(run), False)           # its data has gone; what it learned has not


def opened(run: str) -> Opened:
    """A run that makes pictures, kept while its model stays the same."""
    model = Path(run) / "model"
    if not model.exists():
        raise Problem("{run} has no model yet; let it learn first", run=Path(run).name)
    found = _opened(run, model.lstat().st_mtime)
    if not hasattr(found.system, "sample"):
        raise Problem("{run} makes no pictures; choose a run of dcgan, for example", run=Path(run).name)
    return found


def card(run: str) -> dict[str, Any]:
    """What the page draws its forms from: {system, shape, classes, data, does, options, axes}."""
    found = opened(run)
    system, full = found.system, found.full
    inputs, target = system.data.inputs, system.data.target
    does = [name for name in ("sample", "unfolds", "walk", "panels") if hasattr(system, name) and (isinstance(inputs, Image) or name == "panels")]
    told: dict[str, Any] = {
        "system": Path(Run(run).card()["system"].partition(":")[0]).stem, "shape": list(inputs.shape) if isinstance(inputs, Image) else None,
        "classes": list(target.names) if isinstance(target, Label) else None, "data": full, "axes": 0,
        "examples": len(system.data.splits.get("train", ())),
        "options": {name: options(system, name) for name in does if name != "panels"}}
    if not isinstance(inputs, Image):
        return {**told, "does": does}                   # points in a plane: its panels draw them
    if all(hasattr(system, name) for name in ("painted", "axes", "centre")):
        told["axes"] = len(found.axes)
        told["options"]["painted"] = options(system, "centre")
        does.append("painted")
    if full and all(hasattr(system, name) for name in CONTEST):
        does.append("contest")
    return {**told, "does": does}


# what may be asked of `sample`, `unfolds` and `walk`, beyond how many and from which seed

def options(system, does: str) -> list[dict[str, Any]]:
    """The options that a system's own method takes: {name, schema, default, help}, read from its signature and its comments."""
    file, names = inspect.getsourcefile(type(system)), _names(system)
    methods = ("centre",) if does == "centre" else ("sample", does)     # `unfolds` and `walk` take what `sample` describes
    help = {one.name: one.help for method in methods for one in find.asks(Path(file), method) or () if one.help} if file else {}
    told = []
    for name, field in _fields(system, does).items():
        plain, schema = name.rstrip("_"), TypeAdapter(field.type).json_schema()
        if plain == "class":
            if not names:
                continue
            schema = {"type": "string", "enum": ["", *names]}
        if plain == "steps":
            next((part for part in schema.get("anyOf", ()) if "minimum" in part), schema)["maximum"] = _steps(field)
        usual = getattr(system, plain, None) if field.default is None else field.default      # none: often as in the recipe
        told.append({"name": plain, "schema": schema, "default": usual if isinstance(usual, (int, float, str)) else None,
                     "help": say(help[plain]) if help.get(plain) else ""})
    return told


def settings_of(system, does: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What the browser asked, as parameters of `sample` and its like; `Problem` says what is wrong."""
    known, good = {name.rstrip("_"): (name, field) for name, field in _fields(system, does).items()}, {}
    for key, value in asked.items():
        if key not in known:
            raise unknown("setting", str(key)[:40], known)
        name, field = known[key]
        good[name] = convert(field, value, key)
        if key == "steps" and good[name] is not None and good[name] > _steps(field):
            raise Problem("{steps} steps are too many for the Studio; {most} is the most", steps=good[name], most=_steps(field))
    return good


def _steps(field) -> int:
    return max(STEPS, field.default or 0)


def _fields(system, does: str) -> dict[str, Any]:
    return {name: field for name, field in fields_of(getattr(type(system), does)).items() if name not in ("self", "count", "seed")}


def _names(system) -> tuple[str, ...]:
    return system.data.target.names if isinstance(system.data.target, Label) else ()


# pictures

def sample(run: str, count: int, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """New pictures: {pictures, classes}."""
    system = opened(run).system
    most(count, COUNT)
    with quiet(system):
        made = pictured(system.sample(count, seed=seed, **settings_of(system, "sample", settings)))
    return {"pictures": [png(one) for one in made]}


def walk(run: str, count: int, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """Even steps from one sample to another: {frames}."""
    system = opened(run).system
    most(count, FRAMES)
    _must(system, "walk")
    with quiet(system):
        made = pictured(system.walk(count, seed=seed, **settings_of(system, "walk", settings)))
    return {"frames": [png(one) for one in made]}


def unfolds(run: str, count: int, seed: int, settings: dict[str, Any]) -> dict[str, Any]:
    """How `count` pictures come to be, first to last: {frames: sheets, steps: which step each was, count}."""
    system = opened(run).system
    most(count, TOGETHER)
    _must(system, "unfolds")
    frames, steps, every = list[Tensor](), list[int](), 1
    with quiet(system):
        last = None
        for step, frame in enumerate(system.unfolds(count, seed=seed, **settings_of(system, "unfolds", settings))):
            last = (step, frame)
            if step % every == 0:
                frames, steps = [*frames, frame], [*steps, step]
            if len(frames) > FRAMES:                # too many to send: every second is let go
                frames, steps, every = frames[::2], steps[::2], 2 * every
    if last is None:
        raise Problem("{run} makes no pictures; choose a run of dcgan, for example", run=Path(run).name)
    if steps[-1] != last[0]:
        frames[-1:], steps[-1:] = [last[1]], [last[0]]
    return {"frames": [png(grid(pictured(frame))) for frame in frames], "steps": steps, "count": len(last[1])}


def painted(run: str, at: Sequence[Sequence[float]], settings: dict[str, Any]) -> dict[str, Any]:
    """The pictures at places of the latent space, each `at` a few standard deviations along the axes: {pictures}."""
    found = opened(run)
    system = found.system
    most(len(at), COUNT)
    _must(system, "painted")
    axes = found.axes
    places = torch.tensor([[*one, *[0.0] * (len(axes) - len(one))] for one in at], dtype=torch.float32)
    if places.shape[1] != len(axes) or not places.isfinite().all():
        raise Problem("a place is {wanted} numbers, one a slider", wanted=len(axes))
    with quiet(system):
        begin = system.centre(**settings_of(system, "centre", settings)).float()
        made = system.painted(begin + places.clamp(-SLIDE, SLIDE).to(axes.device) @ axes)
    return {"pictures": [png(one) for one in pictured(made)]}


def panels(run: str) -> list[dict[str, Any]]:
    """What the system shows of itself in its report, drawn for the page."""
    found = opened(run)
    system = found.system
    _must(system, "panels")
    if not found.full:
        raise Problem("the data {run} learned from is not here any more", run=Path(run).name)
    with quiet(system):
        return [_panel(one) for one in system.panels()]


def _panel(one) -> dict[str, Any]:
    """{title, text, names} with one of points and classes, frames, rows, picture."""
    told: dict[str, Any] = {"title": one.title, "text": one.text, "names": list(one.names)}
    if one.points is not None and len(one.points):
        rows = torch.linspace(0, len(one.points) - 1, min(POINTS, len(one.points))).long()
        told |= {"points": one.points.cpu()[rows].float().tolist(), "classes": one.classes.cpu()[rows].tolist() if one.classes is not None else None}
    if one.pictures is None or not len(one.pictures):
        return told
    made = pictured(one.pictures)
    if one.film:
        frames = made.split(one.across or 1)
        kept = torch.linspace(0, len(frames) - 1, min(FRAMES, len(frames))).round().long().tolist()
        return {**told, "frames": [png(grid(frames[row])) for row in kept]}
    if one.names:
        parts = made.split(one.across or max(1, len(made) // len(one.names)))
        return {**told, "rows": [png(grid(part, across=len(part))) for part in parts]}
    return {**told, "picture": png(grid(made, across=one.across))}


def pictured(made) -> Tensor:
    """What a system made, as uint8 (N, C, H, W) on the CPU."""
    if not isinstance(made, Tensor) or made.dtype != torch.uint8 or made.ndim != 4 or made.shape[1] not in (1, 3):
        raise Problem("what it makes are no pictures that can be shown here")
    return made.cpu()


def most(count: int, limit: int) -> None:
    """`count` must lie in 1…limit."""
    if not 1 <= count <= limit:
        raise Problem("{count} is outside 1…{limit}", count=count, limit=limit)


def _must(system, does: str) -> None:
    if not hasattr(system, does):
        raise Problem("{system} cannot do that", system=type(system).__name__)


