"""Questions about runs, answered at the desk: what it confuses, its worst mistakes, its curves in words."""
import base64
import io
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import Tensor

from deepen.core.kinds import Label
from deepen.core.words import Problem
from deepen.engine.advise import advise
from deepen.engine.mistakes import answerable, answers_of, mistakes_in, weakest_in
from deepen.engine.reading import reading
from deepen.engine.run import Run
from deepen.engine.scenes import seen, sees
from deepen.engine.validate import with_data
from deepen.nn import metrics

SHOWN = 24                          # pictures of a cell


@lru_cache(maxsize=2)
def _judged(path: str, written: float) -> tuple[Any, str, Any, Any]:
    """(system, split, answers, target) of a run's model, of boxes, masks and sentences (system, split, `Seen`, None); `written` is when the model was, so that a newer one is read."""
    system = with_data(Run(path))
    split = "valid" if len(system.data.splits.get("valid", ())) else "train"
    if sees(system):
        return system, split, seen(system, split), None
    if not answerable(system):
        raise Problem("the answers of this system have no right and wrong to count")
    return system, split, *answers_of(system, split)


def judged(path: str) -> tuple[Any, str, Any, Any]:
    """The model of a run with its answers on the validation split, kept while the model stays the same."""
    model = Path(path) / "model"
    return _judged(path, model.lstat().st_mtime if model.exists() else 0.0)


def errors(run: str, was: int | None = None, said: int | None = None) -> dict[str, Any]:
    """The confusion matrix and the worst mistakes; of one cell with `was` and `said`."""
    system, split, answers, target = judged(run)
    if sees(system):
        from deepen.app.studio.ask_scene import errors as of_scenes
        return of_scenes(system, split, answers, SHOWN)
    kind = system.data.target
    told: dict[str, Any] = {"split": split, "examples": len(target)}
    if isinstance(kind, Label):
        told["names"] = list(kind.names)
        if was is not None and said is not None:
            return {**told, "mistakes": _cell(system, split, answers, target, was, said)}
        told["matrix"] = metrics.confusion(target, answers.argmax(1), len(kind.names)).tolist()
        told["weakest"] = weakest_in(kind, answers, target)
    told["mistakes"] = [_plain(one) for one in mistakes_in(system, split, answers, target, SHOWN)]
    return told


def words(run: str) -> dict[str, Any]:
    """The curves read aloud, and the next experiment."""
    one = Run(run)
    events = one.events()
    score = next((event.facts["score"] for event in events if event.event == "started"), "accuracy")
    told = advise(one) if any(event.event == "finished" for event in events) else None
    return {"reading": reading(events, score), "next": {"command": told[0], "why": told[1]} if told else None}


def _cell(system, split: str, answers: Tensor, target: Tensor, was: int, said: int) -> list[dict[str, Any]]:
    sure, told = answers.max(1)
    rows = ((target == was) & (told == said)).nonzero()[:, 0]
    rows = rows[sure[rows].argsort(descending=True)][:SHOWN]
    examples, names, kind = system.data.split(split), system.data.target.names, system.data.inputs
    inputs = examples[rows][0]
    return [{"was": names[was], "said": names[said], "sure": sure[row].item(), "where": _where(examples, row, split),
             **_input(inputs[place], kind)} for place, row in enumerate(rows.tolist())]


def _where(examples, row: int, split: str) -> str:
    return examples.names[row] if getattr(examples, "names", None) else f"{split} {row}"


def _plain(one) -> dict[str, Any]:
    shown = {"picture": png(one.input)} if one.input.ndim == 3 else {"text": one.shown}
    return {"was": one.was, "said": one.said, "sure": one.sure, "where": one.where, **shown}


def _input(value: Tensor, kind) -> dict[str, str]:
    return {"picture": png(value)} if value.ndim == 3 else {"text": kind.show(value)}


def png(pixels: Tensor) -> str:
    """uint8 (C, H, W) as a data address."""
    from PIL import Image
    array = pixels.cpu().numpy()
    made = Image.fromarray(array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0))
    told = io.BytesIO()
    made.save(told, "PNG")
    return "data:image/png;base64," + base64.b64encode(told.getvalue()).decode()
