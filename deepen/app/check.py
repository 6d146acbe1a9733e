"""check: what the data is, what is wrong with it and where, whether training may start."""
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.core.recipe import pairs
from deepen.core.words import UNSEEN, say, visible
from deepen.sources._finding import Finding
from deepen.sources._progress import show

SHOWN = 20              # kinds of findings of a level, columns and classes that a terminal shows; --json has all
NAMED = 5               # files named of many that are wrong alike
LONG = 300              # characters of a sentence
PARTS = ("train", "valid", "val", "test")
STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}


def check(asked: Asked) -> int:
    """`deepen check PATH|SOURCE [key=value …]`: 0 when training may start, 2 when an error stands in its way."""
    settings = pairs(asked.words[1:])
    if on_bad := asked.text("on-bad"):
        settings["on_bad"] = on_bad
    show(say("looking …"))
    from deepen.engine.check import LEVELS, check
    found = check(asked.words[0], settings)
    sheet = _augmented(found, asked.words[0], settings, asked.text("augment"))
    show()
    screen, path = terminal.screen(asked.json), Path(found.where).expanduser()
    screen.print(f"\n  {visible(terminal.here(path) if os.path.exists(path) else found.where)}", style="bold")
    terminal.tell(screen, visible(found.why), style="dim")
    if found.summary:
        screen.print()
        terminal.facts(screen, [(name, visible(value)) for name, value in facts(found.summary)])
    for level in LEVELS:
        these = [finding for finding in found.findings if finding.level == level]
        if these:
            screen.print(f"\n  {_heading(level, len(these))}", style=STYLES[level])
            _show(screen, these, "dim" if level == "note" else "")
    page = asked.text("report") or ("check.html" if sheet else None)
    if page:
        from deepen.engine.report_check import write
        page = str(write(found, path, Path(page).expanduser(), sheet))
        screen.print()
        terminal.tell(screen, say("the report: {file}", file=terminal.here(Path(page))))
    _next(screen, found, asked)
    if asked.json:
        print(line_of_json({**found.plain(), "report": page}))
    return 0 if found.may_train else 2


def _augmented(found, what: str, settings: dict[str, str], lines: str | None) -> str:
    """The sheet of what lines of augmentation do to this data; a doubt about them becomes a finding."""
    if not lines or not found.may_train or found.source is None:
        return ""
    from deepen.engine.report_augment import doubt, sheet
    from deepen.engine.start import SHORT, open_data, source_asked
    plain = {SHORT.get(key, key).removeprefix("data."): value for key, value in settings.items()}
    data, _ = open_data({**source_asked(what), **plain})
    if (why := doubt(data, lines)):
        found.findings.insert(0, Finding("warning", why))       # there are no errors
    return sheet(data, lines)


def line_of_json(told: Mapping[str, Any]) -> str:
    """One line of JSON in which nothing can steer a terminal either."""
    return UNSEEN.sub(lambda one: f"\\u{ord(one[0]):04x}", json.dumps(told, ensure_ascii=False))


