"""book: the textbook's contents, its entries with their numbers computed now, its chapters, and the course."""
import json
import re

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.core.words import Problem, language, say
from deepen.engine import book, chapters
from deepen.engine.formula import plain

MARKS = {"measured": ("●", "green"), "computed": ("◆", "cyan"), "command": ("▸", "cyan"), "not yet": ("·", "dim")}
WIDEST = 96                                     # columns of running text; longer lines are hard to read


def show(asked: Asked) -> int:
    """`deepen book [WORD …]`"""
    screen, words = terminal.screen(asked.json), asked.words
    if not words:
        told = contents(screen)
    elif words[0] == "course" and len(words) < 3:
        told = lesson(screen, words[1]) if len(words) == 2 else course(screen)
    elif len(words) == 1 and words[0] in chapters.names():
        own = next((one for one in book.entries() if one.id == words[0]), None)
        told = {**(entry(screen, own) if own else {}), **chapter(screen, words[0])}
    else:
        found = book.search(words)
        told = entry(screen, found[0]) if len(found) == 1 else several(screen, found)
    if asked.json:
        print(json.dumps(told, ensure_ascii=False))
    return 0


# contents and search

def contents(screen) -> dict:
    """The whole book, a line an entry."""
    every = book.entries()
    screen.print(f"\n  {say('The book')}", style="bold", end="")
    screen.print("   " + say("{all} entries, {ready} with a command, {computed} computed while you look",
                             all=len(every), ready=sum(bool(one.commands) for one in every),
                             computed=sum(bool(one.worked) for one in every)), style="dim")
    _listed(screen, every)
    _legend(screen)
    terminal.commands(screen, say("next"), [
        ("deepen book conv-filter", say("one entry, by its word")), ("deepen book softmax", say("or by any word in it")),
        ("deepen book layers", say("a chapter to read")), ("deepen book course", say("six lessons, from the beginning"))])
    return {"entries": [_plain(one) for one in every], "chapters": chapters.names()}


def several(screen, found: list[book.Entry]) -> dict:
    """More than one entry that fits."""
    _listed(screen, found)
    _legend(screen)
    terminal.commands(screen, say("next"), [(f"deepen book {found[0].id}", say("one of them, with its numbers"))])
    return {"entries": [_plain(one) for one in found]}


def _listed(screen, found) -> None:
    part = None
    table = Table.grid(padding=(0, 1))
    for column in ({"no_wrap": True}, {"no_wrap": True, "style": "dim", "justify": "right"}, {}, {"no_wrap": True, "style": "cyan"}):
        table.add_column(**column)
    for one in found:
        if one.part != part:
            part = one.part
            table.add_row("", "", "")
            table.add_row("", Text(one.number.split(".")[0], style="bold"), Text(part, style="bold"))
        mark, colour = MARKS[_state(one)]
        table.add_row(Text(f"  {mark}", style=colour), one.number, Text(one.title, style="" if one.commands else "dim"), f" {one.id}")
    screen.print(table)


def _legend(screen) -> None:
    meaning = {"measured": say("measured"), "computed": say("computed now"), "command": say("a command"), "not yet": say("not yet")}
    parts = [Text.assemble((MARKS[state][0], MARKS[state][1]), f" {word}") for state, word in meaning.items()]
    screen.print()
    screen.print(Text("  ") + terminal.flow(screen, parts, 2), style="dim")


def _state(one: book.Entry) -> str:
    return "measured" if one.figure else "computed" if one.worked else "command" if one.commands else "not yet"


def _plain(one: book.Entry) -> dict:
    return {"id": one.id, "number": one.number, "kind": one.kind, "title": one.title, "part": one.part, "commands": list(one.commands),
            "figure": one.figure, "bench": book.bench_of(one), "computed": bool(one.worked), "chapter": one.chapter}


# one entry

def entry(screen, one: book.Entry) -> dict:
    """An entry with its numbers computed now, its figure and its commands."""
    screen.print()
    screen.print(Padding(Text.assemble((f"{one.number}  ", "dim"), (one.title, "bold")), (0, 0, 0, 2), expand=False))
    screen.print(f"  {one.sort} · {one.part}", style="dim")
    told = one.told()
    if told:
        screen.print()
        for line in told[0]:
            screen.print(Padding(_coloured(line), (0, 0, 0, 4), expand=False))
    facts = []
    if one.figure:
        facts.append((say("our figure"), Text.assemble((one.figure, "bold"), (f"   {book.bench_of(one)}", "dim"))))
    elif one.claims or not one.commands:
        facts.append((say("our figure") if one.claims else say("command"), Text(say("not yet"), style="dim")))
    if facts:
        screen.print()
        terminal.facts(screen, facts)
    commands = [(line, "") for line in one.commands if line != f"deepen book {one.id}"]
    if commands:
        terminal.commands(screen, say("try it"), commands)
    if one.chapter in chapters.names() and one.chapter != one.id:          # else it follows
        terminal.commands(screen, say("read it"), [(f"deepen book {one.chapter}", chapters.chapter(one.chapter, language()).title)])
    return {**_plain(one), **({"lines": told[0], "numbers": told[1]} if told else {})}


