"""The page about somebody's data: everything noticed stands on it, nothing is loaded from elsewhere, nothing crashes it."""
import re

import pytest
from PIL import Image as Pillow

from deepen.core.words import Problem, speak
from deepen.engine.doctor.checked import Checked
from deepen.engine.report_check import page, write
from deepen.sources._finding import Finding


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    for name, mode in (("ants/a.png", "RGB"), ("ants/b.png", "LA"), ("bees/c.jpg", "CMYK"), ("bees/d.png", "I;16"), ("bees/e.gif", "P")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Pillow.new(mode, (40, 30)).save(root / name)
    (root / "bees/bad.jpg").write_bytes(b"\xff\xd8no picture")
    (root / "bees/empty.jpg").write_bytes(b"")
    return root


def looked(root, **more):
    return Checked("pictures", "it holds a folder for each class", str(root), summary={
        "pictures": 7, "readable": 5, "splits": {"train": 5}, "classes": {"ants": 2, "bees": 3},
        "sheet": {"ants": ["ants/a.png", "ants/b.png"], "bees": ["bees/c.jpg", "bees/d.png", "bees/e.gif", "bees/bad.jpg", "bees/empty.jpg", "bees/gone.jpg"]},
        "heights": {"edges": [0, 10, 20, 40], "counts": [1, 0, 4]}, "light_counts": [3, 2], "side_counts": {"32…63": 5}, **more},
        findings=[Finding("error", "the picture is <damaged>", "save it again", "bees/bad.jpg", "class bees"),
                  Finding("warning", "few pictures", "add some", "", "class ants"), Finding("note", "two colours")])


def test_everything_noticed_stands_on_the_page(folder):
    text = page(looked(folder), folder)
    assert text.count("<img") == 5, "pictures that cannot be read are left out"
    assert "the picture is &lt;damaged&gt;" in text and "<damaged>" not in text
    assert "bees/bad.jpg · class bees" in text and "save it again" in text
    assert text.index("few pictures") < text.index("two colours") and 'class="verdict unmet"' in text
    assert "3 · 60 %" in text and text.count("histogram tall") == 2 and "32…63" in text
    assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|url\(["']?http|<script""", text)


def test_levels_decide_the_verdict(folder):
    found = looked(folder)
    found.findings = found.findings[1:]
    assert "the warnings should be looked at first" in page(found, folder)
    found.findings = []
    text = page(found, folder)
    assert "Training may start." in text and "Nothing was found to be wrong." in text and 'class="verdict met"' in text


def test_a_thousand_findings_are_told_by_their_count(folder):
    found = looked(folder)
    found.findings = [Finding("note", f"note number {i}") for i in range(1000)]
    text = page(found, folder)
    assert "and 800 more" in text and text.count("<li class=note>") == 201


def test_columns_of_a_table(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("a,b\n1,2\n")
    found = Checked("table", "it ends in .csv", str(file), summary={"rows": 4, "target_column": "b", "columns": [
        {"name": "a", "kind": "numbers", "missing": 2, "least": 1.0, "median": 2.0, "most": 3.0, "edges": [1, 2, 3], "counts": [1, 1]},
        {"name": "b", "kind": "words", "missing": 0, "distinct": 3, "values": ["x", "y"]},
        {"name": "c", "kind": "words", "missing": 0, "distinct": 2, "top": {"x": 3, "y": 1}}, {"name": "odd"}]})
    text = page(found, file)
    assert "1 … 2 … 3" in text and "x, y … (+1)" in text and "x 75 %, y 25 %" in text and "b ◂" in text


@pytest.mark.parametrize("summary", [
    {}, {"sheet": None}, {"sheet": {"a": ["../../etc/passwd"]}}, {"columns": [1, 2]}, {"classes": {"a": None}}, {"x": {"edges": [1], "counts": []}},
    {"sizes": {"smallest": 3}}, {"light_counts": []}, {"light_counts": ["a"]}, {"deep": {"a": {"b": [1, None, True]}}}])
def test_a_summary_of_another_shape_is_no_accident(folder, summary):
    text = page(Checked("x", "y", str(folder), summary=summary), folder)
    assert text.endswith("</html>\n") and "<img" not in text


def test_written_in_both_languages_and_never_into_the_data(folder, tmp_path):
    found = looked(folder)
    path = write(found, folder, tmp_path / "out")
    assert path == tmp_path / "out.html" and 'lang="en"' in path.read_text(encoding="utf-8")
    speak("ko")
    try:
        assert 'lang="ko"' in write(found, folder, tmp_path / "ko.html").read_text(encoding="utf-8")
    finally:
        speak("en")
    with pytest.raises(Problem, match="inside the checked folder"):
        write(found, folder, folder / "ants" / "report.html")
    with pytest.raises(Problem, match="no folder"):
        write(found, folder, tmp_path / "nowhere" / "report.html")
    assert len(list(folder.rglob("*"))) == 9
