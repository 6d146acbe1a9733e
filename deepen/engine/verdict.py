"""The verdict on a trained system: the goal and how sure that is, the weakest class, what the mistakes share, and the plain
learner beside a deep one. Made once at the end of training (kept as verdict.json in the run) and by every validation."""
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from deepen.core.kinds import Label
from deepen.core.words import say
from deepen.engine import made, scenes
from deepen.engine.chance import wilson
from deepen.engine.fit import quiet
from deepen.engine.goals import Reached, intervals, reached
from deepen.engine.mistakes import Mistake, answerable, answers_of, mistakes_in, weakest_in
from deepen.engine.reading import differ
from deepen.engine.run import write_text
from deepen.engine.scenes import Seen, seen, sees
from deepen.engine.shared import Cause, shared
from deepen.engine.shared_scenes import shared_scenes
from deepen.engine.until import Goal, better
from deepen.engine.worst import worst
from deepen.nn.metrics import BETTER

FEW = 10                # examples of a class about which a share says little


@dataclass(frozen=True)
class Verdict:
    """What was found out about a trained system on one split."""
    split: str
    examples: int
    score: str
    metrics: Mapping[str, float]
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)     # 95 %
    goal: Reached | None = None
    weakest: tuple[str, float, int] | None = None       # class, share found, how many there are
    shared: tuple[Cause, ...] = ()
    beside: dict[str, dict[str, float]] = field(default_factory=dict)           # a plain learner -> its metrics
    mistakes: list[Mistake] = field(default_factory=list)
    learned: dict[str, int] = field(default_factory=dict)                       # class -> examples learned from
    answers: Tensor | None = None       # (N, classes) or (N,), with
    target: Tensor | None = None        # (N,), where these can be compared
    unit: str = ""                      # what the target is: labels, numbers, boxes, masks, texts
    seen: Seen | None = None            # boxes, masks and sentences: what was found about each example and class
    real: Mapping[str, float] = field(default_factory=dict)     # of a maker: the same figures of real pictures

    def plain(self) -> dict[str, Any]:
        """As it stands in JSON."""
        return {"split": self.split, "examples": self.examples, "score": self.score, "metrics": dict(self.metrics),
                "intervals": {name: list(one) for name, one in self.intervals.items()},
                "goal": self.goal.plain() if self.goal else {"text": None, "met": None},
                "weakest": list(self.weakest) if self.weakest else None,
                "shared": [cause.sentence for cause in self.shared], "beside": self.beside, "learned": self.learned,
                **({"unit": self.unit, "classes": list(self.seen.classes)} if self.seen else {}),
                **({"real": dict(self.real)} if self.real else {})}


def verdict(system, split: str, goal: Goal | None, measured: Mapping[str, float], count: int = 6, root: Path | None = None,
            every: bool = True, beside: dict[str, dict[str, float]] | None = None, real: Mapping[str, float] | None = None) -> Verdict:
    """Judge answers of a whole split. `measured`: its metrics; `root`: the folder the examples' names are in; `every`:
    intervals of all metrics, not of the score alone; `beside`: what plain learners reach, `real`: what real pictures do, where that is known."""
    examples = system.data.splits.get(split, ())
    beside = _beside(system, split) if beside is None else beside
    if len(examples) and sees(system):
        return _of_scenes(system, split, goal, measured, count, root, every, beside)
    if system.data.world is not None or not len(examples) or not answerable(system):
        return Verdict(split, len(examples), system.score, measured, goal=reached(goal, measured), beside=beside,
                       real=made.real(system, split, measured) if real is None else real)
    answers, target = answers_of(system, split)
    kind = system.data.target
    wanted = {name: value for name, value in measured.items() if every or name == system.score}
    return Verdict(split, len(target), system.score, measured, intervals(kind, answers, target, wanted),
                   reached(goal, measured, kind, answers, target), weakest_in(kind, answers, target),
                   tuple(shared(kind, system.data.inputs, examples, answers, target, root)), beside,
                   mistakes_in(system, split, answers, target, count), learned_from(system.data), answers, target)


def _of_scenes(system, split: str, goal: Goal | None, measured: Mapping[str, float], count: int, root: Path | None, every: bool,
               beside: dict[str, dict[str, float]]) -> Verdict:
    """`verdict` where the answers are boxes, masks or sentences."""
    found = seen(system, split)
    own = scenes.measured(found, goal.metric if goal and goal.metric not in measured else "")
    asked = {system.score, *({goal.metric} if goal else ())}
    between = scenes.intervals(found, [name for name in scenes.same(own, measured, len(found.scores)) if every or name in asked])
    met = reached(goal, {**own, **measured})
    if met is not None and met.goal.metric in between:
        met = replace(met, interval=between[met.goal.metric])
    return Verdict(split, len(found.scores), system.score, measured, between, met, scenes.weakest(found),
                   tuple(shared_scenes(found, system.data.inputs, system.data.splits[split], root)), beside,
                   list(worst(system, split, found, count)), scenes.learned_from(system.data), unit=system.data.target.unit, seen=found)


