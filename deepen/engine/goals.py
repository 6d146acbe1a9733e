"""The goal: may it be asked of this data and system, is it met, and how sure is that.

What can be computed from answers and targets can be a goal, also where the system does not measure it itself.
"""
import inspect
import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from deepen.core.kinds import Boxes, Label, Mask, Number, Text
from deepen.core.words import Problem, say
from deepen.engine.until import Goal
from deepen.nn import metrics

Formula = Callable[[Tensor, Tensor], Tensor]
TURNS, CELLS = 400, 200_000_000      # bootstrap samples, fewer where so many numbers would be drawn again
OF_CLASSES = {"accuracy": "accuracy", "f1": "f1", "balanced_accuracy": "balanced_accuracy", "auc": "auc", "top5": "top5",
              "ece": "ece", "loss": "nll"}                              # a metric's name -> its formula in nn/metrics
OF_NUMBERS = {"rmse": "rmse", "mae": "mae", "r2": "r2"}
OF_SCENES = {Boxes: ("map50", "map"), Mask: ("miou", "pixel_accuracy"), Text: ("bleu1", "bleu4", "cider")}      # what engine/scenes measures by itself

OF_PICTURES = ("frechet_own", "recognised", "modes", "as_asked", "sample_precision", "sample_recall")       # what nn/judge.figures measures


@dataclass(frozen=True)
class Reached:
    """A goal after judging: the value of its metric, met or not, the 95 % interval, and whether the goal lies inside it
    (`close`: then another sample of examples might say otherwise). `met` is None where it was not measured."""
    goal: Goal
    value: float | None = None
    met: bool | None = None
    interval: tuple[float, float] | None = None

    @property
    def close(self) -> bool:
        return self.interval is not None and self.interval[0] < self.goal.wanted < self.interval[1]

    def plain(self) -> dict[str, Any]:
        """As it stands in JSON."""
        return {"text": str(self.goal), "met": self.met, "interval": self.interval and list(self.interval),
                "value": self.value, "close": self.close}


def formulas(kind) -> dict[str, Formula]:
    """Metrics that follow from answers and targets alone, for a target of this kind; {} for other kinds."""
    names = OF_CLASSES if isinstance(kind, Label) else OF_NUMBERS if isinstance(kind, Number) else {}
    return {name: getattr(metrics, formula) for name, formula in names.items()
            if name in metrics.BETTER and hasattr(metrics, formula)}


def must_fit(goal: Goal | None, kind, data) -> None:
    """Refuse, before anything is learned, a goal that can never be judged: `Problem` names the metrics that can.

    `kind` is the system's class, `data` its data."""
    if goal is None:
        return
    compared = data.world is None and isinstance(data.target, (Label, Number)) and isinstance(data.target, kind.goal[1])
    own = _spoken(kind)
    if compared:
        other = OF_NUMBERS if isinstance(data.target, Label) else {name: "" for name in OF_CLASSES if name != "loss"}
        possible = list(formulas(data.target))
        possible += [name for name in metrics.BETTER if name in own and name not in possible and name not in other]
    else:
        able = OF_SCENES.get(type(data.target), ()) if data.world is None and isinstance(data.target, kind.goal[1]) else ()
        possible = [name for name in metrics.BETTER if name in own or name in able]
    if goal.metric in possible or not possible:
        return
    raise Problem("{metric} cannot be measured here: {system} is judged on {what}; a goal can be set on {names}",
                  metric=goal.metric, system=kind.__name__.lower(), what=_judged_on(data.target if data.world is None and isinstance(data.target, kind.goal[1]) else None),
                  names=", ".join(possible))


def _judged_on(target) -> str:
    if isinstance(target, Label):
        return say("classes")
    if isinstance(target, (Boxes, Mask, Text)):
        return say("boxes") if isinstance(target, Boxes) else say("pixels") if isinstance(target, Mask) else say("sentences")
    return say("numbers") if isinstance(target, Number) else say("what it does")