def _coloured(line: str) -> Text:
    text = Text(line)
    text.highlight_regex(r"█+", "cyan")
    return text


# chapters

def chapter(screen, name: str) -> dict:
    """A chapter as a page of text."""
    one = chapters.chapter(name, language())
    wide = min(screen.width, WIDEST) if screen.is_terminal else WIDEST
    screen.print(f"\n  {one.title}", style="bold")
    screen.print(Padding(Text(one.summary, style="dim"), (0, 0, 0, 2), expand=False), width=wide, soft_wrap=False)
    for heading, text in one.sections:
        screen.print(f"\n  {heading}", style="bold cyan")
        for piece in re.split(r"(^```try\n.*?^```$|^\$\$.+?\$\$$)", text, flags=re.DOTALL | re.MULTILINE):
            _piece(screen, piece.strip(), wide)
    others = [entry for entry in book.entries() if entry.chapter == name and entry.commands and entry.id != name]
    if others:
        terminal.commands(screen, say("in the book"), [(f"deepen book {one.id}", one.title) for one in others[:6]])
    return {"name": name, "title": one.title, "summary": one.summary, "commands": one.commands,
            "sections": [{"heading": heading, "markdown": text} for heading, text in one.sections]}


def _piece(screen, piece: str, wide: int) -> None:
    from rich.markdown import Markdown
    if not piece:
        return
    if piece.startswith("```try"):
        for line in piece.splitlines()[1:-1]:
            screen.print(f"    {line}", style="cyan", soft_wrap=True)
    elif piece.startswith("$$"):
        screen.print(Padding(Text(plain(piece.strip("$")).replace(",    ", "\n"), style="bold"), (1, 0, 1, 6), expand=False), width=wide, soft_wrap=False)
    else:
        readable = chapters.FORMULA.sub(lambda found: plain(found[1] or found[2]).replace("*", r"\*"), piece)
        screen.print(Padding(Markdown(readable, inline_code_theme="ansi_dark", code_theme="ansi_dark"), (0, 0, 0, 2)), width=wide, soft_wrap=False)


# the course

def course(screen) -> dict:
    """The six lessons."""
    screen.print(f"\n  {say('The course')}", style="bold")
    screen.print("  " + say("predict, run, observe, explain: write down what you expect, then run"), style="dim")
    screen.print()
    table = Table.grid(padding=(0, 2))
    for style in ("dim", "", "dim"):
        table.add_column(style=style)
    for one in book.course():
        ready = sum(bool(step.commands) for step in one.steps)
        state = say("{count} steps", count=len(one.steps)) if ready == len(one.steps) else say(
            "{ready} of {count} steps", ready=ready, count=len(one.steps)) if ready else say("not yet")
        table.add_row(f"  {one.number}", one.title, state)
    screen.print(table)
    terminal.commands(screen, say("next"), [("deepen book course 1", say("the first lesson"))])
    return {"lessons": [_lesson(one) for one in book.course()]}


def lesson(screen, number: str) -> dict:
    """One lesson, step by step."""
    lessons = {str(one.number): one for one in book.course()}
    if number not in lessons:
        raise Problem("there is no lesson {number}; there are 1 to {last}", number=number, last=len(lessons))
    one = lessons[number]
    wide = min(screen.width, WIDEST) if screen.is_terminal else WIDEST
    screen.print(f"\n  {say('Lesson {number}', number=number)}  ", style="dim", end="")
    screen.print(one.title, style="bold")
    if one.chapter in chapters.names():
        screen.print(f"  deepen book {one.chapter}", style="cyan", end="")
        screen.print("   " + say("the chapter to it"), style="dim")
    for place, step in enumerate(one.steps, 1):
        screen.print(f"\n  {say('Step {number}', number=place)}", style="bold")
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column()
        table.add_row(f"  {say('predict')}", step.predict[language()])
        for line in step.commands or (say("not yet"),):
            table.add_row(f"  {say('run')}" if line == (step.commands or (line,))[0] else "",
                          Text(line, style="cyan" if step.commands else "dim"))
        table.add_row(f"  {say('observe')}", step.observe[language()])
        table.add_row(f"  {say('explain')}", Text(step.explain[language()], style="dim"))
        screen.print(table, width=wide, soft_wrap=False)
    following = lessons.get(str(one.number + 1))
    if following:
        terminal.commands(screen, say("next"), [(f"deepen book course {following.number}", following.title)])
    return _lesson(one)


def _lesson(one: book.Lesson) -> dict:
    spoken = language()
    return {"number": one.number, "title": one.title, "chapter": one.chapter,
            "steps": [{"predict": step.predict[spoken], "commands": list(step.commands), "observe": step.observe[spoken],
                       "explain": step.explain[spoken]} for step in one.steps]}
