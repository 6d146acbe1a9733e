"""Events: one fact about a run each, in the past tense. They go up to whoever listens; nothing comes down."""
import json
import math
import time
from dataclasses import dataclass, field
from typing import Any, Literal

Name = Literal["started", "stepped", "evaluated", "changed", "saved", "warned", "finished", "failed"]


@dataclass(frozen=True)
class Event:
    """What happened (`event`), at which step, when (`t`, seconds since 1970), and the facts."""
    event: Name
    step: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    t: float = field(default_factory=time.time)

    def line(self) -> str:
        """One line of JSON; numbers that JSON has no word for (nan, inf) become null."""
        told = {"t": round(self.t, 3), "step": self.step, "event": self.event, **self.facts}
        return json.dumps(_plain(told), ensure_ascii=False, allow_nan=False)


def read(line: str) -> Event:
    """The event that `line()` wrote."""
    told = json.loads(line)
    return Event(told.pop("event"), told.pop("step"), t=told.pop("t"), facts=told)


def _plain(value):
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value
