"""runs, systems, sources, copy: lists that explain themselves. Nothing here imports torch."""
import ast
import json
import shutil
import time
import tomllib
from pathlib import Path

from rich.table import Table
from rich.text import Text

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.core.recipe import unknown
from deepen.core.words import Problem, say
from deepen.engine import find

# sources that are paths: how one of them is given
_PATHS = {"folder": "deepen train ./photos", "table": "deepen train ./house.csv", "voc": "deepen train ./boxes",
          "coco": "deepen train ./instances.json", "masks": "deepen train ./masks", "captions": "deepen train ./captions"}


def runs(asked: Asked) -> int:
    """`deepen runs`"""
    root = Path(asked.words[0] if asked.words else "runs")
    if asked.words and not root.is_dir():
        raise Problem("there is no folder {path}; check the spelling or give the full path", path=root)
    told = [told_of(folder) for folder in _folders(root)]
    screen = terminal.screen(asked.json)
    if not told:
        screen.print(say("there are no runs in {path} yet; make one: deepen train digits", path=root))
    else:
        wide = screen.width >= 100              # a run's name tells its data and its system
        table = _table(screen, [say("run"), *([say("system"), say("data")] if wide else []), say("score"), say("steps"),
                                say("when"), say("state")])
        for one in told:
            score = f"{say(one['score'])} {terminal.metric(one['score'], one['value'])}" if one["value"] is not None else "–"
            more = [Path(one["system"]).name, terminal.here(Path(one["data"])) if "/" in one["data"] else one["data"]]
            table.add_row(one["name"], *(more if wide else []), Text(score, no_wrap=True), Text(f"{one['steps']:,}", justify="right"),
                          Text(_ago(one["when"]), no_wrap=True), Text(say(one["state"]), style=_COLOURS[one["state"]]))
        screen.print(table)
    if asked.json:
        print(json.dumps({"runs": told}, ensure_ascii=False))
    return 0


_COLOURS = {"running": "cyan", "finished": "green", "stopped": "yellow", "failed": "red"}


def _folders(root: Path) -> list[Path]:
    folders = [path for path in root.iterdir() if (path / "run.toml").is_file()] if root.is_dir() else []
    return sorted(folders, key=lambda path: (path / "run.toml").stat().st_mtime)