def _beside(system, split: str) -> dict[str, dict[str, float]]:
    """The plain learners that a deep system trained beside itself, and their metrics on the split."""
    if not hasattr(system, "beside"):
        return {}
    with quiet(system):
        return {name: {metric: float(value) for metric, value in found.items()} for name, found in system.beside(split).items()}


def learned_from(data) -> dict[str, int]:
    """How many examples of each class train has; {} where there are no classes."""
    target = getattr(data.splits.get("train"), "target", None)
    if not isinstance(data.target, Label) or target is None or isinstance(target, list):
        return {}
    return dict(zip(data.target.names, target.cpu().bincount(minlength=len(data.target.names)).tolist(), strict=True))


def root_of(asked: Mapping[str, Any]) -> Path | None:
    """The folder in which the examples of a run's data (or other data, by its path) lie as files."""
    path = asked.get("path")
    return Path(path) if path and Path(path).is_dir() else None


def conclude(run, system) -> Verdict:
    """The verdict at the end of training, kept in the run."""
    found = current(run, system)
    write(run, found)
    return found


def current(run, system, beside: dict[str, dict[str, float]] | None = None) -> Verdict:
    """The verdict on the trained system of a run with its data, from the validation split (the training one where there
    is none: it says nothing about a goal)."""
    asked = run.asked()
    text, split = asked["asked"].get("goal"), "valid" if len(system.data.splits.get("valid", ())) else "train"
    goal = Goal.read(text) if text else None
    measured = run.metrics if split == "valid" or system.data.world is not None else {}
    kept = read(run)
    real = kept.get("real") if kept.get("split") == split else None
    found = verdict(system, split, goal if measured else None, measured, 12, root_of(asked["data"]), False, beside, real)
    return found if measured or goal is None else replace(found, goal=Reached(goal))


# kept in the run

def write(run, found: Verdict) -> None:
    """Keep the verdict of the end of training."""
    write_text(run.path / "verdict.json", json.dumps(found.plain(), ensure_ascii=False, indent=1))


def read(run) -> dict[str, Any]:
    """The kept verdict as plain values; {} when there is none."""
    try:
        return json.loads((run.path / "verdict.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


# in words

def weakest_sentence(weak: tuple[str, float, int], unit: str = "") -> str:
    """The weakest class with its counts and how sure they are; of masks, by its overlap."""
    name, recall, count = weak
    if unit == "masks":
        return say("{name}: answer and truth share {share} of their joint area (IoU), in {count} pictures", name=name,
                   share=f"{recall * 100:.0f} %", count=count)
    found = round(recall * count)
    low, high = wilson(found, count)
    if count < FEW:
        return say("{name}: {found} of {count} are found; so few say little (95 %: {low} … {high})", name=name, found=found,
                   count=count, low=f"{low * 100:.0f} %", high=f"{high * 100:.0f} %")
    return say("{name}: {found} of {count} are found ({share}; 95 %: {low} … {high})", name=name, found=found, count=count,
               share=f"{recall * 100:.0f} %", low=f"{low * 100:.0f} %", high=f"{high * 100:.0f} %")


def beside_sentences(score: str, measured: Mapping[str, float], beside: Mapping[str, Mapping[str, float]], number,
                     examples: int = 0) -> list[str]:
    """What the best of the plain learners reaches on the same `examples`, and plainly whether the deep one is better;
    the others in brackets."""
    known = sorted(((name, found[score]) for name, found in beside.items() if score in found),
                   key=lambda one: -BETTER[score] * one[1])
    if not known or score not in measured:
        return []
    name, best = known[0]
    values = {"name": name, "metric": score, "value": number(score, best), "own": number(score, measured[score])}
    if not better(score, measured[score], best):
        told = say("{name} reaches {metric} {value}; this network does not beat it ({own})", **values)
    elif not differ(measured[score], best, examples):
        told = say("{name} reaches {metric} {value}; this network is hardly better ({own}), which may be luck", **values)
    else:
        told = say("{name} reaches {metric} {value}; this network is better with {own}", **values)
    others = ", ".join(f"{other} {number(score, value)}" for other, value in known[1:])
    return [f"{told} [{others}]" if others else told]
