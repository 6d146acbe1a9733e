"""Pictures with captions: each flaw by its line, the good ones counted."""
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen.engine.check import check

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for i in range(4):
        Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / "images" / f"{i}.jpg")
    return tmp_path


def captions(folder, *more):
    lines = ["image,caption", *(f"{i}.jpg,a dog number {i} runs on the grass" for i in range(4)), *more]
    (folder / "captions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return check(str(folder))


def test_good_captions(folder):
    found = captions(folder, "0.jpg,😀 a happy dog", '1.jpg,"a dog, and a cat"', '2.jpg,"two\nlines"')
    assert found.findings == [] and found.source == "captions"
    assert (found.summary["pictures"], found.summary["captions"]) == (4, 7)
    assert found.summary["captions_per_picture"] == {"fewest": 1, "median": 2, "most": 2}


@pytest.mark.parametrize("line, level, cause", [
    ("0.jpg,", "warning", "caption is empty"), ('0.jpg,"   "', "warning", "caption is empty"), ("0.jpg,bare, commas", "warning", "no quotes"),
    ("gone.jpg,not there", "error", "does not exist"), ("../../x.jpg,out", "error", "points out"), ("0.JPG,capitals", "warning", "other capitals"),
    ("0.jpg," + "very " * 400, "warning", "very long"), ("0.jpg,a dog number 0 runs on the grass", "warning", "stands twice"), ("0.jpg", "error", "too few cells")])
def test_flaws_by_line(folder, line, level, cause):
    finding, = captions(folder, line).findings
    assert (finding.level, finding.file) == (level, "captions.csv") and "line 6" in finding.place and cause in finding.cause and finding.mend


def test_pictures_damaged_without_caption_and_in_two_lists(folder):
    (folder / "images" / "3.jpg").write_bytes(b"")
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(folder / "images" / "spare.jpg")
    (folder / "train.txt").write_text("0.jpg\n1.jpg\n2.jpg\n")
    (folder / "test.txt").write_text("2.jpg\ngone.jpg\n")
    found = captions(folder)
    told = {(finding.level, finding.file or "-", finding.place) for finding in found.findings}
    assert told == {("error", "images/3.jpg", ""), ("error", "test.txt", "gone.jpg"), ("warning", "test.txt", "2.jpg, also in train"), ("note", "-", "")}
    assert found.summary["splits"] == {"train": 3, "test": 2}


def test_captions_as_coco_and_flickr_write_them(folder):
    told = {"images": [{"id": i, "file_name": f"{i}.jpg"} for i in range(4)],
            "annotations": [{"id": 9, "image_id": i, "caption": "a dog"} for i in range(4)]}
    (folder / "annotations").mkdir()
    (folder / "annotations" / "captions.json").write_text(json.dumps(told))
    found = check(str(folder / "annotations" / "captions.json"))
    assert found.what == "captions" and found.summary["captions"] == 4 and found.findings == []
    (folder / "tokens.txt").write_text("".join(f"{i}.jpg#{j}\ta dog number {j} runs\n" for i in range(4) for j in range(2)))
    found = check(str(folder / "tokens.txt"))
    assert found.what == "captions" and found.summary["captions_per_picture"]["median"] == 2 and found.findings == []


def test_flickr_and_the_nasty_one():
    if not (DATA / "nasty").is_dir():
        pytest.skip(f"{DATA} is not here")
    found = check(str(DATA / "captions-flickr8k-1000"))
    assert found.findings == [] and (found.summary["pictures"], found.summary["captions"]) == (1000, 5000)
    assert found.summary["splits"] == {"train": 800, "val": 100, "test": 100}
    found = check(str(DATA / "nasty" / "captions"))
    assert {finding.place.split(",")[0] for finding in found.findings} == {f"line {line}" for line in (3, 4, 5, 6, 8, 9, 10)}
