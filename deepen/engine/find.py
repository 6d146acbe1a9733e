"""What there is: systems, sources and nets, found by reading the files' syntax. Nothing here imports torch.

A name is a file's or a function's name; there is no list to keep in step. The comment on the line of a field or a
parameter is its help.
"""
import ast
import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from deepen.core.recipe import unknown
from deepen.core.words import Problem

HOME = Path(__file__).parent.parent


@dataclass(frozen=True)
class Setting:
    """One line of help: a field of a system or a parameter of a source."""
    name: str
    type: str
    default: str
    help: str


@dataclass(frozen=True)
class Entry:
    """One system, source or net as its file shows it."""
    name: str
    file: Path
    about: str                      # the first line of its docstring
    settings: tuple[Setting, ...]
    facts: dict[str, str]           # class constants as text: goal, default_data, score


def systems() -> dict[str, Entry]:
    """Every system: the last subclass of System in each file of systems/."""
    found = {}
    for file, tree, lines in _read("systems"):
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and any(_text(base) == "System" for base in node.bases):
                fields = [part for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
                          and not _text(part.annotation).startswith("ClassVar")]
                facts = {_text(part.targets[0]): _text(part.value) for part in node.body if isinstance(part, ast.Assign)}
                facts |= {_text(part.target): _text(part.value) for part in node.body if isinstance(part, ast.AnnAssign)
                          and part.value is not None and part not in fields}
                found[file.stem] = Entry(file.stem, file, _about(node), tuple(
                    Setting(_text(part.target), _text(part.annotation), _text(part.value),
                            _comment(lines, part)) for part in fields), facts)
    return found


def sources() -> dict[str, Entry]:
    """Every source: the public functions of the files in sources/ that return Data."""
    return _functions("sources", returns="Data")


def nets() -> dict[str, Entry]:
    """Every net: the public functions of the files in nn/nets/."""
    return _functions("nn/nets")


def asks(file: Path, method: str) -> tuple[Setting, ...] | None:
    """What the system in a file can be asked when it makes something: the parameters of `sample`, `unfolds` or `walk`, but how
    many and the seed, as a person writes them (`class_` as class). None where it has no such method."""
    text = file.read_text(encoding="utf-8")
    inside = [part for node in ast.parse(text).body if isinstance(node, ast.ClassDef) for part in node.body
              if isinstance(part, ast.FunctionDef) and part.name == method]
    if not inside:
        return None
    return tuple(replace(one, name=one.name.rstrip("_")) for one in _parameters(inside[-1], text.splitlines())
                 if one.name not in ("self", "count", "seed"))


def system(name: str) -> Any:
    """The class of a system: a name of the textbook's, or `file.py` (with `:Name` where it holds several)."""
    if name.partition(":")[0].endswith(".py"):
        return _outside(name)
    known = systems()
    if name not in known:
        raise unknown("system", name, known)
    module = importlib.import_module(f"deepen.systems.{name}")
    return _system_in(module, None)


def source(name: str) -> Any:
    """The function of a source."""
    known = sources()
    if name not in known:
        raise unknown("source", name, known)
    return getattr(importlib.import_module(f"deepen.sources.{known[name].file.stem}"), name)


def system_for(data, source_name: str | None) -> str:
    """The system that learns this kind of data: first the one whose default it is, then the first that fits."""
    known = systems()
    mine = [name for name, entry in known.items() if entry.facts.get("default_data") == repr(source_name)]
    fits = [name for name in _FIRST + tuple(known) if name in known and _learns(known[name], data)]
    mine = [name for name in fits if name in mine] or (mine if not fits else [])
    if not (mine or fits):
        raise Problem("no system learns {inputs} → {target}; name one: deepen train SYSTEM data=…",
                      inputs=type(data.inputs).__name__, target=type(data.target).__name__)
    return (mine or fits)[0]


def _learns(entry: Entry, data) -> bool:
    """Is the data one of the kinds of `goal = (Row, Label | Number)`? (Read as text: nothing is imported.)"""
    wants, _, gives = entry.facts.get("goal", "").strip("()").partition(", ")
    return type(data.inputs).__name__ in wants.split(" | ") and type(data.target).__name__ in gives.split(" | ")


_FIRST = ("classify", "tabular", "playground", "faster_rcnn", "unet", "caption")     # where several systems fit a kind of data, these come first


def fingerprint(file: Path) -> str:
    """SHA-256 of a file: how a run knows an outside system again."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _outside(name: str) -> Any:
    path, _, wanted = name.partition(":")
    file = Path(path).resolve()
    if not file.is_file():
        raise Problem("there is no file {file}", file=path)
    spec = importlib.util.spec_from_file_location(f"outside_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)      # type: ignore[arg-type]
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)                     # type: ignore[union-attr]
    return _system_in(module, wanted or None)


def _system_in(module: ModuleType, wanted: str | None) -> Any:
    from deepen.core.system import System
    found = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, System)
             and value.__module__ == module.__name__ and (wanted is None or value.__name__ == wanted)]
    if not found:
        raise Problem("{file} holds no system; a system is a dataclass that inherits deepen.core.system.System",
                      file=module.__file__)
    return found[-1]


def _functions(folder: str, returns: str | None = None) -> dict[str, Entry]:
    found = {}
    for file, tree, lines in _read(folder):
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            if returns and (node.returns is None or returns not in _text(node.returns)):
                continue
            found[node.name] = Entry(node.name, file, _about(node), _parameters(node, lines), {})
    return found


def _parameters(node: ast.FunctionDef, lines: list[str]) -> tuple[Setting, ...]:
    defaults = [None] * (len(node.args.args) - len(node.args.defaults)) + list(node.args.defaults)
    arguments = zip(node.args.args + node.args.kwonlyargs, defaults + node.args.kw_defaults, strict=True)
    return tuple(Setting(part.arg, _text(part.annotation), _text(default), _comment(lines, part)) for part, default in arguments)


@cache
def _read(folder: str) -> tuple:
    files = sorted(file for file in (HOME / folder).glob("*.py") if not file.stem.startswith("_"))
    texts = [(file, file.read_text(encoding="utf-8")) for file in files]
    return tuple((file, ast.parse(text), text.splitlines()) for file, text in texts)


def _about(node) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0]


@cache
def _text(node) -> str:
    return "" if node is None else ast.unparse(node)


def _comment(lines: list[str], node) -> str:
    return lines[node.end_lineno - 1].partition("  # ")[2].strip()
