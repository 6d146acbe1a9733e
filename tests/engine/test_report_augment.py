"""The sheet of augmentation, and what is said before training when a line can turn one sign into another."""
import base64
import io
import json
import re

import pytest
import torch
from PIL import Image as Pillow

from deepen.app.cli import main
from deepen.core.data import Data, Examples
from deepen.core.kinds import Boxes, Image, Label, Mask, Number, Row
from deepen.core.words import Problem
from deepen.engine import drawn
from deepen.engine import report_augment as sheets
from deepen.engine.start import start


def data_of(target, kind, count=10, side=64):
    x = torch.zeros(count, 3, side, side, dtype=torch.uint8)
    x[:, :, 16:32, 8:24] = 255
    return Data({"train": Examples(x, target)}, Image(3, side, side), kind)


def photos(count=10, side=64, names=("cat", "dog")):
    return data_of(torch.arange(count) % len(names), Label(names), count, side)


def strips(page):
    return [Pillow.open(io.BytesIO(base64.b64decode(found))).convert("RGB") for found in re.findall(r"base64,([^\"]+)", page)]


def test_each_line_alone_and_all_together_beside_the_original():
    page = sheets.sheet(photos(), "flip; rotate 15; cutmix 1")
    assert re.findall(r"<code>(.*?)</code>", page) == ["flip", "rotate 15", "cutmix 1", "all together"]
    shown = strips(page)
    assert len(shown) == 4 and all(one.width > 6.5 * one.height for one in shown)
    assert re.findall(r"<code>(.*?)</code>", sheets.sheet(photos(), "flip")) == ["flip"]
    assert sheets.sheet(photos(), "") == ""


def test_a_sheet_of_noise_with_many_lines_stays_small():
    x = torch.randint(0, 256, (8, 3, 300, 400), dtype=torch.uint8)
    data = Data({"train": Examples(x, torch.arange(8) % 2)}, Image(3, 300, 400), Label(("cat", "dog")))
    for lines in ("flip", "flip; crop 20", "flip; crop 20; rotate 15; scale 0.8 1.2; shift 5; bright 0.2; contrast 0.2; cutout 50; mixup 0.2; cutmix 1"):
        assert len(sheets.sheet(data, lines)) < 150_000


def test_boxes_and_masks_are_drawn_where_they_are():
    boxes = data_of([torch.tensor([[8.0, 16, 24, 32, 1, 0]])] * 10, Boxes(("a", "b")))
    seen = sheets.seen(boxes, boxes.splits["train"].inputs[0], boxes.splits["train"].target[0])         # 96 pixels of 64
    ink = drawn.colour(1)
    assert [seen.getpixel(place) for place in ((12, 24), (20, 24), (35, 47), (60, 60))] == [ink, ink, ink, (0, 0, 0)]
    mask = torch.zeros(10, 64, 64, dtype=torch.uint8)
    mask[:, 16:32, 8:24], mask[:, 60:] = 1, 255
    masks = data_of(mask, Mask(("none", "thing"), 64, 64, ((0, 0, 0), (200, 0, 0))))
    seen = sheets.seen(masks, masks.splits["train"].inputs[0], mask[0])
    assert seen.getpixel((30, 30)) == (222, 102, 102) and seen.getpixel((8, 93)) == (0, 0, 0)           # six parts of ten are paint
    for data in (boxes, masks):
        assert len(strips(sheets.sheet(data, "flip; rotate 15"))) == 3 * 2
    assert len(strips(sheets.sheet(boxes, "elastic 1.5 4"))) == 3               # without boxes, which cannot be bent
    with pytest.raises(Problem, match="mixup"):
        sheets.sheet(masks, "mixup 0.2")


def test_the_first_picture_shown_has_a_box():
    target = [torch.zeros(0, 6)] * 9 + [torch.tensor([[8.0, 16, 24, 32, 0, 0]])]
    x = torch.zeros(10, 3, 64, 64, dtype=torch.uint8)
    data = Data({"train": Examples(x, target[::-1])}, Image(3, 64, 64), Boxes(("a",)))
    assert max(strips(sheets.sheet(data, "shift 3"))[0].getextrema()[0]) > 100


def test_what_looks_like_a_sign_is_doubted():
    said = sheets.doubt(photos(names=tuple("0123456789")), "flip; shift 2")
    assert "“flip”" in said and "0, 1, 2, 3" in said
    assert sheets.doubt(photos(names=("A", "b", "ㄱ")), "rotate 90")
    assert sheets.doubt(photos(names=("zero", "one", "ten")), "flip updown")
    assert sheets.doubt(photos(names=tuple("0123456789")), "shift 2; rotate 15; crop 2") is None
    assert sheets.doubt(photos(), "flip") is None
    rows = Data({}, Row(("a",), (None,)), Number("price"))
    assert sheets.doubt(rows, "flip") is None and sheets.doubt(photos(), None) is None


def test_a_run_is_warned_before_its_first_step_and_shows_the_sheet(tmp_path):
    told = []
    run = start("classify", {"data": "digits", "net": "conv 4 3; relu; globalpool; dense classes", "epochs": "0.1", "augment": "flip"},
                out=tmp_path / "run", tell=told.append)
    assert [event.event for event in told][:2] == ["warned", "started"] and "“flip”" in told[0].facts["why"]
    assert run.events()[0].event == "warned"
    from deepen.engine.report import report
    page = report(run).read_text(encoding="utf-8")
    assert "<h2>Augmentation</h2>" in page and "<code>flip</code>" in page and "“flip” can turn" in page


def test_check_shows_what_lines_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["check", "digits", "--augment", "flip; shift 1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["findings"][0]["level"] == "warning" and told["report"].endswith("check.html")
    page = (tmp_path / "check.html").read_text(encoding="utf-8")
    assert "<h2>Augmentation</h2>" in page and "<code>shift 1</code>" in page
    assert main(["check", "digits", "--augment", "flop", "--report", "other.html"]) == 2
    assert "flip" in capsys.readouterr().err and not (tmp_path / "other.html").exists()
    assert main(["check", "iris", "--augment", "flip"]) == 2
    assert "rows" in capsys.readouterr().err
