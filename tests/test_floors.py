"""The house holds: imports go down the six floors, files stay within their budgets, nobody yields inside `with`."""
import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "deepen"
FLOORS = {"core": 1, "nn": 2, "sources": 3, "systems": 4, "engine": 5, "app": 6}
FILES = sorted(HOUSE.rglob("*.py"))
DRAWERS = ("utils", "util", "misc", "common", "helper", "helpers", "manager")


def name(path):
    return path.relative_to(HOUSE).as_posix()


def floor(path):
    return FLOORS.get(path.relative_to(HOUSE).parts[0])


def imported(tree, path):
    """(deepen module, line) of every import anywhere in a file, relative ones too."""
    package = ("deepen", *path.relative_to(HOUSE).parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            for alias in node.names:
                yield f"{module}.{alias.name}", node.lineno


def upward(tree, path):
    """Imports of `path` that go up a floor, or sideways between systems."""
    mine = floor(path)
    wrong = []
    for module, line in imported(tree, path):
        part = module.split(".")
        if part[0] != "deepen" or len(part) < 2 or part[1] not in FLOORS or mine is None:
            continue
        if FLOORS[part[1]] > mine or (part[1] == "systems" == path.relative_to(HOUSE).parts[0]):
            wrong.append((line, module))
    return wrong


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_go_down(path):
    assert upward(ast.parse(path.read_text(encoding="utf-8")), path) == []


def test_the_import_check_can_fail():
    path = HOUSE / "nn" / "x.py"
    assert upward(ast.parse("from deepen.engine import fit"), path) == [(1, "deepen.engine.fit")]
    assert upward(ast.parse("def f():\n    from ..systems import dqn"), path) == [(2, "deepen.systems.dqn")]
    assert upward(ast.parse("import deepen.systems.dcgan"), HOUSE / "systems" / "x.py") == [(1, "deepen.systems.dcgan")]


@pytest.mark.parametrize("path", FILES, ids=name)
def test_budget(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    budget = 250 if path.parent.name == "systems" else 300
    assert len(lines) <= budget, f"{len(lines)} lines, the budget is {budget}"
    if path.parent.name == "systems":
        assert max((len(line) for line in lines), default=0) <= 110


@pytest.mark.parametrize("path", [*HOUSE.rglob("*.js"), *HOUSE.rglob("*.css"), *HOUSE.rglob("*.html")], ids=name)
def test_budget_of_web_files(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", FILES, ids=name)
def test_no_drawers_no_pickle_no_eval_no_swallowed_errors(path):
    assert path.stem.strip("_") not in DRAWERS
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "__import__"), f"line {node.lineno}"
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] in ("pickle", "cloudpickle", "joblib", "dill") for alias in node.names)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "torch":
            assert node.attr not in ("save", "load"), f"line {node.lineno}: engine/keep.py alone writes tensors"
        if isinstance(node, ast.ExceptHandler):
            assert not (len(node.body) == 1 and isinstance(node.body[0], ast.Pass)), f"line {node.lineno}: except: pass"


def yields_inside_with(tree):
    """Lines of a `yield` inside a `with` of a function named steps."""
    found = []
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name == "steps":
            for block in ast.walk(function):
                if isinstance(block, (ast.With, ast.AsyncWith)):
                    found += [node.lineno for node in ast.walk(block) if isinstance(node, (ast.Yield, ast.YieldFrom))]
    return found


@pytest.mark.parametrize("path", [path for path in FILES if path.parent.name == "systems"], ids=name)
def test_no_yield_inside_with(path):
    assert yields_inside_with(ast.parse(path.read_text(encoding="utf-8"))) == []


def test_the_yield_check_can_fail():
    assert yields_inside_with(ast.parse("def steps(self):\n    with x:\n        yield 1")) == [3]


def test_fit_knows_no_system():
    tree = ast.parse((HOUSE / "engine" / "fit.py").read_text(encoding="utf-8"))
    systems = {path.stem for path in (HOUSE / "systems").glob("*.py")} - {"__init__"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            assert "system" not in ast.unparse(node.args[0]), f"line {node.lineno}: fit asks which system it drives"
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert node.value not in systems, f"line {node.lineno}: fit names a system"


def test_core_and_nn_do_not_print():
    for path in FILES:
        if floor(path) in (1, 2, 4):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    assert node.func.id not in ("print", "open", "input"), f"{name(path)}:{node.lineno}"
