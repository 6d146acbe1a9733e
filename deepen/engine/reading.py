"""Curves judged in one place: what shape they have, and that in plain words. Advice goes by the same judgement."""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from deepen.core.events import Event
from deepen.core.words import say
from deepen.engine.until import better

Points = list[tuple[int, float]]
Name = Literal["failed", "diverged", "overfit", "underfit", "rising", "level", "short"]


@dataclass(frozen=True)
class Shape:
    """What the curves of a run look like: learning went wrong, by heart, hardly began, would go on, came to rest, or
    nothing can be said (`short`). `turn`: the step where it turned; `steps`: the last one; `by`: what told."""
    name: Name
    turn: int = 0
    steps: int = 0
    by: Literal["loss", "score", ""] = ""
    jump: int | None = None             # a step at which the training loss leapt


def curve(events: Sequence[Event], name: str, of: str) -> Points:
    """(step, value) of a metric in the events called `of` (stepped or evaluated)."""
    return [(event.step, event.facts[name]) for event in events
            if event.event == of and isinstance(event.facts.get(name), (int, float))]


def shape(events: Sequence[Event], score: str = "accuracy", examples: int = 0) -> Shape:
    """The shape of a run's curves; `examples` of validation: a difference of one of them is noise."""
    learned, judged, scores = curve(events, "loss", "stepped"), curve(events, "loss", "evaluated"), curve(events, score, "evaluated")
    steps = max((event.step for event in events), default=0)
    jump = _jump(learned)
    if any(event.event == "failed" for event in events):
        return Shape("failed", steps, steps, jump=jump)
    if judged and _diverged(learned):       # a loss that is not judged is no measure: a game, two networks against each other
        return Shape("diverged", min(learned, key=lambda point: point[1])[0], steps, "loss", jump)
    if (turn := _fell(scores, score, steps, examples)) is not None:
        return Shape("overfit", turn, steps, "score", jump)
    rise = _rises(judged) if len(judged) >= 4 else None
    if rise is not None and not _grew(scores, score, rise):         # sure, yet no more right
        return Shape("overfit", rise, steps, "loss", jump)
    if (judged or not scores) and len(learned) >= 4 and learned[-1][1] > 0.9 * learned[0][1]:
        return Shape("underfit", 0, steps, "loss", jump)
    if len(scores) < 3:
        return Shape("short", 0, steps, jump=jump)
    best = _best(scores, score)
    half = [value for step, value in scores if step <= steps / 2]
    if best[0] > 0.85 * steps and half and differ(half[-1], scores[-1][1], examples):
        return Shape("rising", best[0], steps, "score", jump)
    return Shape("level", best[0], steps, "score", jump)


def reading(events: Sequence[Event], score: str = "accuracy", examples: int = 0) -> list[str]:
    """One or two sentences on the curves: failed, diverged, learning by heart, not learning, or sound."""
    seen, said = shape(events, score, examples), []
    learned, judged = curve(events, "loss", "stepped"), curve(events, "loss", "evaluated")
    if seen.name == "failed":
        said.append(say("The run failed: the curves end where it happened."))
    if seen.jump:
        said.append(say("The training loss jumped at step {step}: the learning rate may be too high.", step=f"{seen.jump:,}"))
    elif seen.name == "diverged":
        said.append(say("The training loss rose again after step {step}: the learning rate is too high.", step=f"{seen.turn:,}"))
    if seen.name == "overfit" and seen.by == "loss":
        said.append(say("The validation loss rises from step {step} on while training goes on: overfitting. Fewer epochs, more "
                        "data, augmentation or dropout help.", step=f"{seen.turn:,}"))
    elif seen.name == "overfit":
        said.append(say("The score was best at step {step} of {steps} and fell afterwards: overfitting. Fewer epochs, more data, "
                        "augmentation or dropout help.", step=f"{seen.turn:,}", steps=f"{seen.steps:,}"))
    elif seen.name == "underfit":
        said.append(say("The training loss hardly fell: underfitting. A larger network, a higher learning rate or more epochs may help."))
    elif seen.name == "rising":
        said.append(say("The score was still getting better at the end: more epochs may bring more."))
    elif len(judged) >= 4 and not said:
        said.append(say("Training and validation go down together: no sign of learning by heart."))
    return said or [say("The curves are too short to read; the numbers above stand.")] * bool(learned or judged)


def differ(one: float, other: float, examples: int) -> bool:
    """Is the difference more than noise? Shares of `examples` must differ by their standard error and by two of these."""
    least = 0.0
    if examples and 0 <= one <= 1 and 0 <= other <= 1:
        mean = (one + other) / 2
        least = max(2 / examples, (mean * (1 - mean) / examples) ** 0.5)
    return abs(one - other) > max(least, 0.002 * abs(other))


def _best(scores: Points, score: str) -> tuple[int, float]:
    best = scores[0]
    for point in scores[1:]:
        if better(score, point[1], best[1]):
            best = point
    return best


def _fell(scores: Points, score: str, steps: int, examples: int) -> int | None:
    """The step of the best score, if it came early and the score clearly fell afterwards."""
    if len(scores) < 3:
        return None
    step, value = _best(scores, score)
    last = scores[-1][1]
    return step if step < 0.7 * steps and better(score, value, last) and differ(value, last, examples) else None


def _grew(scores: Points, score: str, since: int) -> bool:
    """Did the score get better after that step?"""
    at = dict(scores)
    return since in at and bool(scores) and better(score, scores[-1][1], at[since])


def _jump(points: Points) -> int | None:
    """The step at which the loss became more than five times the median before it."""
    for i in range(5, len(points)):
        before = sorted(value for _, value in points[:i])
        if points[i][1] > 5 * before[len(before) // 2] + 0.5:
            return points[i][0]
    return None


def _diverged(points: Points) -> bool:
    """Did the loss end clearly above its lowest? One high value at the end is not enough where there are many."""
    if len(points) < 2:
        return False
    last = sorted(value for _, value in points[-3:])[1] if len(points) >= 5 else points[-1][1]
    lowest = min(value for _, value in points)
    return last > 1.5 * lowest and last - lowest > 0.05 * abs(points[0][1])


def _rises(points: Points) -> int | None:
    """The step of the lowest loss, if it rose clearly and for good afterwards."""
    low = min(range(len(points)), key=lambda i: points[i][1])
    after = [value for _, value in points[low + 1:]]
    lowest = points[low][1]
    if len(after) >= 2 and low < 0.75 * len(points) and min(after[-2:]) > 1.1 * lowest + max(1e-3, 0.02 * points[0][1]):
        return points[low][0]
    return None
