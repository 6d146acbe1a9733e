"""Reports of boxes, masks and sentences: what stands on the page is what was found; no page is too large."""
import re
from pathlib import Path

import pytest

from deepen.core.words import speak
from deepen.engine import report_scenes
from deepen.engine.export import export
from deepen.engine.report import page
from deepen.engine.start import start
from deepen.engine.validate import validate, with_data
from deepen.engine.verdict import conclude, read

MADE_UP = Path(__file__).parent / "made_up.py"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Each kind's run with its verdict and its page."""
    made = {}
    for name in ("Finder", "Painter", "Teller"):
        run = start(f"{MADE_UP}:{name}", {"data.count": "200"}, out=tmp_path_factory.mktemp(name) / "run")
        system = with_data(run)
        found = conclude(run, system)
        made[name] = run, found, page(run, system, found)
    return made


@pytest.mark.parametrize("name, kind", [("Finder", "boxes"), ("Painter", "masks"), ("Teller", "texts")])
def test_a_page_shows_the_worst_first_and_stays_small(name, kind, pages):
    _run, found, text = pages[name]
    assert "Where it errs</h2>" in text and "The worst pictures first" in text and len(text) < 600_000
    assert text.count(f"<figure class={kind}>") == 12 == len(found.mistakes)
    scores = [one.score for one in found.mistakes]
    assert scores == sorted(scores)
    assert not re.search(r"""(src|href)=["']?(https?:)?//|<script""", text)
    assert f"{scores[0] * 100:.0f} % · {found.mistakes[0].where}" in text


def test_boxes_have_a_table_a_curve_and_reasons(pages):
    run, found, text = pages["Finder"]
    circle = next(one for one in found.seen.classes if one["name"] == "circle")
    line = re.search(r"circle</th>(.*?)</tr>", text)[1]
    assert f">{circle['count']}<" in line and f">{circle['found']}<" in line and f">{circle['false']}<" in line
    assert "Precision and recall at IoU 0.5" in text and "boxes are false" in text and "Things a class, to learn from" in text
    assert read(run)["classes"][0]["name"] == "circle" and read(run)["unit"] == "boxes"


def test_masks_have_a_table_a_matrix_and_a_key(pages):
    _run, found, text = pages["Painter"]
    assert "What is taken for what" in text and "<p class=key>" in text and "of their joint area (IoU)" in text
    assert f"{100 * found.seen.classes[1]['iou']:.1f} %" in text and "Pixels a class, to learn from" in text


def test_sentences_stand_beside_their_truths_word_by_word(pages):
    _run, found, text = pages["Teller"]
    assert all(truth in text for truth in found.mistakes[0].truth) and "word for word a true one" in text
    assert 'title="90%">' in text and "--sure:0.80" in text


@pytest.mark.parametrize("name", ["Finder", "Painter", "Teller"])
def test_the_page_speaks_korean(name, pages):
    run, found, _ = pages[name]
    speak("ko")
    try:
        assert "어디서 틀리나" in page(run, with_data(run), found)
    finally:
        speak("en")


def test_a_split_without_a_mistake_says_so(pages):
    _run, found, _ = pages["Teller"]
    assert "Not one mistake" in report_scenes.scene_errors(found.seen, [])


def test_validation_counts_the_openings_and_tells_classes(pages):
    run, *_ = pages["Painter"]
    told = validate(run)
    assert told.opened == 1 and set(told.intervals) == {"miou", "pixel_accuracy"} and told.verdict.seen.classes
    assert told.intervals["miou"][0] < told.metrics["miou"] < told.intervals["miou"][1]


def test_a_detector_is_exported_to_its_raw_boxes(pages, tmp_path):
    import json

    import numpy as np
    import onnxruntime
    run, *_ = pages["Finder"]
    made = export(run, tmp_path)
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    assert card["finish"] == "deepen.nn.boxes.suppress" and card["gives"] == ["boxes", "scores"] and card["takes"] == {"pictures": ["uint8", 3, 64, 64]}
    assert made["parity"] == 0
    session = onnxruntime.InferenceSession(made["files"][0], providers=["CPUExecutionProvider"])
    for count in (1, 3):
        boxes, scores = session.run(None, {"pictures": np.full((count, 3, 64, 64), 255, np.uint8)})
        assert boxes.shape == (count, 1, 4) and scores.tolist() == [[[1.0]]] * count
