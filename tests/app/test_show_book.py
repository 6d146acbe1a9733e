"""`deepen book` and `deepen machine` from outside: contents, entries, chapters, lessons, both languages, json."""
import json

import pytest

from deepen.app.cli import main
from deepen.core.words import speak
from deepen.engine import book, chapters, machine


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPEN_LANG", "en")
    monkeypatch.chdir(tmp_path)
    yield
    speak("en")


def told(capsys, *words):
    assert main(list(words)) == 0
    return capsys.readouterr().out


def test_the_contents_show_every_entry(capsys):
    page = told(capsys, "book")
    assert all(one.title in page and one.id in page for one in book.entries())
    assert "deepen book course" in page


def test_an_entry_computes_its_numbers(capsys):
    page = told(capsys, "book", "conv-filter")
    assert "−3" in page and "read it" in page and "deepen book layers" in page
    answer = json.loads(told(capsys, "book", "conv-filter", "--json").splitlines()[-1])
    assert answer["numbers"]["answer"][0] == [3, 3, 0, -3, -3] and answer["id"] == "conv-filter"


def test_what_is_not_there_yet_says_so(capsys):
    page = told(capsys, "book", "alphago")
    assert "not yet" in page and "deepen train" not in page


def test_a_search_lists_and_a_word_nobody_wrote_is_a_sentence(capsys):
    found = json.loads(told(capsys, "book", "convolution", "--json").splitlines()[-1])["entries"]
    assert {"conv-filter", "deepconvnet"} <= {one["id"] for one in found}
    assert main(["book", "konvolution"]) == 2
    assert "did you mean convolution" in capsys.readouterr().err


def test_an_entry_and_its_chapter_of_one_name_are_one_page(capsys):
    text = told(capsys, "book", "transfer")
    assert text.index("Transfer learning") < text.index(chapters.chapter("transfer").title) and "weights=1" in text
    answer = json.loads(told(capsys, "book", "transfer", "--json").splitlines()[-1])
    assert answer["id"] == answer["name"] == "transfer" and answer["sections"]


def test_a_chapter_is_a_page(capsys):
    page = told(capsys, "book", "layers")
    assert all(heading in page for heading in ("The idea", "The formula", "The trap", "Try it", "Reading the report"))
    assert "hₜ = tanh" in page and "\\frac" not in page and "$" not in page
    one = chapters.chapter("layers")
    read = {word for line in page.splitlines() for word in line.split()}
    assert {word for _, text in one.sections for word in text.split() if len(word) > 2 and word.strip(".,:;").isalpha()} <= read   # nothing is cut
    assert "레이어" not in page and "층" in told(capsys, "book", "layers", "--lang", "ko")


def test_the_course_and_its_lessons(capsys):
    page = told(capsys, "book", "course")
    assert all(lesson.title in page for lesson in book.course())
    lesson = told(capsys, "book", "course", "1")
    assert "predict" in lesson and "deepen book four-points" in lesson and "deepen book course 2" in lesson
    assert main(["book", "course", "9"]) == 2
    assert "there are 1 to 6" in capsys.readouterr().err


@pytest.mark.parametrize("words", [(), ("gan",), ("conv-filter",), ("layers",), ("course",), ("course", "3")])
def test_what_is_piped_has_no_endless_lines(capsys, words):
    assert max(map(len, told(capsys, "book", *words).splitlines())) < 260


# machine

@pytest.fixture
def measured(monkeypatch):
    """A computer whose rates are known: those of a quiet machine like ours."""
    found = machine.Machine("Linux", "CPU", 2, 2, 24 * 10**9, 10**11, "cpu", "CPU", 0, "bf16", {"fp32": 2e11}, {"fp32": 4e11},
                            {"small": (0.002, 1e-4), "deepconv": (0.002, 1.2e-4)})
    monkeypatch.setattr(machine, "look", lambda seconds, told: found)
    monkeypatch.setattr(machine, "busy", lambda: 0.5)


def test_the_machine_tells_times_and_costs(capsys, measured):
    page = told(capsys, "machine", "--price", "2.5")
    assert "in a minute" in page and "wants a GPU" in page and "estimates" in page and "cost, A100" in page
    assert "deepen train digits" in page and "torch" in page
    answer = json.loads(told(capsys, "machine", "--price", "2.5", "--json").splitlines()[-1])
    imagenet = answer["trainings"][-1]
    assert imagenet["cost"]["A100"] == pytest.approx(imagenet["gpus"]["A100"] / 3600 * 2.5)
    assert imagenet["command"] is None and imagenet["here"] > 86_400


def test_the_machine_in_korean(capsys, measured):
    assert "이 컴퓨터" in told(capsys, "machine", "--lang", "ko")


def test_a_price_that_is_none(capsys):
    assert main(["machine", "--price", "cheap"]) == 2
    assert "a number is wanted" in capsys.readouterr().err
    assert main(["machine", "--price", "-1"]) == 2
    assert "at least 0" in capsys.readouterr().err


def test_quick_measures_nothing(capsys, monkeypatch):
    monkeypatch.setattr(machine, "best_time", lambda *_: pytest.fail("it measured"))
    page = told(capsys, "machine", "--quick")
    assert "Measured" not in page and "Is everything in order?" in page
