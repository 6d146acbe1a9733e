"""What is noticed about data: one fact each, with its place and how to mend it."""
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

from deepen.core.words import Problem, language

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """A fact about somebody's data. An `error` stops training, a `warning` should be looked at, a `note` is a guess
    or a reading said aloud."""
    level: Level
    cause: str              # what is so
    mend: str = ""          # what to do
    file: str = ""
    place: str = ""         # "line 3", "column age", "class ants"

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, self.place) if part)
        told = (". " if language() == "ko" else "; ").join(part for part in (self.cause, self.mend) if part)
        return f"{where}: {told}" if where else told

    def plain(self) -> dict[str, str]:
        return asdict(self)


class Trouble(Problem):
    """A finding that stops: the sentence is said already, its parts stay at hand."""

    def __init__(self, cause: str, mend: str = "", file: str = "", place: str = ""):
        self.finding = Finding("error", cause, mend, file, place)
        super().__init__("{finding}", finding=self.finding)


class Notes(Protocol):
    """Where a reader tells what it notices: `check` shows it all, a source stops at an error."""

    def add(self, level: Level, cause: str, mend: str = "", file: str = "", place: str = "") -> None: ...
    def problem(self, problem: Problem) -> None: ...


def finding_of(problem: Problem, file: str = "") -> Finding:
    """The finding of a problem that stopped a reader of `file`. A sentence says what is wrong, then what to do."""
    if isinstance(problem, Trouble):
        return problem.finding
    cause, _, mend = str(problem).partition(". " if language() == "ko" else "; ")
    return Finding("error", cause, mend, file)
