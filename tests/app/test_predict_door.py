"""`deepen predict`, `validate` and `train` at the door, for answers that are boxes, masks and sentences."""
import json
from pathlib import Path

import pytest
from PIL import Image

from deepen.app.cli import main
from deepen.engine.start import start

MADE_UP = Path(__file__).parents[1] / "engine" / "made_up.py"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    return {name: str(start(f"{MADE_UP}:{name}", {"data.count": "60"}, out=root / name).path) for name in ("Finder", "Painter", "Teller")} | {
        "classify": str(start("classify", {"data": "stripes", "net": "dense classes", "epochs": "1"}, out=root / "classify").path)}


@pytest.fixture
def pictures(tmp_path):
    ground = Image.new("RGB", (400, 200), "white")
    ground.paste((0, 0, 220), (100, 50, 200, 150))
    ground.save(tmp_path / "파란 네모.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    return [str(tmp_path / "파란 네모.png"), str(tmp_path / "bad.png")]


def test_boxes_as_json_and_as_files(runs, pictures, tmp_path, capsys):
    assert main(["predict", runs["Finder"], *pictures, "--json", "--out", str(tmp_path / "out")]) == 1, "one file is bad"
    told, wrong = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert told["boxes"][0]["label"] == "square" and told["drawn"] == str(tmp_path / "out" / "파란 네모.png") and Path(told["drawn"]).is_file()
    assert "error" in wrong and "boxes" not in wrong
    assert len(json.loads((tmp_path / "out" / "boxes.json").read_text(encoding="utf-8"))["images"]) == 1
    assert main(["predict", runs["Finder"], pictures[0], "--out", str(tmp_path / "voc"), "--as", "voc", "--sure", "0.8"]) == 0
    assert "square 1" in capsys.readouterr().out and (tmp_path / "voc" / "파란 네모.xml").read_text(encoding="utf-8").count("<object>") == 1


def test_masks_and_sentences(runs, pictures, tmp_path, capsys):
    assert main(["predict", runs["Painter"], pictures[0], "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "masks" / "파란 네모.png").is_file()
    assert main(["predict", runs["Teller"], pictures[0]]) == 0
    told = capsys.readouterr().out
    assert "background 87 %" in told or "background 88 %" in told
    assert "a small red circle left of a large blue square" in told


@pytest.mark.parametrize("system, words, wanted", [
    ("Finder", ["--as", "voc"], "give --out FOLDER"), ("Finder", ["--as", "yolo", "--out", "OUT"], "coco, voc"), ("Finder", ["--sure", "2"], "--sure"),
    ("Painter", ["--as", "coco", "--out", "OUT"], "--as is for boxes"), ("classify", ["--out", "OUT"], "boxes, masks, sentences or pictures"),
    ("Finder", ["--out", "HERE"], "not empty")])
def test_what_cannot_be_asked_is_said_in_a_sentence(system, words, wanted, runs, pictures, tmp_path, capsys):
    words = [{"OUT": str(tmp_path / "out"), "HERE": str(tmp_path)}.get(word, word) for word in words]
    assert main(["predict", runs[system], pictures[0], *words]) == 2
    assert wanted in capsys.readouterr().err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bad.png", "파란 네모.png"]


def test_validate_tells_the_classes(runs, capsys):
    assert main(["validate", runs["Painter"], "--json"]) == 0
    told, text = capsys.readouterr()
    told = json.loads(told)
    assert told["unit"] == "masks" and {one["name"] for one in told["classes"]} >= {"background", "circle"} and told["mistakes"][0]["score"] < 1
    assert told["intervals"]["miou"][0] < told["metrics"]["test"]["miou"] < told["intervals"]["miou"][1]
    assert "IoU" in text and "share of pixels" in text and "the worst pictures" in text
    assert main(["validate", runs["Teller"]]) == 0 and "word for word" in capsys.readouterr().out


@pytest.mark.parametrize("goal, code", [("goal=map50>=0.7", 0), ("goal=map:0.5", 0), ("goal=accuracy:0.9", 2)])
def test_a_goal_on_boxes(goal, code, tmp_path, capsys):
    assert main(["train", f"{MADE_UP}:Finder", "data.count=40", goal, "--out", str(tmp_path / "run"), "--quiet"]) == code
    out, err = capsys.readouterr()
    assert "not met" in out if code == 0 else "judged on boxes" in err
