"""Answers in the pixels of somebody's own picture, and the files that others read."""
import csv
import io
import json
import xml.etree.ElementTree as Tree
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

import deepen
from deepen.core.kinds import Boxes, Image, Mask, Text
from deepen.core.picture import FITS, fitted, fitted_mask, place, size_of
from deepen.core.words import Problem
from deepen.engine.answer import answers
from deepen.engine.photo import Photo, own_boxes, own_mask
from deepen.engine.results import Results
from deepen.engine.start import start

HERE = Path(__file__).parent
FITTED = [fit for fit in FITS if fit != "pad-noise"]


@pytest.mark.parametrize("given", [(90, 50), (31, 200), (640, 480), (7, 5), (64, 48)])
@pytest.mark.parametrize("fit", FITTED)
def test_boxes_come_back_to_where_they_were(given, fit):
    size = (64, 48)
    wide, high = given
    box = torch.tensor([[0.3 * wide, 0.4 * high, 0.6 * wide, 0.7 * high, 1, 0.9]])
    across, down, right, below = place(given, size, fit)
    seen = box.clone()
    seen[:, [0, 2]] = seen[:, [0, 2]] * across + right
    seen[:, [1, 3]] = seen[:, [1, 3]] * down + below
    assert torch.allclose(own_boxes(seen, given, size, fit), box, atol=1e-3)


def test_boxes_are_cut_at_the_edges_and_those_outside_left_out():
    rows = torch.tensor([[-5., 2, 10, 60, 0, .9], [0, 0, 64, 8, 0, .8]])            # the second lies in the padding
    assert own_boxes(rows, (200, 100), (64, 64), "pad-edge").tolist() == [[0, 0, pytest.approx(31.25), 100, 0, pytest.approx(.9)]]


