"""The book: its list is whole, its commands are understood, its figures are those of bench, its page is up to date."""
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from deepen.app.understand import understand
from deepen.core.words import Problem, speak
from deepen.engine import book, chapters, worked

ROOT = Path(__file__).parents[2]
COMMANDS = sorted({command for one in book.entries() for command in one.commands}
                  | {command for lesson in book.course() for step in lesson.steps for command in step.commands})


def script():
    spec = importlib.util.spec_from_file_location("docs_book", ROOT / "docs" / "book.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_entry_is_whole():
    every = book.entries()
    assert len(every) == len({one.id for one in every}) >= 60
    for one in every:
        assert one.kind in ("heading", "figure", "example") and all(one.titles.values()) and all(one.parts.values())
        assert one.worked is None or one.worked in worked.EXAMPLES
        assert one.kind != "example" or one.worked, f"the example {one.id} computes nothing"
        assert one.id not in chapters.names() or one.chapter == one.id, "an entry named as a chapter is of that chapter"


def test_every_worked_example_is_in_the_book():
    assert {one.worked for one in book.entries() if one.worked} == set(worked.EXAMPLES)


@pytest.mark.parametrize("word", [
    "goal", "data", "split", "design", "train", "redesign", "validate", "deploy", "four-points", "five-steps", "activation",
    "initialisation", "optimizers", "pixels", "one-hot", "elmo", "dense", "rnn", "lstm", "conv-filter", "pooling", "softmax",
    "deepconvnet", "deepconvnet-mistakes", "augmentation", "small-windows", "top-5", "vgg", "googlenet", "resnet", "transfer",
    "layer-times", "gpu", "distributed", "bits", "binary", "detection", "segmentation", "captions", "style", "gan", "diffusion",
    "driving", "deep-q", "alphago", "playing"])
def test_the_headings_of_the_textbook_are_there(word):
    assert book.search([word])[0].id == word


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_parses(command):
    assert understand(command).command.name == command.split()[1]


def test_every_chapter_named_exists_or_waits_for_its_system():
    from deepen.engine import find
    for one in book.entries():
        assert one.chapter is None or one.chapter in chapters.names() or one.chapter not in find.systems()
    for lesson in book.course():
        assert lesson.chapter in chapters.names() or not any(step.commands for step in lesson.steps)


def test_the_course_has_six_lessons_of_whole_steps():
    assert len(book.course()) == 6
    for lesson in book.course():
        for step in lesson.steps:
            assert all(told["en"] and told["ko"] for told in (step.predict, step.observe, step.explain))


def test_searching():
    assert [one.id for one in book.search(["conv-filter"])] == ["conv-filter"]
    assert [one.id for one in book.search(["5.5"])] == ["conv-filter"]
    assert {one.number.split(".")[0] for one in book.search(["5"])} == {"5"}
    assert "conv-filter" in [one.id for one in book.search(["합성곱"])]
    assert [one.id for one in book.search(["GoldFish"])] == ["softmax"]
    with pytest.raises(Problem, match="did you mean pooling"):
        book.search(["poolin9"])
    with pytest.raises(Problem, match="contents"):
        book.search(["qqqqqqqq"])


def test_figures_are_those_of_bench():
    assert (book.HOME / "figures.json").read_text(encoding="utf-8") == script().figures(), "run: python docs/book.py"


def test_claims_stand_in_bench():
    scripts = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "bench").glob("*.py"))
    for claim in {claim for one in book.entries() for claim in one.claims}:
        known = claim in book.measured() or claim in scripts or claim.replace("seconds of training", "test accuracy") in scripts
        assert known, claim


def test_a_figure_in_words():
    one = {"claim": "c", "ours": 0.99412, "unit": "accuracy", "runs": 5, "spread": [0.9938, 0.9945], "bench": "bench/x.py"}
    assert book._figure(one) == "99.41 % accuracy (5 runs, 99.38 % … 99.45 %)"
    assert book._figure({**one, "ours": 8123.4, "unit": "images/s", "runs": 1}) == "8,123 images/s"


def test_the_pages_are_up_to_date():
    for file, text in script().pages().items():
        assert file.read_text(encoding="utf-8") == text, "run: python docs/book.py"


def test_korean_titles():
    speak("ko")
    try:
        assert book.search(["softmax"])[0].title.startswith("소프트맥스")
    finally:
        speak("en")


def test_the_contents_need_no_torch():
    code = ("import sys\nfrom deepen.app import cli\ncode = cli.main(['book', '--json'])\n"
            "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules, 'slow'\nraise SystemExit(code)")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    assert len(json.loads(told.stdout.splitlines()[-1])["entries"]) == len(book.entries())
