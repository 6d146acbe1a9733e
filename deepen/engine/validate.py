"""Validate: open the sealed test set (counted), say how sure the metrics are, and show what went most wrong.

Everything here goes by the kind of the target, never by the system: classes and numbers have mistakes, intervals and a
weakest class; for other kinds the metrics alone are told.
"""
import json
import time
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

from deepen.core.data import Data, joined
from deepen.core.kinds import Image, Number, Row, from_card
from deepen.core.recipe import fields_of
from deepen.core.words import Failure, say
from deepen.engine import find
from deepen.engine.fit import judge
from deepen.engine.mistakes import Mistake
from deepen.engine.photo import KINDS
from deepen.engine.start import open_data, revive, source_asked
from deepen.engine.translate import translated
from deepen.engine.until import Goal
from deepen.engine.verdict import Verdict, root_of, verdict
from deepen.sources._alike import data_like

NOTHING = Verdict("", 0, "", {})


@dataclass(frozen=True)
class Validation:
    """What a validation found."""
    data: str
    split: str
    opened: int                                     # how often this run's test set has been opened, this time included
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]       # 95 %
    weakest: tuple[str, float, int] | None
    mistakes: list[Mistake] = field(default_factory=list)
    examples: int = 0
    seconds: float = 0.0
    goal: dict[str, Any] = field(default_factory=lambda: {"text": None, "met": None})
    said: tuple[str, ...] = ()                      # what was used instead, what was left out
    verdict: Verdict = NOTHING                      # all of it: what mistakes share, what a plain learner reaches


def validate(run, data: str | None = None, split: str | None = None, count: int = 6, inception: str | None = None,
             samples: int | None = None) -> Validation:
    """Judge the model of `run` on its test split (another one with `split`), or on other `data` (a source or a path).
    `inception`, a file of weights, adds FID, of at most `samples` pictures.

    Every opening of the run's own test set is written into `validations.jsonl` and counted."""
    began = time.monotonic()
    system, said = with_data(run, data), tuple[str, ...]()
    if data is not None:
        split, said = "test", system.data.said
    elif split is None:
        split = "test"
        if "test" not in system.data.splits and system.data.world is None:
            split = "valid"
            said = (say("this data has no test split: the validation split was used, which chose the model"),)
    if system.data.world is None:
        system.data.split(split)
    measured = judge(system, split)
    if inception is not None:
        from deepen.engine.fid import SAMPLES, fid
        measured["fid"], how = fid(system, split, inception, samples or SAMPLES)
        said = (*said, how)
    goal = run.asked()["asked"].get("goal")
    root = root_of(run.asked()["data"] if data is None else {"path": data})
    judged = verdict(system, split, Goal.read(goal) if goal else None, measured, count, root)
    opened = _opened(run) + (split == "test" and data is None)
    result = Validation(system.data.origin, split, opened, measured, judged.intervals, judged.weakest, judged.mistakes,
                        len(system.data.splits.get(split, ())), time.monotonic() - began,
                        {**judged.plain()["goal"], "text": goal}, said, judged)
    _write(run, result, data)
    return result


def with_data(run, data: str | None = None):
    """The trained system of a run with the data it learned from, opened again; or with other data, put into its kinds."""
    asked = {key: value for key, value in run.asked()["data"].items() if key != "origin"}
    if data is None:
        return revive(run, open_data(asked)[0])
    other = _other(run.card(), asked, data)
    if isinstance(other.inputs, Image) and hasattr(find.system(run.asked()["asked"]["system"]), "sample"):
        own, _ = open_data(asked)               # what a maker makes is judged by who knows what it learned from
        other = replace(other, splits={**own.splits, **other.splits})
    return revive(run, other)


# the count of openings

def validations(run) -> list[dict[str, Any]]:
    """Every validation of a run, oldest first."""
    try:
        text = (run.path / "validations.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _opened(run) -> int:
    return sum(told["split"] == "test" and told["asked"] is None for told in validations(run))


def _write(run, found: Validation, asked: str | None) -> None:
    line = {"t": round(time.time(), 3), "data": found.data, "asked": asked, "split": found.split,
            "examples": found.examples, "metrics": found.metrics, "intervals": found.intervals, "goal": found.goal,
            "weakest": found.weakest, "unit": found.verdict.unit, "shared": [cause.sentence for cause in found.verdict.shared],
            "beside": found.verdict.beside}
    try:
        with (run.path / "validations.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:
        raise Failure("{path} cannot be written: {reason}", path=run.path / "validations.jsonl",
                      reason=error.strerror) from None


# other data

def _other(card: dict[str, Any], asked: dict[str, Any], what: str) -> Data:
    """Other data than a run learned from, read the same way, in the kinds of the model, as one split `test`."""
    inputs, target = from_card(card["inputs"]), from_card(card["target"])
    other = source_asked(what, target is None)
    if other["source"] == "table" and isinstance(inputs, Row):
        name = target.name if isinstance(target, Number) else asked.get("target")
        return data_like(inputs, target, Path(other["path"]), name, asked.get("encoding"))
    same = fields_of(find.source(other["source"]))
    kept: dict[str, Any] = {key: value for key, value in asked.items() if key in same and key not in ("source", "path", "folds", "fold")}
    if "white" in same and getattr(inputs, "white", None):              # 16-bit pictures as bright as those it learned from
        kept["white"] = inputs.white
    if "fit" in same and isinstance(target, KINDS):                     # pictures of the size that the model sees
        kept |= {"fit": inputs.fit, "size": f"{inputs.height}x{inputs.width}"}
    shares: dict[str, Any] = {key: 0 for key in ("valid", "test") if key in same}
    data, _ = open_data({**kept, **shares, **other})
    said = list(data.said)
    if "test" in data.splits:
        examples = data.splits["test"]
        said.append(say("only its test part was used"))
    else:
        examples = reduce(joined, (part for name in ("train", "valid") if len(part := data.splits.get(name, ()))))
    examples, told = translated(examples, data, inputs, target)
    return replace(data, splits={"test": examples}, inputs=inputs, target=target, said=(*said, *told))
