import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from deepen.core.kinds import Text, from_card, to_card
from deepen.core.sentences import UNKNOWN, encode, numbered
from deepen.core.words import Problem
from deepen.engine.check import check
from deepen.engine.start import open_data, source_asked
from deepen.sources.captions import captions

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for i in range(10):
        Pillow.fromarray(np.random.default_rng(i).integers(0, 255, (30, 40, 3), dtype=np.uint8)).save(tmp_path / "images" / f"{i}.png")
    return tmp_path


def write(folder, *more, lines=None):
    lines = lines or [f"{i}.png,A dog number {i} runs ." for i in range(10)] + [f"{i}.png,One dog runs" for i in range(10)]
    (folder / "captions.csv").write_text("\n".join(["image,caption", *lines, *more]) + "\n", encoding="utf-8")
    return str(folder)


def refused(path, **given):
    with pytest.raises(Problem) as caught:
        captions(str(path), **given)
    return str(caught.value)


def test_several_sentences_a_picture(folder):
    data = captions(write(folder), valid=0.2)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 7, "valid": 2, "test": 1} and data.inputs.shape == (3, 30, 40)
    assert data.target.words == ("dog", "runs", ".", "a", "number", "one")
    assert any("7 words are met fewer than 3 times" in one for one in data.said)
    for split in data.splits.values():
        for name, told in zip(split.names, split.target, strict=True):
            assert told == (f"A dog number {Path(name).stem} runs .", "One dog runs")
    kind = from_card(to_card(data.target))                                  # the card alone turns sentences into numbers
    assert kind == data.target and encode("One dog number 7", numbered(kind.words))[-1] == UNKNOWN
    assert open_data(source_asked(str(folder)))[0].target == captions(write(folder)).target
    assert captions(str(folder / "captions.csv"), least=1).target.words[:2] == ("dog", "runs")


def test_a_name_that_several_pictures_have_is_not_guessed(folder):
    (folder / "more").mkdir()
    (folder / "more" / "1.png").write_bytes((folder / "images" / "2.png").read_bytes())
    told = refused(write(folder))
    assert "line 3, 1.png: images/1.png, more/1.png: several pictures have this name; write the folder before it" in told
    left = captions(write(folder), on_bad="skip")
    assert sum(map(len, left.splits.values())) == 9 and any("several pictures have this name" in one for one in left.said)
    assert any("several pictures" in one.cause for one in check(str(folder)).findings)
    write(folder, lines=[f"images/{i}.png,A dog runs ." for i in range(10)])
    (folder / "train.txt").write_text("".join(f"{i}.png\n" for i in range(8)))
    (folder / "test.txt").write_text("8.png\n9.png\n")
    data = captions(str(folder), least=1)
    assert sorted(data.split("test").names) == ["images/8.png", "images/9.png"] and not any("more/" in name for name in data.split("train").names)


def test_lists_are_the_splits(folder):
    write(folder)
    for part, rows in (("train", range(6)), ("val", range(5, 8)), ("test", (8,))):
        (folder / f"{part}.txt").write_text("".join(f"{i}.png\n" for i in rows))
    data = captions(str(folder))
    assert {name: sorted(int(Path(one).stem) for one in split.names) for name, split in data.splits.items()} == {
        "train": [0, 1, 2, 3, 4, 5], "valid": [6, 7], "test": [8]}
    assert any("1 picture is in no list" in one for one in data.said) and any("in two lists" in one for one in data.said)


@pytest.mark.parametrize("line, level, cause", [
    ("0.png,", "warning", "caption is empty"), ("gone.png,not there", "error", "does not exist"), ("../../x.png,out", "error", "points out"),
    ("0.png,One dog runs", "warning", "stands twice"), ("0.png," + "very " * 400, "warning", "very long"), ("0.png", "error", "too few cells")])
def test_flaws_are_refused_or_said_as_check_says(folder, line, level, cause):
    write(folder, line)
    finding = next(finding for finding in check(str(folder)).findings if cause in finding.cause)
    assert finding.level == level
    if level == "error":
        assert cause in refused(folder) and "line 22" in refused(folder)
    data = captions(str(folder), on_bad="skip", valid=0, test=0)
    assert any(cause in one for one in data.said)
    first = data.splits["train"].target[0]
    assert first[:2] == ("A dog number 0 runs .", "One dog runs") and all(len(one) <= 1000 for one in first)
    assert len(first) == (3 if "very" in line else 2)


def test_damaged_pictures(folder):
    write(folder)
    (folder / "images" / "3.png").write_bytes(b"")
    assert "3.png" in refused(folder)
    assert len(captions(str(folder), on_bad="skip", valid=0, test=0).splits["train"]) == 9


def test_korean_sentences_share_their_words(folder):
    lines = [f"{i}.png,빨간 {'원이' if i % 2 else '사각형이'} 있다" for i in range(10)] + [f"{i}.png,{'원은' if i % 2 else '사각형은'} 크다" for i in range(10)]
    data = captions(write(folder, lines=lines), valid=0, test=0)
    assert set(data.target.words) == {"빨간", "원", "사각형", "‿이", "‿은", "있다", "크다"}


def test_coco_json_parts_beside_each_other(folder):
    for part, rows in (("train", range(6)), ("val", range(6, 10))):
        told = {"images": [{"id": i, "file_name": f"{i}.png"} for i in rows], "annotations": [{"id": i, "image_id": i, "caption": "a dog runs"} for i in rows]}
        (folder / "annotations").mkdir(exist_ok=True)
        (folder / "annotations" / f"captions_{part}2017.json").write_text(json.dumps(told))
    data = captions(str(folder))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 6, "valid": 4}
    assert any("captions_val2017.json is read too" in one for one in data.said)


def test_words_too_rare_are_told(folder):
    assert "give a smaller least" in refused(write(folder), least=500)


def test_flickr_and_the_nasty_one():
    if not (DATA / "nasty").is_dir():
        pytest.skip(f"{DATA} is not here")
    data = captions(str(DATA / "captions-flickr8k-1000"))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 800, "valid": 100, "test": 100}
    assert data.inputs.shape == (3, 96, 128) and isinstance(data.target, Text) and 1000 < len(data.target.words) < 1500
    assert all(4 <= len(told) <= 5 for told in data.splits["train"].target)
    assert "error in" in refused(DATA / "nasty" / "captions")
    told = captions(str(DATA / "nasty" / "captions"), on_bad="skip", valid=0, test=0, least=1)
    assert len(told.splits["train"]) >= 4 and all(all(texts) for texts in told.splits["train"].target)


def test_without_a_list_for_training_the_rest_is_learned_from(folder):
    write(folder)
    (folder / "test.txt").write_text("3.png\n4.png\n")
    data = captions(str(folder), valid=0)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 8, "test": 2}
    assert sorted(Path(one).stem for one in data.splits["test"].names) == ["3", "4"]


def test_a_json_too_large_for_the_memory_is_refused_before_it_is_read(folder, monkeypatch):
    images = [{"id": i, "file_name": f"images/{i}.png"} for i in range(10)]
    told = {"images": images, "annotations": [{"id": i, "image_id": i, "caption": "One dog runs"} for i in range(10)]}
    (folder / "captions.json").write_text(json.dumps(told))
    assert captions(str(folder / "captions.json")).target.words == ("dog", "one", "runs")
    monkeypatch.setattr("deepen.sources._pictures_at.memory", lambda: 1000)
    assert "more memory than this machine has" in refused(folder / "captions.json")
