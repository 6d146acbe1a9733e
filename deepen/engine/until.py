"""Until when: the goal, the time budget, patience, and a person who says stop."""
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from deepen.core.recipe import unknown
from deepen.core.words import Problem
from deepen.nn.metrics import BETTER


@dataclass(frozen=True)
class Goal:
    """What is wanted of a metric: `accuracy:0.99`, `accuracy>=0.99`, `rmse<=0.4`."""
    metric: str
    wanted: float

    @classmethod
    def read(cls, text: str) -> "Goal":
        match = re.fullmatch(r"\s*(\w+)\s*(:|>=|<=|≥|≤|>|<|=)\s*([-+.\deE]+)\s*(%?)\s*", text)
        try:
            metric, sign, wanted = match[1], match[2], float(match[3]) / (100 if match[4] else 1)  # type: ignore[index]
        except (TypeError, ValueError):
            raise Problem("goal={text} cannot be read; write for example goal=accuracy:0.99", text=text) from None
        if metric not in BETTER:
            raise unknown("metric", metric, BETTER)
        if (sign in (">", ">=", "≥") and BETTER[metric] < 0) or ((sign in ("<", "<=", "≤")) and BETTER[metric] > 0):
            raise Problem("goal={text} points the wrong way: {metric} is better when it is {better}", text=text,
                          metric=metric, better=">" if BETTER[metric] > 0 else "<")
        return cls(metric, wanted)

    def met(self, metrics: Mapping[str, float]) -> bool | None:
        """True or False; None when the metric was not measured."""
        value = metrics.get(self.metric)
        return None if value is None else better(self.metric, value, self.wanted) or value == self.wanted

    def __str__(self) -> str:
        return f"{self.metric} {'≥' if BETTER[self.metric] > 0 else '≤'} {self.wanted:g}"


def better(metric: str, value: float, than: float | None) -> bool:
    """Is `value` of `metric` better than `than`? A value that is no number is never better."""
    return value == value and (than is None or (value - than) * BETTER[metric] > 0)



@contextmanager
def gently() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into a flag that is read between steps; a second one interrupts at once."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return

    def heard(number, frame):
        if flag.is_set():
            raise KeyboardInterrupt
        flag.set()
    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
