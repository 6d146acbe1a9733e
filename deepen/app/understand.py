"""Is this a command that deepen takes? Everything a command line says is checked, and nothing is loaded or done.

For the book and the chapters, whose commands must go on being right.
"""
import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from deepen.app import cli
from deepen.app.commands import Asked
from deepen.core.recipe import checked, convert, fields_of, pairs, unknown
from deepen.core.words import Problem
from deepen.engine import find
from deepen.engine.start import DEALT


def understand(line: str) -> Asked:
    """A line like `deepen train digits lr=0.1`, taken apart; `Problem` when some part of it is wrong: the command, an
    option, the system or source, a setting, a line of a design or an augmentation, the goal, a word of the book."""
    words = shlex.split(line)
    if words[:1] != ["deepen"] or len(words) < 2:
        raise Problem("{line} is not a command of deepen", line=line)
    asked = cli.read(words[1:])
    check = CHECKS.get(asked.command.name)
    if check:
        check(asked)
    return asked


def _learns(asked: Asked) -> None:
    from deepen.engine.fit import Flags
    known = fields_of(Flags)
    for field in fields(Flags):
        if (value := asked.text(field.name.replace("_", "-"))) is not None:
            convert(known[field.name], value, f"--{field.name}")
    what, settings = asked.words[0], pairs(asked.words[1:])
    goal = settings.pop("goal", None)
    if goal is not None:
        from deepen.engine.until import Goal
        Goal.read(goal)
    system = what if what in find.systems() else None
    data = settings.pop("data", None) or ((find.systems()[system].facts["default_data"].strip("'\"")) if system else what)
    if "target" in settings:
        settings["data.target"] = settings.pop("target")
    _check_data(data, {key.removeprefix("data."): value for key, value in settings.items() if key.startswith("data.")})
    _check_recipe(system, {key: value for key, value in settings.items() if not key.startswith("data.")})


def _check_data(data: str, settings: Mapping[str, str]) -> None:
    """A source by name with its settings; a path stands for a folder or a table, whether or not it is there."""
    if _is_path(data):
        name = "table" if Path(data).suffix else "folder"
        settings = {**settings, "path": data}
    else:
        name = data
    if name not in find.sources():
        raise unknown("system or source", name, [*find.systems(), *find.sources()])
    known = fields_of(find.source(name))
    checked(find.source(name), {key: value for key, value in settings.items() if key in known or key not in DEALT}, "data.")


def _check_recipe(system: str | None, settings: Mapping[str, str]) -> None:
    """The settings fit the system, or, where only data was named, some system."""
    kinds = [find.system(name) for name in ([system] if system else find.systems())]
    reasons: list[Problem] = []
    for kind in kinds:
        try:
            recipe = checked(kind, settings)
        except Problem as problem:
            known = set(settings) <= set(fields_of(kind))           # then it is the value that is wrong
            reasons.insert(0 if known else len(reasons), problem)
            continue
        if settings.get("net"):
            for net in recipe["net"].split(","):                    # of an ensemble: several
                _check_net(net.strip())
        if settings.get("augment"):
            from deepen.nn.augment import Augment
            Augment(recipe["augment"], 10)
        return
    raise reasons[0]


def _check_net(net: str) -> None:
    """A net by its name, or the lines of a design for small grey pictures."""
    if net.split(" ")[0] in find.nets() or net.partition(":")[0].endswith(".py"):
        return
    from deepen.core.kinds import Image
    from deepen.nn.design import Design
    Design((net,)).table(Image(1, 28, 28), 10)


def _is_path(word: str) -> bool:
    return word.startswith((".", "/", "~")) or "/" in word


def _checks(asked: Asked) -> None:
    if not _is_path(asked.words[0]):
        _check_data(asked.words[0], {})


def _in_book(asked: Asked) -> None:
    from deepen.engine import book, chapters
    words = asked.words
    if words[:1] == ("course",) and len(words) == 2:
        if words[1] not in {str(lesson.number) for lesson in book.course()}:
            raise Problem("there is no lesson {number}; there are 1 to {last}", number=words[1], last=len(book.course()))
    elif words and words != ("course",) and not (len(words) == 1 and words[0] in chapters.names()):
        book.search(words)


def _named(what: str, known):
    def check(asked: Asked) -> None:
        if asked.words and asked.words[0] not in known():
            raise unknown(what, asked.words[0], known())
    return check


def _price(asked: Asked) -> None:
    from deepen.app.machine import price_of
    price_of(asked)


CHECKS = {"train": _learns, "plan": _learns, "check": _checks, "book": _in_book, "machine": _price,
          "systems": _named("system", find.systems), "copy": _named("system", find.systems), "sources": _named("source", find.sources)}
