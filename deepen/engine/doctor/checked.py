"""What a look at somebody's data found."""
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from deepen.core.data import Data
from deepen.core.kinds import Label
from deepen.core.words import Problem, say
from deepen.sources._finding import Finding, Level, finding_of

LEVELS = ("error", "warning", "note")


@dataclass
class Checked:
    """What was found. `summary` is plain (for JSON); findings are in order: errors, warnings, notes."""
    what: str                                   # "pictures", "table", "voc", …, or a source's name
    why: str                                    # how that was decided
    where: str                                  # the path or the source
    source: str | None = None                   # the source that reads it for training; None where no system learns it yet
    summary: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def may_train(self) -> bool:
        return not any(finding.level == "error" for finding in self.findings)

    def plain(self) -> dict[str, Any]:
        return {"what": self.what, "why": self.why, "where": self.where, "source": self.source, "may_train": self.may_train,
                "summary": self.summary, "findings": [finding.plain() for finding in self.findings],
                "seconds": round(self.seconds, 3)}


class Notes:
    """Findings as they are noticed. With `skip`, what would stop is left out instead: an error becomes a warning."""

    def __init__(self, found: Checked, skip: bool = False):
        self.found, self.skip = found, skip

    def add(self, level: Level, cause: str, mend: str = "", file: str = "", place: str = "") -> None:
        if level == "error" and self.skip:
            level, mend = "warning", say("it is left out")
        self.found.findings.append(Finding(level, cause, mend, file, place))

    def problem(self, problem: Problem) -> None:
        """A `Trouble` that stopped the reader of one file."""
        told = finding_of(problem)
        self.add(told.level, told.cause, told.mend, told.file, told.place)


def middle(counts: Sequence[float]) -> dict[str, float]:
    """The least, the middle and the most of many counts."""
    ordered = sorted(counts)
    return {"fewest": ordered[0], "median": ordered[len(ordered) // 2], "most": ordered[-1]} if ordered else {}


def spread(sizes: Sequence[tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The smallest, the middle and the largest picture."""
    ordered = sorted(sizes, key=lambda size: size[0] * size[1])
    return {"smallest": ordered[0], "median": ordered[len(ordered) // 2], "largest": ordered[-1]} if ordered else {}


def summary_of(data: Data) -> dict[str, Any]:
    """Splits, kinds, and how many examples of each class train has."""
    from torch import Tensor
    told: dict[str, Any] = {"inputs": type(data.inputs).__name__, "shape": list(data.inputs.shape),
                            "target": type(data.target).__name__ if data.target is not None else None,
                            "splits": {name: len(split) for name, split in data.splits.items()}}
    target = getattr(data.splits.get("train"), "target", None)
    if isinstance(data.target, Label) and isinstance(target, Tensor):
        counts = target.cpu().bincount(minlength=len(data.target.names)).tolist()
        told["classes"] = dict(zip(data.target.names, counts, strict=True))
    return told