def told_of(folder: Path) -> dict:
    """What a run's folder says of it, read without torch: the beginning and the end of its events are enough."""
    try:
        asked = tomllib.loads((folder / "run.toml").read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Problem("{path} cannot be read: {reason}", path=folder / "run.toml", reason=error) from None
    first, last = _ends(folder / "events.jsonl")
    started = next((event for event in first if event["event"] == "started"), {})
    end: dict = next((event for event in reversed(last) if event["event"] in ("finished", "failed", "started")), {})
    judged: dict = next((event for event in reversed(last) if event["event"] == "evaluated"), {})
    score = started.get("score", "")
    valid = end.get("valid") or judged
    state = "running" if _busy(folder) else {"finished": "finished", "failed": "failed"}.get(end.get("event", ""), "stopped")
    if state == "finished" and end.get("reason") == "stop":
        state = "stopped"
    return {"name": folder.name, "run": str(folder), "system": asked["asked"]["system"],
            "data": asked["data"].get("path") or asked["data"]["source"], "score": score, "value": valid.get(score),
            "steps": last[-1]["step"] if last else 0, "when": (last or [{"t": folder.stat().st_mtime}])[-1]["t"],
            "state": state}


def _busy(folder: Path) -> bool:
    from deepen.engine.run import Run
    return Run(folder).busy()


def _ends(file: Path, size: int = 65536) -> tuple[list[dict], list[dict]]:
    """The first and the last events of a file that may be long."""
    if not file.is_file():
        return [], []
    with file.open("rb") as told:
        first = told.read(size)
        length = told.seek(0, 2)
        told.seek(max(0, length - size))
        last = told.read()
    whole = length <= size
    lines = last[: last.rfind(b"\n") + 1].splitlines()
    return ([json.loads(line) for line in first[: first.rfind(b"\n") + 1].splitlines()],
            [json.loads(line) for line in (lines if whole else lines[1:])])


def _ago(moment: float) -> str:
    seconds = time.time() - moment
    for limit, unit, sentence in ((60, 1, say("{n} s ago", n="{n}")), (3600, 60, say("{n} min ago", n="{n}")),
                                  (86400, 3600, say("{n} h ago", n="{n}"))):
        if seconds < limit:
            return sentence.replace("{n}", f"{max(0, seconds) / unit:.0f}")
    return time.strftime("%Y-%m-%d", time.localtime(moment))


def systems(asked: Asked) -> int:
    """`deepen systems [NAME]`"""
    known = find.systems()
    if asked.words:
        return _one(asked, "system", known)
    screen = terminal.screen(asked.json)
    table = _table(screen, [say("system"), say("what it does"), say("default data"), say("example")])
    for name, entry in known.items():
        table.add_row(name, say(entry.about), _word(entry, "default_data"), Text(f"deepen train {name}", style="cyan"))
    screen.print(table)
    screen.print(say("\n  settings of one: {command}", command="deepen systems NAME"), style="dim")
    if asked.json:
        print(json.dumps({"systems": [_told(entry) for entry in known.values()]}, ensure_ascii=False))
    return 0


def sources(asked: Asked) -> int:
    """`deepen sources [NAME]`"""
    known = find.sources()
    if asked.words:
        return _one(asked, "source", known)
    screen = terminal.screen(asked.json)
    table = _table(screen, [say("source"), say("what it is"), say("example")])
    for name, entry in known.items():
        table.add_row(name, say(entry.about), Text(_example(entry), style="cyan"))
    screen.print(table)
    screen.print(say("\n  settings of one: {command}", command="deepen sources NAME"), style="dim")
    if asked.json:
        print(json.dumps({"sources": [_told(entry) for entry in known.values()]}, ensure_ascii=False))
    return 0


def _example(entry: find.Entry) -> str:
    if any(setting.name == "path" and not setting.default for setting in entry.settings):
        return _PATHS.get(entry.name, f"deepen train SYSTEM data={entry.name} data.path=…")
    return f"deepen train {entry.name}"


def _one(asked: Asked, what: str, known: dict[str, find.Entry]) -> int:
    """One system or source with its settings."""
    name = asked.words[0]
    if name not in known:
        raise unknown(what, name, known)
    entry, screen = known[name], terminal.screen(asked.json)
    screen.print(f"\n  {name}", style="bold", end="")
    screen.print(f"   {say(entry.about)}")
    if entry.facts.get("default_data"):
        terminal.facts(screen, [(say("goal"), entry.facts["goal"].strip("()").replace(", ", " → ")),
                                (say("default data"), _word(entry, "default_data")), (say("score"), say(_word(entry, "score")))])
    screen.print()
    table = _table(screen, [say("setting"), say("default"), say("what it is")])
    for setting in entry.settings:
        choices = ", ".join(_choices(entry, setting.type))
        about = say(setting.help) + (f" ({say('one of')}: {choices})" if choices else "")
        live = f" · {say('live')}" if "Live" in setting.type else ""
        prefix = "data." if what == "source" else ""
        table.add_row(prefix + setting.name, _default(setting.default), about + live)
    screen.print(table)
    example = f"deepen train {name}" if what == "system" else _example(entry)
    key = next((one for one in entry.settings if one.name in ("epochs", "lr", "size")), None)
    if key:
        example += f" {'data.' if what == 'source' else ''}{key.name}={_other(key.name, key.default)}"
    terminal.commands(screen, say("example"), [(example, "")])
    if asked.json:
        print(json.dumps(_told(entry), ensure_ascii=False))
    return 0


def _other(name: str, default: str) -> str:
    """A value unlike the default, for an example."""
    usual = {"epochs": 20, "lr": 0.01, "size": 32}
    return f"{2 * float(default):g}" if default != "None" else str(usual[name])


def _choices(entry: find.Entry, annotation: str) -> list[str]:
    """The words a setting may take: those of `Literal[…]`, written there or under a name in a file it comes from."""
    tree = ast.parse(annotation or "None", mode="eval").body
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
            return [str(part.value) for part in ast.walk(node.slice) if isinstance(part, ast.Constant)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and node is tree):
            module, name = (ast.unparse(node.value), node.attr) if isinstance(node, ast.Attribute) else ("", node.id)
            found = _choices(entry, _alias(entry.file, module, name))
            if found:
                return found
    return []


def _alias(file: Path, module: str, name: str) -> str:
    """What `name = …` says in the file that `module` (or the name itself) was imported from, or nothing."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("deepen"):
            for alias in node.names:
                path = f"{node.module}.{alias.name}" if module == alias.name else node.module if name == alias.name else None
                source = path and find.HOME.parent / f"{path.replace('.', '/')}.py"
                if source and source.is_file():
                    return next((ast.unparse(part.value) for part in ast.parse(source.read_text(encoding="utf-8")).body
                                 if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == name), "")
    return ""


def _default(default: str) -> str:
    return say("needed") if not default else "none" if default == "None" else _plain(default)


def _plain(default: str) -> str:
    return default.strip("'\"")


def _word(entry: find.Entry, fact: str) -> str:
    return _plain(entry.facts.get(fact, ""))


def _told(entry: find.Entry) -> dict:
    facts = {key: _word(entry, key) for key in ("default_data", "score", "goal") if key in entry.facts}
    return {"name": entry.name, "about": entry.about, "file": str(entry.file), **facts,
            "settings": [{"name": one.name, "type": one.type, "default": _plain(one.default), "help": one.help,
                          "choices": _choices(entry, one.type), "live": "Live" in one.type} for one in entry.settings]}


def copy(asked: Asked) -> int:
    """`deepen copy SYSTEM [FILE]`"""
    known, name = find.systems(), asked.words[0]
    if name not in known:
        raise unknown("system", name, known)
    goal = Path(asked.words[1] if len(asked.words) > 1 else f"{name}.py")
    goal = goal / f"{name}.py" if goal.is_dir() else goal
    if goal.suffix != ".py":
        raise Problem("{file} must end in .py", file=goal)
    if goal.exists():
        raise Problem("{file} is there already; give another name: deepen copy {system} FILE", file=goal, system=name)
    try:
        shutil.copyfile(known[name].file, goal)
    except OSError as error:
        raise Problem("{path} cannot be written: {reason}", path=goal, reason=error.strerror) from None
    screen = terminal.screen(asked.json)
    shown = terminal.here(goal)
    typed = shown if "/" in shown else f"./{shown}"
    screen.print(say("{system} is now yours to change: {file}", system=name, file=shown))
    terminal.commands(screen, say("next"), [(f"deepen train {typed}", say("train your version"))])
    if asked.json:
        print(json.dumps({"system": name, "file": str(goal.resolve())}, ensure_ascii=False))
    return 0


def _table(screen, headings: list[str]) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim", show_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=place == 0)
    return table