@pytest.mark.parametrize("given", [(90, 50), (30, 200), (64, 48), (300, 300)])
@pytest.mark.parametrize("fit", FITTED)
def test_masks_come_back_to_where_they_were(given, fit):
    truth = np.zeros((given[1], given[0]), np.uint8)
    truth[given[1] // 3: 2 * given[1] // 3, given[0] // 4: given[0] // 2] = 1
    seen = np.asarray(fitted_mask(Pillow.fromarray(truth), (64, 48), fit))
    again = own_mask(seen, given, (64, 48), fit)
    assert again.shape == truth.shape
    counted = again != 255
    assert (again[counted] == truth[counted]).mean() > 0.9 and (counted.all() or fit == "crop"), "only what was cut off is void"


def test_the_size_of_a_picture_is_as_an_eye_sees_it():
    for turn, size in ((1, (30, 20)), (6, (20, 30)), (8, (20, 30)), (3, (30, 20))):
        told, exif = io.BytesIO(), Pillow.Exif()
        exif[0x0112] = turn
        Pillow.new("RGB", (30, 20)).save(told, "JPEG", exif=exif)
        assert size_of(told.getvalue()) == size


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    return {name: start(f"{HERE / 'made_up.py'}:{name}", {"data.count": "60"}, out=root / name) for name in ("Finder", "Painter", "Teller")}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """One blue square on white: plain, grey, turned by EXIF, huge, beside a broken file."""
    folder = tmp_path_factory.mktemp("사진")
    ground = Pillow.new("RGB", (400, 200), "white")
    ground.paste((0, 0, 220), (100, 50, 200, 150))
    ground.save(folder / "사진 1.png")
    ground.convert("L").save(folder / "grey.png")
    exif = Pillow.Exif()
    exif[0x0112] = 6                                        # shown turned to the right by a quarter
    ground.save(folder / "turned.jpg", exif=exif, quality=95)
    ground.resize((4000, 2000)).save(folder / "huge.jpg", quality=95)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return folder


def near(box, wanted, by):
    return all(abs(one - other) <= by for one, other in zip(box, wanted, strict=True))


def test_boxes_are_told_in_the_pixels_of_the_file(runs, pictures):
    files = sorted(pictures.iterdir())
    told = {Path(one.where).name: one for one in answers(runs["Finder"], files)}
    assert "not a picture that can be read" in told["broken.jpg"].problem and told["broken.jpg"].photo is None
    for name, wanted, by in (("사진 1.png", (100, 50, 200, 150), 7), ("grey.png", (100, 50, 200, 150), 7),
                             ("turned.jpg", (50, 100, 150, 200), 7), ("huge.jpg", (1000, 500, 2000, 1500), 70)):
        box = told[name].told["boxes"][0]
        assert box["label"] == "square" and box["confidence"] == pytest.approx(.91) and near(box["box"], wanted, by), (name, box)
        assert len(told[name].told["boxes"]) == 2, "0.3 is not sure enough"
    assert told["turned.jpg"].told["width"] == 200 and told["사진 1.png"].lines[0] == "circle 1, square 1"
    assert len(next(answers(runs["Finder"], files[-1:], 0.1)).told["boxes"]) == 3
    assert len(next(answers(runs["Finder"], files[-1:], 0.8)).told["boxes"]) == 1


def test_coco_and_voc_can_be_read_again(runs, pictures, tmp_path):
    from deepen.sources._boxes import read_voc
    files = [file for file in sorted(pictures.iterdir()) if file.name != "broken.jpg"]
    for form in ("coco", "voc"):
        written = Results(Boxes(("circle", "square", "triangle", "star", "cross", "ring")), tmp_path / form, form)
        for one in answers(runs["Finder"], files):
            written.add(Path(one.where), one.photo)
        written.finish()
    told = json.loads((tmp_path / "coco" / "boxes.json").read_text(encoding="utf-8"))
    assert {one["name"] for one in told["categories"]} == {"circle", "square", "triangle", "star", "cross", "ring"}
    assert len(told["images"]) == 4 and len(told["annotations"]) == 12, "the file has the unsure ones too"
    of = {one["id"]: one["file_name"] for one in told["images"]}
    boxes = {of[one["image_id"]]: one["bbox"] for one in told["annotations"] if one["score"] > 0.9}
    assert near(boxes["사진 1.png"], (100, 50, 100, 100), 7) and near(boxes["turned.jpg"], (50, 100, 100, 100), 7)
    notes = []
    note = lambda *words: notes.append(words)               # noqa: E731
    name = "사진 1"
    boxed = read_voc((tmp_path / "voc" / f"{name}.xml").read_bytes(), f"{name}.xml", note)
    assert boxed.picture == f"{name}.png" and boxed.size == (400, 200) and notes == []
    assert [one.name for one in boxed.boxes] == ["square", "circle"] and near(
        (boxed.boxes[0].x0, boxed.boxes[0].y0, boxed.boxes[0].x1, boxed.boxes[0].y1), (101, 51, 200, 150), 7)
    assert Tree.parse(tmp_path / "voc" / "turned.xml").findtext("size/height") == "400"
    drawn = Pillow.open(tmp_path / "coco" / "huge.png")
    assert max(drawn.size) <= 1600 and Pillow.open(tmp_path / "coco" / "turned.png").size == (200, 400)


def test_masks_are_numbers_as_large_as_the_picture(runs, pictures, tmp_path):
    kind = runs["Painter"].system().data.target
    written = Results(kind, tmp_path / "out", None)
    for one in answers(runs["Painter"], [pictures / "turned.jpg", pictures / "사진 1.png"]):
        written.add(Path(one.where), one.photo)
        assert one.told["shares"]["circle"] == pytest.approx(0.125, abs=0.02)
    written.finish()
    mask = Pillow.open(tmp_path / "out" / "masks" / "turned.png")
    assert mask.mode == "P" and mask.size == (200, 400)
    assert np.array(mask)[150, 100] == 1 and np.array(mask)[300, 100] == 0 and np.array(mask).max() == 1
    assert (tmp_path / "out" / "masks" / "classes.txt").read_text(encoding="utf-8").split() == list(kind.names)


def test_sentences_are_a_table(runs, pictures, tmp_path):
    written = Results(Text(), tmp_path / "out", None)
    for one in answers(runs["Teller"], [pictures / "사진 1.png"]):
        assert one.told["text"] == one.lines[0] and one.told["words"][0][1] == pytest.approx(0.9)
        written.add(Path(one.where), one.photo)
    written.finish()
    lines = list(csv.reader((tmp_path / "out" / "captions.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert lines == [["file", "text"], ["사진 1.png", "a small red circle left of a large blue square"]]


def test_nothing_of_the_users_is_written_over(tmp_path):
    (tmp_path / "mine.png").write_bytes(b"mine")
    with pytest.raises(Problem, match="not empty"):
        Results(Text(), tmp_path, None)
    with pytest.raises(Problem, match="coco, voc"):
        Results(Boxes(("a",)), tmp_path / "new", "yolo")
    with pytest.raises(Problem, match="--as is for boxes"):
        Results(Text(), tmp_path / "new", "coco")


def test_two_files_of_one_name_are_both_kept(tmp_path):
    told = io.BytesIO()
    Pillow.new("RGB", (8, 8)).save(told, "PNG")
    one, written = Photo(Text(), told.getvalue(), (8, 8), "a"), Results(Text(), tmp_path / "out", None)
    assert [written.add(Path(name), one).name for name in ("x/A.png", "x/a.jpg", "y/a.png")] == ["A.png", "a-2.png", "a-3.png"]


def test_the_python_face_tells_and_draws(runs, pictures):
    run = deepen.load(runs["Finder"].path)
    one = run.predict(str(pictures / "사진 1.png"))
    assert repr(one) == "400×200: circle 1, square 1" and one._repr_png_().startswith(b"\x89PNG")
    assert near(one.answer[0, :4].tolist(), (100, 50, 200, 150), 7)
    assert [type(each) for each in run.predict([pictures / "grey.png"])] == [Photo]
    worst = run.worst(3)
    assert len(worst) == 3 and worst[0].score <= worst[1].score and "<img" in worst._repr_html_()
    raw = run.predict(torch.zeros(2, 3, 64, 64, dtype=torch.uint8))
    assert isinstance(raw, list) and raw[0].shape == (3, 6), "a batch is answered as the system answers"
    mask = runs["Painter"].predict(pictures / "turned.jpg")
    assert mask.answer.shape == (400, 200)
    assert runs["Teller"].predict(pictures / "grey.png").answer == "a small red circle left of a large blue square"


def test_kinds_read_what_fitting_made():
    """`fitted` and `place` agree: a square lies where the map says."""
    ground = Pillow.new("RGB", (300, 100), "white")
    ground.paste((0, 0, 0), (100, 25, 200, 75))
    made = np.asarray(fitted(ground, (64, 64), "pad-edge"))[:, :, 0] < 128
    ys, xs = made.nonzero()
    box = own_boxes(torch.tensor([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1, 0, 1]]).float(), (300, 100), (64, 64), "pad-edge")
    assert near(box[0, :4].tolist(), (100, 25, 200, 75), 5) and Image(3, 64, 64).fit == "stretch" and Mask(("a",), 1, 1).unit == "masks"
