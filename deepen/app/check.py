"""check: what the data is, what is wrong with it and where, whether training may start."""
import json
import shlex
from pathlib import Path
from typing import Any

from rich.text import Text

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.core.recipe import pairs
from deepen.core.words import say
from deepen.sources._progress import show

SHOWN = 20              # findings of a level, columns and classes that a terminal shows; --json has all
STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def check(asked: Asked) -> int:
    """`deepen check PATH|SOURCE [key=value …]`: 0 when training may start, 2 when an error stands in its way."""
    settings = pairs(asked.words[1:])
    if on_bad := asked.text("on-bad"):
        settings["on_bad"] = on_bad
    show(say("looking …"))
    from deepen.engine.check import LEVELS, check
    found = check(asked.words[0], settings)
    show()
    screen = terminal.screen(asked.json)
    screen.print(f"\n  {terminal.here(Path(found.where)) if Path(found.where).exists() else found.where}", style="bold")
    screen.print(f"  {found.why}", style="dim")
    if found.summary:
        terminal.facts(screen, _summary(found.summary))
    for level in LEVELS:
        these = [finding for finding in found.findings if finding.level == level]
        if these:
            screen.print(f"\n  {_heading(level, len(these))}", style=STYLES[level])
        for finding in these[:SHOWN]:
            screen.print(Text(f"    {finding}", style="dim" if level == "note" else ""))
        if len(these) > SHOWN:
            screen.print(f"    {say('… and {count} more; --json has all', count=len(these) - SHOWN)}", style="dim")
    screen.print()
    if found.may_train:
        terminal.commands(screen, say("next"), [(f"deepen train {' '.join(map(shlex.quote, asked.words))}", "")])
    else:
        screen.print(f"  {say('training may not start before the errors are mended')}", style="bold red")
    if asked.json:
        print(json.dumps(found.plain(), ensure_ascii=False))
    return 0 if found.may_train else 2


def _heading(level: str, count: int) -> str:
    return {"error": say("errors: {count}", count=count), "warning": say("warnings: {count}", count=count),
            "note": say("notes: {count}", count=count)}[level]


def _summary(summary: dict[str, Any]) -> list[tuple[str, str]]:
    told = []
    if "rows" in summary:
        target = f"{summary['target_column']} ({say('classes') if summary.get('classes') else say('numbers')})"
        told += [(say("rows"), terminal.number(summary["rows"])), (say("target"), target)]
    if "pictures" in summary:
        told.append((say("pictures"), say("{count}, of which {readable} can be read", count=summary["pictures"],
                                          readable=summary["readable"])))
    if "sizes" in summary:
        told.append((say("sizes"), " … ".join("×".join(map(str, summary["sizes"][name])) for name in ("smallest", "median", "largest"))))
    if splits := summary.get("splits"):
        told.append((say("parts"), "   ".join(f"{say(name)} {terminal.number(count)}" for name, count in splits.items())))
    if classes := summary.get("classes"):
        told.append((say("classes"), _list([f"{name[:40]} {terminal.number(count)}" for name, count in classes.items()])))
    if columns := summary.get("columns"):
        told.append((say("columns"), _list([_column(column) for column in columns])))
    if left := summary.get("left_out"):
        told.append((say("left out"), _list([name[:40] for name in left])))
    return told


def _column(column: dict[str, Any]) -> str:
    name = column["name"][:40]
    if column["kind"] == "words":
        return say("{name} ({count} words)", name=name, count=column["distinct"])
    return f"{name} ({terminal.number(column['least'])}…{terminal.number(column['most'])})"


def _list(parts: list[str]) -> str:
    return "   ".join(parts[:SHOWN]) + ("   …" if len(parts) > SHOWN else "")

