"""What a source does with what its readers notice: stop at an error, or leave out what it is about, and say so."""
from collections.abc import Sequence
from pathlib import Path

from deepen.core.words import Problem, say
from deepen.sources._finding import Finding, Level, finding_of

NAMED = 3           # places named of many


class Told:
    """Findings as they are noticed."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def add(self, level: Level, cause: str, mend: str = "", file: str = "", place: str = "") -> None:
        self.findings.append(Finding(level, cause, mend, file, place))

    def problem(self, problem: Problem) -> None:
        self.findings.append(finding_of(problem))


def settle(told: Told, on_bad: str, path: Path, said: list[str]) -> None:
    """With on_bad=stop a `Problem` at errors; else everything noticed is said, equal causes together. Clears `told`."""
    errors = [finding for finding in told.findings if finding.level == "error"]
    if errors and on_bad == "stop":
        raise Problem("{count} errors in {path}: {shown} … mend them, or leave out what they are about with on_bad=skip; all of them are told by: "
                      "deepen check {path}", count=len(errors), path=path, shown=" · ".join(map(str, errors[:NAMED])))
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in told.findings:
        groups.setdefault((finding.level, finding.cause), []).append(finding)
    for (level, cause), these in groups.items():
        where = _places(these)
        sentence = f"{len(these)} × {cause}{where}" if len(these) > 1 else f"{cause}{where}"
        said.append(say("{finding}; it is left out", finding=sentence) if level == "error" else sentence)
    told.findings.clear()


def _places(these: Sequence[Finding]) -> str:
    named = [", ".join(part for part in (finding.file, finding.place) if part) for finding in these]
    named = [name for name in named if name]
    return f" ({'; '.join(named[:NAMED])}{'; …' if len(named) > NAMED else ''})" if named else ""
