"""Every sentence a person reads is in the Korean catalogue, with the same placeholders."""
import ast
import json
import re
from pathlib import Path

HOUSE = Path(__file__).parent.parent / "deepen"
KOREAN = json.loads((HOUSE / "words" / "ko.json").read_text(encoding="utf-8"))
SPEAKERS = {"say", "Problem", "Failure", "Damaged", "Word"}
PLACE = re.compile(r"\{(\w+)(?:[^{}]*)\}")


def sentences(tree):
    """(sentence, line) of every literal first argument of say, Problem and Failure."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in SPEAKERS:
                literals = [node.args[0]]
                if isinstance(node.args[0], ast.IfExp):
                    literals = [node.args[0].body, node.args[0].orelse]
                for literal in literals:
                    if isinstance(literal, ast.Constant) and isinstance(literal.value, str):
                        yield literal.value, node.lineno


def spoken():
    found = {}
    for path in sorted(HOUSE.rglob("*.py")):
        for sentence, line in sentences(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(sentence, f"{path.relative_to(HOUSE)}:{line}")
    return found


def test_every_sentence_has_its_korean():
    missing = {sentence: where for sentence, where in spoken().items() if sentence not in KOREAN}
    assert missing == {}


def test_every_sentence_of_the_pages_has_its_korean():
    from deepen.app.studio.shell import sentences as shown
    assert len(shown()) > 300 and sorted(shown() - set(KOREAN)) == []


def test_the_pages_say_nothing_but_what_is_collected():
    """`say(` takes a sentence written out: never a variable, never a template with `${…}`."""
    for path in (HOUSE / "app" / "studio" / "web").rglob("*.js"):
        for start in re.findall(r"\bsay\(\s*(.{2})", path.read_text(encoding="utf-8")):
            assert start[0] in "\"'" or path.name == "words.js", (path.name, start)


def test_the_collector_finds_sentences():
    assert [s for s, _ in sentences(ast.parse("raise Problem('a {b}', b=1)\nsay('c')\nprint('d')"))] == ["a {b}", "c"]


def test_placeholders_agree():
    for english, korean in KOREAN.items():
        assert set(PLACE.findall(korean)) <= set(PLACE.findall(english)), english


def test_korean_is_korean():
    for english, korean in KOREAN.items():
        plain = PLACE.sub("", korean)
        assert re.search(r"[가-힣]", plain) or not re.search(r"[A-Za-z]{4,}", PLACE.sub("", english)), (english, korean)
