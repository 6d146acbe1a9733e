"""The door: one command line becomes one function call, and everything that can go wrong one sentence and an exit code.

0: done. 1: the work failed. 2: the request or the data was wrong. Nothing here imports torch: help is instant.
"""
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import deepen
from deepen.app.commands import Asked, Command, Option, commands, everywhere, groups
from deepen.core.words import LANGUAGES, Problem, language, say, speak, visible


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    words = list(sys.argv[1:] if words is None else words)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")        # a terminal without Hangul or blocks shows ? and goes on
    try:
        speak(wished_language(words))
        code = _do(words)
        sys.stdout.flush()
        return code
    except Problem as problem:
        _tell(str(problem))
        return problem.code
    except KeyboardInterrupt:
        _tell(say("interrupted"))
        return 1
    except BrokenPipeError:                             # who read this has gone: say nothing more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _bug(error)


def wished_language(words: Sequence[str]) -> str:
    """`--lang`, else DEEPEN_LANG, else the language of the terminal."""
    for here, following in zip(words, [*words[1:], ""], strict=True):
        if here == "--":
            break
        if here == "--lang" or here.startswith("--lang="):
            return here.partition("=")[2] or following
    if asked := os.environ.get("DEEPEN_LANG"):
        return asked
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return locale[:2] if locale[:2] in LANGUAGES else "en"


def read(words: Sequence[str]) -> Asked:
    """A command line -> the command, its words and its options. `Problem` names the nearest of what is unknown."""
    known = commands()
    name = next((word for word in words if not word.startswith("-")), "")
    if name not in known:
        raise _unknown("command", name, known)
    command = known[name]
    options = {option.name: option for option in (*command.options, *everywhere())}
    plain: list[str] = []
    given: dict[str, str | bool] = {}
    left = list(words)
    left.remove(name)
    while left:
        word = left.pop(0)
        if word == "--":
            plain += left
            break
        if word == "-h":
            word = "--help"
        if not word.startswith("--"):
            plain.append(word)
            continue
        key, equals, value = word[2:].partition("=")
        if key not in options:
            raise _unknown("option", f"--{key}", [f"--{option}" for option in options])
        if not options[key].value:
            if equals:
                raise Problem("--{option} takes no value", option=key)
            given[key] = True
            continue
        if not equals:
            if not left:
                raise Problem("--{option} needs a value: {value}", option=key, value=options[key].value)
            value = left.pop(0)
        given[key] = value
    _check(command, plain, given)
    return Asked(command, tuple(plain), given)


def _check(command: Command, plain: list[str], given: dict) -> None:
    if given.get("help"):
        return
    if len(plain) < command.least:
        raise Problem("deepen {command} needs {takes}; for example: {example}", command=command.name,
                      takes=command.takes, example=command.examples[0][0])
    if command.most is not None and len(plain) > command.most:
        raise Problem("deepen {command} takes {takes}, and {extra} is too much", command=command.name,
                      takes=command.takes or say("nothing"), extra=" ".join(plain[command.most:]))


def _do(words: list[str]) -> int:
    if words[:1] == ["--version"]:
        print(f"deepen {deepen.__version__}")
        return 0
    plain = [word for word in words if not word.startswith("-") and word != language()]
    if not plain or plain == ["help"]:
        left = [word for word in words if word not in ("help", "--help", "-h", "--lang", language())
                and not word.startswith("--lang=")]
        if left:
            raise _unknown("option", left[0], ["--help", "--version", "--lang"])
        show_help()
        return 0
    if words[0] == "help":
        words = [*words[1:], "--help"]
    asked = read(words)
    if asked.options.get("help"):
        show_command(asked.command)
        if asked.command.name == "sample":
            show_asks(asked.words)
        return 0
    file, _, function = asked.command.does.partition(".")
    return getattr(importlib.import_module(f"deepen.app.{file}"), function)(asked) or 0


def show_help() -> None:
    """All commands on one page."""
    screen = _screen()
    screen.print(say("deepen: the deep-learning textbook as one working system"), style="bold")
    screen.print()
    screen.print(_lines([("deepen train digits", say("try this first")),
                         (say("deepen COMMAND --help"), say("what a command takes, with examples"))], "bold"))
    for heading, members in groups().items():
        screen.print(f"\n{heading}", style="bold")
        screen.print(_lines([(f"{command.name} {command.takes}", command.about) for command in members]))


def show_command(command: Command) -> None:
    """Everything about one command."""
    screen = _screen()
    screen.print(f"deepen {command.name} {command.takes}", style="bold")
    screen.print(command.about)
    screen.print(f"\n{say('Examples')}", style="bold")
    from rich.text import Text
    if max(len(line) + Text(why).cell_len for line, why in command.examples) + 4 <= screen.width:
        screen.print(_lines(command.examples, "cyan"))
    else:
        for line, why in command.examples:
            screen.print(f"  {line}", style="cyan", soft_wrap=True)
            screen.print(f"      {why}", style="dim")
    screen.print(f"\n{say('Options')}", style="bold")
    screen.print(_lines([(_usage(option), option.help) for option in (*command.options, *everywhere())]))


def show_asks(words: Sequence[str]) -> None:
    """What `sample` takes as key=value: of one run, or where none is named what holds for all."""
    from deepen.app.sample import answers, offers
    screen = _screen()
    screen.print("\n" + (say("What {run} can be asked", run=words[0]) if words else say("What it can be asked")), style="bold")
    screen.print(_lines([(f"{name}={default}", about) for name, default, about in (answers(words[0]) if words else offers())]))
    if not words:
        screen.print(say("Systems have more of their own: deepen sample RUN --help"), style="dim")


def _usage(option: Option) -> str:
    return f"--{option.name} {option.value}".rstrip()


def _screen():
    from rich.console import Console
    return Console(highlight=False, markup=False)


def _lines(pairs, style: str = ""):
    from rich.table import Table
    table = Table.grid(padding=(0, 2))
    table.add_column(style=style, no_wrap=True)
    table.add_column()
    for left, right in pairs:
        table.add_row(f"  {left}", right)
    return table


def _unknown(what: str, name: str, names) -> Problem:
    from deepen.core.recipe import unknown
    return unknown(what, name, names)


def _tell(sentence: str) -> None:
    """One sentence on standard error, whatever state the terminal is in."""
    sentence = visible(sentence)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")                    # a line of progress may stand there
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    print(f"\x1b[31mdeepen:\x1b[0m {sentence}" if colour else f"deepen: {sentence}", file=sys.stderr)


def _bug(error: Exception) -> int:
    """A mistake in a file of the person's own is told as theirs, with its place; any other is told as ours."""
    theirs = {getattr(module, "__file__", None) for name, module in sys.modules.items() if name.startswith("outside_")}
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    place = next(((file, line) for file, line in reversed(places) if file in theirs), None)
    if place is not None:
        _tell(say("{file}, line {line}: {kind}: {reason}", file=place[0], line=place[1], kind=type(error).__name__,
                  reason=error))
        return 2
    _tell(say("this is a bug in deepen {version}, not a mistake of yours; please report it with the lines below",
              version=deepen.__version__))
    traceback.print_exception(error)
    return 1
