"""Every chapter is a chapter: five headings, both languages, commands that parse, formulas that a browser can show."""
import re

import pytest

from deepen.app.understand import understand
from deepen.core.words import LANGUAGES, Problem
from deepen.engine import chapters, find
from deepen.engine.formula import FUNCTIONS, SIGNS, STYLES, mathml, plain

PAGES = [(name, language) for name in chapters.names() for language in LANGUAGES]


@pytest.mark.parametrize(("name", "language"), PAGES)
def test_a_chapter_reads(name, language):
    one = chapters.chapter(name, language)
    assert [heading for heading, _ in one.sections] == list(chapters.HEADINGS[language])
    assert all(len(text) > 60 for _, text in one.sections)
    assert one.formulas and one.commands
    if language == "ko":
        assert re.search("[가-힣]{2}", one.title + one.summary)


@pytest.mark.parametrize(("name", "language"), PAGES)
def test_its_formulas_convert(name, language):
    for formula in chapters.chapter(name, language).formulas:
        assert mathml(formula).startswith("<math")
        assert plain(formula) and "\\" not in plain(formula) and "{" not in plain(formula), formula
        known = {*SIGNS, *FUNCTIONS, *STYLES, "frac", "tfrac", "dfrac", "sqrt", "hat", "bar"}
        assert set(re.findall(r"\\([A-Za-z]+)", formula)) <= known, formula


@pytest.mark.parametrize("name", chapters.names())
def test_both_languages_try_the_same_commands(name):
    assert chapters.chapter(name, "en").commands == chapters.chapter(name, "ko").commands


@pytest.mark.parametrize("command", sorted({command for name in chapters.names() for command in chapters.chapter(name).commands}))
def test_a_command_to_try_parses(command):
    assert understand(command).command.name == command.split()[1]


@pytest.mark.parametrize("name", sorted(find.systems()))
def test_every_system_has_its_chapter(name):
    assert name in chapters.names()


def test_the_page_holds_formulas_commands_and_no_tags_of_its_own():
    one = chapters.read("---\ntitle: <b>T\nsummary: S & $x^2$\n---\n" + "".join(
        f"## {heading}\n\n{text}\n\n" for heading, text in zip(chapters.HEADINGS["en"], (
            "A `code $ here` and <script>x</script> **strong**.", "$$a_1 = \\frac{1}{2}$$", "costs $5 and $6", "```try\ndeepen runs <x>\n```",
            "| a | b |\n|---|---|\n| $y$ | 2 |"), strict=True)), "t", "en")
    page = chapters.page(one)
    assert "<script>" not in page and "&lt;script&gt;" in page and "<strong>strong</strong>" in page
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in page and "<p><math" not in page
    assert '<pre class="try"><code>deepen runs &lt;x&gt;</code></pre>' in page
    assert "<code>code $ here</code>" in page and "costs $5 and $6" in page
    assert "<td><math" in page and "&lt;b&gt;T" in page
    assert "\ue000" not in page


def test_what_is_no_chapter_is_a_problem():
    with pytest.raises(Problem, match="did you mean training"):
        chapters.chapter("traning")
    with pytest.raises(Problem, match="headings"):
        chapters.read("---\ntitle: T\nsummary: S\n---\n## The idea\n\ntext\n", "t", "en")
    with pytest.raises(Problem, match="headings"):
        chapters.read("no front matter", "t", "en")