def _show(screen, findings: Sequence[Finding], style: str) -> None:
    """What is wrong alike stands together: how often, the first files by name, what to do."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.cause, finding.mend), []).append(finding)
    for (cause, mend), these in list(groups.items())[:SHOWN]:
        if len(these) == 1:
            terminal.tell(screen, _short(str(these[0])), 4, style)
            continue
        terminal.tell(screen, f"{len(these)} × {_short(str(Finding(these[0].level, cause, mend)))}", 4, style)
        for finding in these[:NAMED]:
            terminal.tell(screen, _short(", ".join(part for part in (finding.file, finding.place) if part)), 8, "dim")
        if len(these) > NAMED:
            terminal.tell(screen, say("… and {count} more; --json has all", count=len(these) - NAMED), 8, "dim")
    if len(groups) > SHOWN:
        terminal.tell(screen, say("… and {count} more; --json has all",
                                  count=sum(map(len, list(groups.values())[SHOWN:]))), 4, "dim")


def _next(screen, found, asked: Asked) -> None:
    """The commands that are true now."""
    words = " ".join(shlex.quote(visible(word)) for word in asked.words)
    page = (f"deepen check {words} --report check.html", say("the same as a page with charts, to keep or to hand on"))
    if found.what == "nothing":
        return
    if not found.may_train:
        screen.print()
        terminal.tell(screen, say("training may not start before the errors are mended"), style="bold red")
    if found.source is None:
        screen.print()
        terminal.tell(screen, say("no system of deepen learns from data of this form yet: it can be checked, not trained on"))
    if not found.may_train or found.source is None:
        if not asked.text("report"):
            terminal.commands(screen, say("next"), [page])
    else:
        terminal.commands(screen, say("next"), [(f"deepen train {words}{_skip(asked)}", say("let it learn")),
                                                *([] if asked.text("report") else [page])])


def _skip(asked: Asked) -> str:
    return " --on-bad skip" if asked.text("on-bad") == "skip" else ""


def _heading(level: str, count: int) -> str:
    return {"error": say("errors: {count}", count=count), "warning": say("warnings: {count}", count=count),
            "note": say("notes: {count}", count=count)}[level]


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= 2 * LONG else f"{text[:LONG]} … {text[-LONG:]}"


def facts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The summary of any form in lines of name and value, in the order people ask for them."""
    told: list[tuple[str, str]] = []
    if "rows" in summary:
        target = f"{summary['target_column']} ({say('classes') if summary.get('classes') else say('numbers')})" if summary.get("target_column") else ""
        told += [(say("rows"), terminal.number(summary["rows"])), *([(say("target"), target)] if target else [])]
    if "pictures" in summary:
        told.append((say("pictures"), say("{count}, of which {readable} can be read", count=terminal.number(summary["pictures"]),
                                          readable=terminal.number(summary["readable"]))))
    for key, name in _counts().items():
        if isinstance(summary.get(key), (int, float, Mapping)):
            told.append((name, _value(summary[key])))
    if sizes := summary.get("sizes"):
        told.append((say("sizes"), " … ".join("×".join(map(str, sizes[name])) for name in ("smallest", "median", "largest"))))
    if splits := summary.get("splits"):
        told.append((say("parts"), _list([f"{say(name)} {terminal.number(count)}" for name,
                                          count in sorted(splits.items(), key=lambda one: PARTS.index(one[0]) if one[0] in PARTS else len(PARTS))])))
    if classes := summary.get("classes"):
        told.append((say("classes"), _list([f"{name[:40]} {terminal.number(count)}" for name, count in classes.items()])))
    if shares := summary.get("class_shares"):
        told.append((say("shares of pixels"), _list([f"{name[:40]} {share:.1%}" for name, share in shares.items()])))
    if columns := summary.get("columns"):
        told.append((say("columns"), _list([_column(column) for column in columns])))
    if left := summary.get("left_out"):
        told.append((say("left out"), _list([name[:40] for name in left])))
    if summary.get("frequent_words"):
        told.append((say("frequent words"), " ".join(summary["frequent_words"])))
    return told


def _counts() -> dict[str, str]:
    """Keys of summaries that are a number, a least-middle-most or counts by name."""
    return {"annotation_files": say("files"), "files": say("files"), "encodings": say("encodings"),
            "boxes": say("boxes"), "polygons": say("polygons"),
            "boxes_per_picture": say("boxes a picture"), "box_side_counts": say("boxes by side, of the picture's"),
            "captions": say("captions"),
            "captions_per_picture": say("captions a picture"), "words_per_caption": say("words a caption"), "texts": say("texts"),
            "characters_per_text": say("characters a text"), "words_per_text": say("words a text"),
            "characters": say("characters"),
            "words": say("words in all"), "different_words": say("different words"),
            "different_characters": say("different characters"),
            "lines": say("lines"), "longest_line": say("longest line"), "games": say("games"), "moves": say("moves"),
            "moves_per_game": say("moves a game"), "boards": say("boards"), "results": say("results")}


def _value(value: Any) -> str:
    if isinstance(value, Mapping) and "fewest" in value:
        return say("{fewest} … {most}, mostly about {median}", **{name: terminal.number(count) for name, count in value.items()})
    if isinstance(value, Mapping):
        return _list([f"{name} {terminal.number(count)}" for name, count in value.items()])
    return terminal.number(value)


def _column(column: Mapping[str, Any]) -> str:
    name = column["name"][:40]
    if column.get("kind") == "date":
        return f"{name} ({column['first']}…{column['last']})"
    if column.get("kind") == "words" or column.get("least") is None:
        return say("{name} ({count} words)", name=name, count=column.get("distinct", 0))
    return f"{name} ({terminal.number(column['least'])}…{terminal.number(column['most'])})"


def _list(parts: list[str]) -> str:
    return "   ".join(parts[:SHOWN]) + ("   …" if len(parts) > SHOWN else "")