def _spoken(kind) -> set[str]:
    """The metrics that a system's own file names: what it may measure by itself."""
    try:
        text = inspect.getsource(sys.modules[kind.__module__])
    except (OSError, KeyError, TypeError):
        text = " ".join(f'"{name}"' for name in metrics.BETTER)          # a file that cannot be read: trust it
    painted = OF_PICTURES if re.search(r"\bjudge\.(figures|compared)\(", text) else ()
    return {kind.score, *painted} | {name for name in metrics.BETTER if re.search(rf"[\"']{name}[\"']", text)}


def reached(goal: Goal | None, measured: Mapping[str, float], kind=None, answers: Tensor | None = None,
            target: Tensor | None = None) -> Reached | None:
    """The goal against what was measured; from answers (N, …) and target (N,) of `kind`, if these are at hand, also a
    metric that the system did not measure, and its interval."""
    if goal is None:
        return None
    formula = formulas(kind).get(goal.metric) if answers is not None and target is not None else None
    value = measured.get(goal.metric)
    between = None
    if formula is not None and answers is not None and target is not None:
        plain = float(formula(answers, target))
        if value is None:
            value = plain
        if math.isfinite(plain) and _same(plain, value, len(target)):
            between = interval(formula, answers, target)
    if value is None or not math.isfinite(value):
        return Reached(goal)
    return Reached(goal, value, goal.met({goal.metric: value}), between)


def intervals(kind, answers: Tensor, target: Tensor, measured: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of the metrics that can be computed from answers alone; a metric whose plain formula
    does not give what the system measured (it measures something else by that name) gets none."""
    return {name: interval(formula, answers, target) for name, formula in formulas(kind).items()
            if name in measured and _same(float(formula(answers, target)), measured[name], len(target))}


def interval(formula: Formula, answers: Tensor, target: Tensor) -> tuple[float, float]:
    """95 % bootstrap interval with as many draws as there is time for."""
    return metrics.interval(formula, answers, target, max(40, min(TURNS, CELLS // max(1, answers.numel()))))


def _same(one: float, other: float, examples: int) -> bool:
    """The same metric, but for half precision, in which a few answers tip over."""
    return math.isclose(one, other, rel_tol=0.02, abs_tol=max(1e-4, 2.5 / examples) if 0 <= one <= 1 else 1e-4)


def read(told: Mapping[str, Any]) -> Reached | None:
    """What `Reached.plain` wrote."""
    if not told.get("text"):
        return None
    between = told.get("interval")
    return Reached(Goal.read(told["text"]), told.get("value"), told.get("met"), tuple(between) if between else None)


def sentence(found: Reached, number: Callable[[str, float], str]) -> str:
    """The verdict on a goal in one sentence; `number(metric, value)` writes a value for people."""
    goal, value = written(found.goal, number), found.value
    if found.met is None or value is None:
        return say("{goal}: {metric} was not measured", goal=goal, metric=found.goal.metric)
    told, between = number(found.goal.metric, value), ""
    if found.interval:
        between = " " + say("(95 %: {low} … {high})", low=number(found.goal.metric, found.interval[0]),
                            high=number(found.goal.metric, found.interval[1]))
    if found.met and found.close:
        rising = metrics.BETTER[found.goal.metric] > 0
        return (say("{goal}: met with {value}{between}, but the interval reaches below it", goal=goal, value=told, between=between)
                if rising else
                say("{goal}: met with {value}{between}, but the interval reaches above it", goal=goal, value=told, between=between))
    if found.met:
        return say("{goal}: met with {value}{between}", goal=goal, value=told, between=between)
    if found.close:
        return say("{goal}: not met, {value}{between}; the interval reaches it, so more examples could decide otherwise",
                   goal=goal, value=told, between=between)
    return say("{goal}: not met, {value}{between}", goal=goal, value=told, between=between)


def written(goal: Goal, number: Callable[[str, float], str]) -> str:
    """A goal as a person writes it: `accuracy ≥ 99.00 %`."""
    return f"{goal.metric} {'≥' if metrics.BETTER[goal.metric] > 0 else '≤'} {number(goal.metric, goal.wanted)}"
