"""Try it in a real browser for boxes, masks and sentences: the answer is drawn on the picture, and the sliders move it."""
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

MADE_UP = Path(__file__).parents[2] / "engine" / "made_up.py"


@pytest.fixture(scope="module")
def seeing(another, tmp_path_factory):
    """A Studio of its own, with runs that answer with boxes, masks and sentences; its folder has a picture."""
    folder = tmp_path_factory.mktemp("seeing")
    ground = Image.new("RGB", (400, 200), "white")
    ground.paste((0, 0, 220), (100, 50, 200, 150))
    ground.save(folder / "사진.png")
    for kind in ("Finder", "Painter", "Teller"):
        subprocess.run([sys.executable, "-m", "deepen", "train", f"{MADE_UP}:{kind}", "data.count=80", "--quiet", "--out", f"runs/{kind}-0001"],
                       cwd=folder, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    opened = another("--runs", str(folder / "runs"))
    opened.folder = folder
    yield opened
    opened.process.terminate()
    assert opened.process.wait(10) == 0


@pytest.fixture
def page(page_of, seeing):
    with page_of(seeing) as one:
        yield one


def ask(seeing, page, name):
    page.goto(f"{seeing.base}/try#run={name}")
    page.locator(".ground img").wait_for(timeout=90_000)


@pytest.mark.timeout(240)
def test_boxes_follow_the_slider(seeing, page):
    ask(seeing, page, "Finder-0001")
    page.locator("input[type=file]").set_input_files(seeing.folder / "사진.png")
    page.locator(".ground[style*='--ratio: 2']").wait_for()
    assert page.locator(".ground .box").count() == 2 and page.locator(".scene .answer").inner_text() == "square 1, circle 1"
    picture, box = page.locator(".ground").bounding_box(), page.locator(".ground .box").first.bounding_box()
    assert abs((box["x"] - picture["x"]) / picture["width"] - 0.25) < 0.03 and abs(box["height"] / picture["height"] - 0.5) < 0.05
    slider = page.get_by_label("show boxes that are at least so sure")
    slider.fill("0.8")
    assert page.locator(".ground .box").count() == 1
    slider.fill("0.1")
    assert page.locator(".ground .box").count() == 3
    page.get_by_role("button", name="Another picture of its data").click()
    page.locator(".ground.tiny").wait_for()
    assert "was" in page.locator(".scene").inner_text()


@pytest.mark.timeout(240)
def test_a_mask_is_laid_over_and_one_class_alone(seeing, page):
    ask(seeing, page, "Painter-0001")
    page.locator("input[type=file]").set_input_files(seeing.folder / "사진.png")
    page.locator(".ground[style*='--ratio: 2']").wait_for()
    paint = """() => { const c = document.querySelector('canvas.over'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                       let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n / (c.width * c.height) }"""
    page.wait_for_function(f"({paint})() > 0.99")
    page.get_by_role("button", name="circle").click()
    page.wait_for_function(f"Math.abs(({paint})() - 0.125) < 0.03")
    page.get_by_label("how strongly the classes cover the picture").fill("0.2")
    assert page.evaluate("getComputedStyle(document.querySelector('canvas.over')).opacity") == "0.2"


@pytest.mark.timeout(240)
def test_a_sentence_comes_word_by_word(seeing, page):
    ask(seeing, page, "Teller-0001")
    page.locator("input[type=file]").set_input_files(seeing.folder / "사진.png")
    page.locator(".ground[style*='--ratio: 2']").wait_for()
    assert page.locator(".word").count() == 10
    assert page.locator(".word small").first.inner_text() == "90 %"


@pytest.mark.timeout(240)
def test_the_page_of_the_run_shows_classes_and_worst_pictures(seeing, page):
    page.goto(f"{seeing.base}/runs/Finder-0001")
    page.get_by_role("heading", name="The worst pictures first").wait_for(timeout=90_000)
    assert page.get_by_role("row").filter(has_text="triangle").count() == 1 and page.locator(".gallery figure.wide img").count() > 0
    page.evaluate("localStorage.setItem('language', 'ko')")
    page.goto(f"{seeing.base}/try#run=Painter-0001")
    page.locator(".ground img").wait_for(timeout=90_000)
    page.evaluate("localStorage.setItem('language', 'en')")
