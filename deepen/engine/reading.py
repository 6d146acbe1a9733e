"""A plain reading of a run's curves: what a teacher would say looking at them."""
from collections.abc import Sequence
from math import nan

from deepen.core.events import Event
from deepen.core.words import say
from deepen.engine.until import better

Points = list[tuple[int, float]]


def curve(events: Sequence[Event], name: str, of: str) -> Points:
    """(step, value) of a metric in the events called `of` (stepped or evaluated)."""
    return [(event.step, event.facts[name]) for event in events
            if event.event == of and isinstance(event.facts.get(name), (int, float))]


def reading(events: Sequence[Event], score: str = "accuracy") -> list[str]:
    """One or two sentences on the curves: failed, diverged, learning by heart, not learning, or sound."""
    learned, judged = curve(events, "loss", "stepped"), curve(events, "loss", "evaluated")
    said = []
    if any(event.event == "failed" for event in events):
        said.append(say("The run failed: the curves end where it happened."))
    if jump := _jump(learned):
        said.append(say("The training loss jumped at step {step}: the learning rate may be too high.", step=f"{jump:,}"))
    scores = dict(curve(events, score, "evaluated"))
    rise = _rises(judged) if len(judged) >= 4 else None
    if rise is not None and not better(score, scores.get(judged[-1][0], nan), scores.get(rise)):     # sure, yet no more right
        said.append(say("The validation loss rises from step {step} on while training goes on: overfitting. Fewer epochs, more "
                        "data, augmentation or dropout help.", step=f"{rise:,}"))
    if len(learned) >= 4 and learned[-1][1] > 0.9 * learned[0][1] and not said:
        said.append(say("The training loss hardly fell: underfitting. A larger network, a higher learning rate or more epochs may help."))
    if len(judged) >= 4 and not said:
        said.append(say("Training and validation go down together: no sign of learning by heart."))
    return said or [say("The curves are too short to read; the numbers above stand.")] * bool(learned or judged)


def _jump(points: Points) -> int | None:
    """The step at which the loss became more than five times the median before it."""
    for i in range(5, len(points)):
        before = sorted(value for _, value in points[:i])
        if points[i][1] > 5 * before[len(before) // 2] + 0.5:
            return points[i][0]
    return None


def _rises(points: Points) -> int | None:
    """The step of the lowest loss, if it rose clearly and for good afterwards."""
    low = min(range(len(points)), key=lambda i: points[i][1])
    after = [value for _, value in points[low + 1:]]
    lowest = points[low][1]
    if len(after) >= 2 and low < 0.75 * len(points) and min(after[-2:]) > 1.1 * lowest + 1e-3:
        return points[low][0]
    return None
