"""The book: the headings, figures and worked examples of a deep-learning textbook, each with the command that makes it.

`chapters/book.toml` is the list, `chapters/figures.json` holds what `bench/` measured (written by `docs/book.py`),
`chapters/course.toml` the six lessons. Nothing here imports torch, except `told`, which computes.
"""
import difflib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from deepen.core.words import Problem, language, say

HOME = Path(__file__).parent.parent / "chapters"
SHARES = ("accuracy", "recognised", "as_asked", "miou", "map50")        # units that people read in percent


@dataclass(frozen=True)
class Entry:
    """One heading, figure or example of the book."""
    id: str
    number: str                     # 6.5: the fifth of the sixth part
    kind: str                       # heading, figure, example
    titles: dict[str, str]          # language -> title
    parts: dict[str, str]           # language -> title of its part
    commands: tuple[str, ...]
    claims: tuple[str, ...]         # lines of bench/results
    worked: str | None              # a function of engine/worked
    chapter: str | None

    @property
    def title(self) -> str:
        return self.titles[language()]

    @property
    def part(self) -> str:
        return self.parts[language()]

    @property
    def sort(self) -> str:
        """What it is, in words."""
        return {"heading": say("heading"), "figure": say("figure"), "example": say("worked example")}[self.kind]

    @property
    def figure(self) -> str | None:
        """Our measured figure in one line, or None: not yet."""
        found = [figure for claim in self.claims if (figure := measured().get(claim))]
        return "; ".join(_figure(one) for one in found) or None

    def told(self) -> tuple[list[str], dict[str, Any]] | None:
        """Compute the worked example now: (lines for people, numbers for programs)."""
        if self.worked is None:
            return None
        from deepen.engine import worked
        return worked.tell(self.worked)


@dataclass(frozen=True)
class Step:
    """One step of a lesson: predict, run, observe, explain."""
    predict: dict[str, str]
    commands: tuple[str, ...]
    observe: dict[str, str]
    explain: dict[str, str]


@dataclass(frozen=True)
class Lesson:
    """One of the six lessons."""
    number: int
    titles: dict[str, str]
    chapter: str
    steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        return self.titles[language()]


@cache
def entries() -> tuple[Entry, ...]:
    """Everything in the book, in its order."""
    book = tomllib.loads((HOME / "book.toml").read_text(encoding="utf-8"))
    return tuple(
        Entry(one["id"], f"{part_number}.{number}", one["kind"], _both(one), _both(part), tuple(one.get("commands", ())),
              tuple(one.get("claims", ())), one.get("worked"), one.get("chapter", part.get("chapter")))
        for part_number, part in enumerate(book["part"], 1) for number, one in enumerate(part["entry"], 1))


@cache
def course() -> tuple[Lesson, ...]:
    """The six lessons in their order."""
    lessons = tomllib.loads((HOME / "course.toml").read_text(encoding="utf-8"))["lesson"]
    return tuple(Lesson(number, _both(one), one["chapter"], tuple(
        Step(step["predict"], tuple(step.get("commands", ())), step["observe"], step["explain"]) for step in one["step"]))
        for number, one in enumerate(lessons, 1))


@cache
def measured() -> dict[str, dict[str, Any]]:
    """Claim -> what `bench/` measured of it."""
    return {figure["claim"]: figure for figure in json.loads((HOME / "figures.json").read_text(encoding="utf-8"))}


def search(words: Sequence[str]) -> list[Entry]:
    """Entries by id, by number (`6`, `6.5`), or with all the words in their title (in either language), part, id or commands."""
    asked = " ".join(words).lower().strip()
    exact = [one for one in entries() if asked in (one.id, one.number) or one.number.startswith(asked + ".")]
    if exact:
        return exact
    found = [one for one in entries() if all(word in _text(one) for word in asked.split())]
    if not found:
        known = {one.id for one in entries()} | {word for one in entries() for word in _text(one).split() if word.isalpha()}
        near = difflib.get_close_matches(asked, sorted(known), 1, 0.5)
        if near:
            raise Problem("the book has nothing on {word}; did you mean {near}?", word=asked, near=near[0])
        raise Problem("the book has nothing on {word}; `deepen book` shows its contents", word=asked)
    return found


def _text(one: Entry) -> str:
    return " ".join([one.id, *one.titles.values(), *one.parts.values(), *one.commands, one.kind, one.chapter or ""]).lower()


def _both(one: dict[str, Any]) -> dict[str, str]:
    return {"en": one["en"], "ko": one["ko"]}


def _figure(one: dict[str, Any]) -> str:
    """`99.41 % accuracy (mean of 5 runs, 99.38 … 99.44)`"""
    share = one["unit"] in SHARES
    low, high = one["spread"]
    told = f"{_number(one['ours'], share)} {say(one['unit'])}".strip()
    return told if one["runs"] < 2 else f"{told} ({say('{runs} runs, {low} … {high}', runs=one['runs'], low=_number(low, share), high=_number(high, share))})"


def _number(value: float, share: bool) -> str:
    if share:
        return f"{value * 100:.2f} %"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def bench_of(one: Entry) -> str | None:
    """The script that measured the entry's figure."""
    return next((measured()[claim]["bench"] for claim in one.claims if claim in measured()), None)


def markdown() -> str:
    """The whole book in the language spoken now, with the worked examples computed."""
    page = [f"# {say('The book')}\n", say(
        "The headings, figures and worked examples of a deep-learning textbook in its order, each with the command that makes it "
        "and our figure. Written by `python docs/book.py`; on a terminal it is `deepen book`.") + "\n"]
    part = None
    for one in entries():
        if one.part != part:
            part = one.part
            page.append(f"## {one.number.split('.')[0]} {part}\n")
        page.append(f"### {one.number} {one.title}\n")
        page += _facts(one)
    page.append(f"## {say('The course')}\n")
    for lesson in course():
        page.append(f"{lesson.number}. {lesson.title} — `deepen book course {lesson.number}`")
    return "\n".join(page) + "\n"


def _facts(one: Entry) -> list[str]:
    lines = [f"`{one.id}` · {one.sort}" + (f" · {say('chapter')} [{one.chapter}](../deepen/chapters/{language()}/{one.chapter}.md)"
                                                if one.chapter in _chapters() else "") + "\n"]
    if one.commands:
        lines.append("```console\n" + "\n".join(one.commands) + "\n```\n")
    if one.worked and one.worked not in CHANGING:
        lines.append("```text\n" + "\n".join(one.told()[0]) + "\n```\n")     # type: ignore[index]
    figure, script = one.figure, bench_of(one)
    if figure:
        lines.append(f"{say('our figure')}: **{figure}** ([{script}](../{script}))\n")
    elif one.claims or not one.commands:
        lines.append(f"{say('our figure') if one.claims else say('command')}: {say('not yet')}\n")
    return lines


CHANGING = ("layer_times", "depth")         # numbers of the computer it runs on


def _chapters() -> list[str]:
    from deepen.engine.chapters import names
    return names()
