import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from deepen.core.kinds import Boxes, Image, from_card, to_card
from deepen.core.words import Problem
from deepen.engine.check import check
from deepen.engine.start import open_data, source_asked
from deepen.sources._labelled import usual
from deepen.sources.boxes import coco, voc

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


def picture(path, size=(100, 80), red=None, seed=0):
    """Dark noise with a red rectangle of whole pixels: left, top, right, bottom."""
    pixels = np.random.default_rng(seed).integers(0, 40, (size[1], size[0], 3)).astype(np.uint8)
    if red:
        pixels[red[1]:red[3], red[0]:red[2]] = (255, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(pixels).save(path)


def thing(box, name="ant", more=""):
    sides = "".join(f"<{side}>{value}</{side}>" for side, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{name}</name>{more}<bndbox>{sides}</bndbox></object>"


def entry(root, stem, *things, size=(100, 80), red=None, written=None):
    """A picture and its XML file."""
    picture(root / "JPEGImages" / f"{stem}.png", size, red, seed=sum(map(ord, stem)))
    path = root / "Annotations" / f"{stem}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    wide, high = written or size
    path.write_text(f"<annotation><filename>{stem}.png</filename><size><width>{wide}</width><height>{high}</height></size>{''.join(things)}</annotation>",
                    encoding="utf-8")


def many(root, count=10):
    for i in range(count):
        entry(root, f"im{i}", thing((11, 11, 50, 40)), thing((5, 5, 90, 70), "bee"))
    return root


def lists(root, **parts):
    (root / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
    for part, names in parts.items():
        (root / "ImageSets" / "Main" / f"{part}.txt").write_text("\n".join(names) + "\n")


def refused(source, path, **given):
    with pytest.raises(Problem) as caught:
        source(str(path), **given)
    return str(caught.value)


def named(split):
    return {Path(name).stem: boxes for name, boxes in zip(split.names, split.target, strict=True)}


def test_voc_is_opened_with_seeded_shares(tmp_path):
    data = voc(str(many(tmp_path)))
    assert data.inputs == Image(3, 80, 100, "pad-edge") and data.target == Boxes(("ant", "bee"))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 8, "valid": 1, "test": 1}
    for split in data.splits.values():
        for boxes in split.target:
            assert boxes.tolist() == [[10, 10, 50, 40, 0, 0], [4, 4, 90, 70, 1, 0]]         # from 1 and inclusive to from 0 and open
    assert from_card(to_card(data.target)) == data.target
    again = voc(str(tmp_path))
    assert again.splits["test"].names == data.splits["test"].names
    assert open_data(source_asked(str(tmp_path)))[0].target == data.target


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad-white", "pad-edge"])
@pytest.mark.parametrize("size", [(100, 80), (37, 91), (333, 77), (8, 9)])
def test_boxes_follow_the_pixels(tmp_path, fit, size):
    red = (size[0] // 3, size[1] // 4, size[0] // 3 + max(2, size[0] // 4), size[1] // 4 + max(2, size[1] // 3))
    for stem in "abc":
        entry(tmp_path, stem, thing((red[0] + 1, red[1] + 1, red[2], red[3])), size=size, red=red)
    data = voc(str(tmp_path), size="48x64", fit=fit, valid=0, test=0)
    seen, (left, top, right, bottom) = data.splits["train"].inputs[0], data.splits["train"].target[0][0, :4].tolist()
    drawn = (seen[0] > 128) & (seen[1] < 100)
    across, down = drawn.any(0).nonzero()[:, 0], drawn.any(1).nonzero()[:, 0]
    blur = max(1.0, 48 / size[1])
    for told, pixel in ((left, across[0]), (top, down[0]), (right, across[-1] + 1), (bottom, down[-1] + 1)):
        assert abs(told - float(pixel)) <= blur


def test_given_lists_are_kept_and_what_is_in_none_is_said(tmp_path):
    many(tmp_path)
    lists(tmp_path, train=["im0", "im1", "im2"], val=["im3", "im2"], test=["im4"], trainval=["im0", "im1", "im2", "im3"])
    data = voc(str(tmp_path))
    assert {name: sorted(named(split)) for name, split in data.splits.items()} == {"train": ["im0", "im1", "im2"], "valid": ["im3"], "test": ["im4"]}
    assert any("5 pictures are in no list" in one for one in data.said) and any("in two lists" in one for one in data.said)
    lists(tmp_path, train=["im0", "gone"])
    assert "has no XML file" in refused(voc, tmp_path) and "gone" in refused(voc, tmp_path)


def test_trainval_alone_is_learned_from(tmp_path):
    many(tmp_path)
    lists(tmp_path, trainval=[f"im{i}" for i in range(8)], test=["im8", "im9"])
    assert {name: len(split) for name, split in voc(str(tmp_path)).splits.items()} == {"train": 7, "valid": 1, "test": 2}


def test_pictures_without_objects_are_kept_and_difficult_ones_not_counted(tmp_path):
    many(tmp_path, 3)
    entry(tmp_path, "empty")
    entry(tmp_path, "hard", thing((11, 11, 50, 40), more="<difficult>1</difficult>"))
    data = voc(str(tmp_path), valid=0, test=0)
    boxes = named(data.splits["train"])
    assert boxes["empty"].shape == (0, 6) and boxes["hard"].tolist() == [[10, 10, 50, 40, 0, 1]]
    assert any("1 picture to learn from has no box: it is learned" in one for one in data.said)


@pytest.mark.parametrize("box, part, counted", [
    ((200, 10, 240, 40), "outside the picture", None), ((10, "x", 50, 40), "no four numbers", None),
    ((10, 10, 10, 40), "no area", 1), ((50, 40, 10, 10), "swapped", 1), ((91, 11, 140, 40), "reaches beyond", 2)])
def test_boxes_that_are_wrong_are_refused_or_left_out_as_check_says(tmp_path, box, part, counted):
    many(tmp_path, 4)
    entry(tmp_path, "odd", thing((11, 11, 50, 40)), thing(box))
    found = next(finding for finding in check(str(tmp_path)).findings if part in finding.cause)
    if counted is None:
        assert found.level == "error" and found.cause in refused(voc, tmp_path) and "on_bad=skip" in refused(voc, tmp_path)
    data = voc(str(tmp_path), valid=0, test=0, on_bad="stop" if counted else "skip")
    assert any(part in one and "odd.xml" in one for one in data.said)
    boxes = named(data.splits["train"])["odd"]
    assert len(boxes) == (counted or 1) and boxes[0].tolist() == [10, 10, 50, 40, 0, 0]
    assert (boxes[:, 2] <= 100).all() and (boxes[:, 2] > boxes[:, 0]).all()


def test_a_picture_whose_only_box_is_lost_is_no_background(tmp_path):
    many(tmp_path, 4)
    entry(tmp_path, "odd", thing((10, 10, 10, 40)))
    entry(tmp_path, "sized", thing((10, 10, 50, 40)), written=(1000, 800))
    assert "size written is not that of the picture" in refused(voc, tmp_path)
    data = voc(str(tmp_path), valid=0, test=0, on_bad="skip")
    assert sorted(named(data.splits["train"])) == ["im0", "im1", "im2", "im3"]


def test_what_check_calls_an_error_stops_and_names_it(tmp_path):
    many(tmp_path, 4)
    (tmp_path / "Annotations" / "cut.xml").write_text("<annotation><filename>im0.png</filename><object>")
    (tmp_path / "JPEGImages" / "im1.png").write_bytes(b"")
    errors = [finding for finding in check(str(tmp_path)).findings if finding.level == "error"]
    assert len(errors) == 2
    assert "cut.xml" in refused(voc, tmp_path)
    (tmp_path / "Annotations" / "cut.xml").unlink()
    assert "im1.png" in refused(voc, tmp_path)
    data = voc(str(tmp_path), on_bad="skip", valid=0, test=0)
    assert len(data.splits["train"]) == 3 and any("im1.png" in one for one in data.said)


def test_classes_only_in_validation_are_said(tmp_path):
    many(tmp_path, 4)
    entry(tmp_path, "rare", thing((11, 11, 50, 40), "wasp"))
    lists(tmp_path, train=["im0", "im1"], val=["im2", "rare"], test=["im3"])
    data = voc(str(tmp_path))
    assert data.target.names == ("ant", "bee", "wasp")
    assert any("wasp" in one and "cannot be learned" in one for one in data.said)


def test_one_enormous_picture_among_small_ones(tmp_path):
    many(tmp_path, 6)
    entry(tmp_path, "huge", thing((1001, 501, 2000, 1000)), size=(4000, 3000), red=(1000, 500, 2000, 1000))
    data = voc(str(tmp_path), valid=0, test=0)
    assert data.inputs.shape == (3, 80, 100)                                # of most of them
    seen = dict(zip([Path(name).stem for name in data.splits["train"].names], data.splits["train"].inputs, strict=True))["huge"]
    left, top, right, bottom = named(data.splits["train"])["huge"][0, :4].round().int().tolist()
    assert (seen[0, top + 1:bottom - 1, left + 1:right - 1] > 200).all() and (seen[0, :, :left - 1] < 100).all()


def test_groups_stay_together(tmp_path):
    for i in range(12):
        entry(tmp_path, f"p{i % 3}_{i}", thing((11, 11, 50, 40)))
    data = voc(str(tmp_path), group="name")
    groups = [{name.split("/")[-1].split("_")[0] for name in split.names} for split in data.splits.values()]
    assert sum(map(len, groups)) == 3 and len(set().union(*groups)) == 3


def json_set(root, file, pictures, categories=((7, "bee"), (3, "ant")), **more):
    """pictures: name -> [(category, bbox, crowd)]"""
    images, annotations = [], []
    for number, (name, boxes) in enumerate(pictures.items()):
        images.append({"id": number, "file_name": name, "width": 100, "height": 80})
        for category, bbox, crowd in boxes:
            annotations.append({"id": len(annotations), "image_id": number, "category_id": category, "bbox": bbox, "iscrowd": crowd})
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [{"id": k, "name": name} for k, name in categories]} | more))


def test_coco_files_are_splits_and_the_second_of_the_same_pictures_is_left(tmp_path):
    for part in ("train", "val"):
        for i in range(4):
            picture(tmp_path / f"{part}2017" / f"{part}{i}.png", seed=i + 10 * (part == "val"))
    boxes = [(7, [10, 10, 40, 30], 0), (3, [0, 0, 100, 80], 1)]
    json_set(tmp_path, "annotations/instances_train2017.json", {f"train{i}.png": boxes for i in range(3)} | {"train3.png": []}, ((7, "bee"), (3, "ant"), (9, "wasp")))
    json_set(tmp_path, "annotations/instances_val2017.json", {f"val{i}.png": boxes[:1] for i in range(4)})
    json_set(tmp_path, "annotations/instances_poly_train2017.json", {"train0.png": boxes[:1]})
    data = coco(str(tmp_path))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 4, "valid": 4} and data.target.names == ("ant", "bee")
    assert named(data.splits["train"])["train0"].tolist() == [[10, 10, 50, 40, 1, 0], [0, 0, 100, 80, 0, 1]]
    assert len(named(data.splits["train"])["train3"]) == 0
    told = "\n".join(data.said)
    assert "poly_train2017.json tells of pictures that another" in told and "wasp" in told and "validate uses the validation pictures" in told
    alone = coco(str(tmp_path / "annotations" / "instances_val2017.json"))
    assert {name: len(split) for name, split in alone.splits.items()} == {"train": 2, "valid": 1, "test": 1}


def test_coco_with_captions_is_captions(tmp_path):
    for i in range(10):
        picture(tmp_path / "images" / f"{i}.png", seed=i)
    told = {"images": [{"id": i, "file_name": f"{i}.png"} for i in range(10)], "annotations": [{"id": i, "image_id": i, "caption": "a red dog"} for i in range(10)]}
    (tmp_path / "captions.json").write_text(json.dumps(told))
    assert coco(str(tmp_path / "captions.json")).target.words == ("a", "dog", "red")


def test_what_has_another_form_is_refused(tmp_path):
    many(tmp_path, 3)
    assert "not in the form that coco reads" in refused(coco, tmp_path)


def real(folder):
    if not (DATA / folder).is_dir():
        pytest.skip(f"{DATA / folder} is not here")
    return str(DATA / folder)


def test_blood_cells():
    data = voc(real("detection-bccd"), size="120x160")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 205, "valid": 87, "test": 72}
    every = torch.cat([boxes for split in data.splits.values() for boxes in split.target])
    assert data.target.names == ("Platelets", "RBC", "WBC") and every[:, 4].long().bincount().tolist() == [361, 4153, 372]
    assert every[:, :4].min() == 0 and every[:, 2].max() == 160 and every[:, 3].max() == 120
    assert [one for one in data.said if "no area" in one and "00338" in one and "00343" in one]


def test_pedestrians_and_coco():
    data = coco(real("detection-pennfudan"))
    assert sum(len(boxes) for split in data.splits.values() for boxes in split.target) == 423 and sum(map(len, data.splits.values())) == 170
    data = coco(real("detection-coco128"))
    assert {name: (len(split), sum(map(len, split.target))) for name, split in data.splits.items()} == {"train": (128, 929), "valid": (128, 898)}


def test_nasty_voc():
    root = real("nasty/voc")
    assert "errors in" in refused(voc, root)
    data = voc(root, on_bad="skip", valid=0, test=0)
    boxes = torch.cat(data.splits["train"].target)
    assert "개미" in data.target.names and torch.isfinite(boxes).all() and (boxes[:, 2] > boxes[:, 0]).all() and (boxes[:, 3] > boxes[:, 1]).all()
    assert not any("SECRET" in one for one in (*data.target.names, *data.said))


@pytest.mark.parametrize("sizes, wanted", [([(100, 80)] * 3, "80x100"), ([(640, 480)] * 3, "240x320"), ([(640, 480), (480, 640), (500, 400)], "256x320"),
                                           ([(4000, 3000)] + [(90, 50)] * 3, "50x90"), ([(60, 40), (70, 50), (62, 41)], "48x64")])
def test_a_size_that_suits_the_pictures(tmp_path, sizes, wanted):
    for i, size in enumerate(sizes):
        Pillow.new("RGB", size).save(tmp_path / f"{i}.png")
    assert usual(sorted(tmp_path.glob("*.png")), 320) == wanted


def test_without_a_list_for_training_the_rest_is_learned_from(tmp_path):
    many(tmp_path)
    lists(tmp_path, test=["im3", "im4"])
    data = voc(str(tmp_path), valid=0)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 8, "test": 2}
    assert sorted(named(data.splits["test"])) == ["im3", "im4"]


def test_a_folder_named_like_a_json_and_one_too_large_are_told_in_a_sentence(tmp_path, monkeypatch):
    for i in range(4):
        picture(tmp_path / f"{i}.png", red=(10, 10, 40, 30), seed=i)
    told = {"images": [{"id": i, "file_name": f"{i}.png", "width": 100, "height": 80} for i in range(4)],
            "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [10, 10, 30, 20]} for i in range(4)],
            "categories": [{"id": 1, "name": "ant"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(told))
    assert coco(str(tmp_path)).target == Boxes(("ant",))
    (tmp_path / "old.json").mkdir()
    assert "old.json: it cannot be read" in refused(coco, tmp_path)
    (tmp_path / "old.json").rmdir()
    monkeypatch.setattr("deepen.sources._pictures_at.memory", lambda: 1000)
    assert "more memory than this machine has" in refused(coco, tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_among_the_pictures_is_not_waited_on(tmp_path):
    picture(tmp_path / "a.png", (48, 32))
    os.mkfifo(tmp_path / "b.png")
    told = []
    asking = threading.Thread(target=lambda: told.append(usual([tmp_path / "b.png", tmp_path / "a.png"], 64)), daemon=True)
    asking.start()
    asking.join(10)
    assert told == ["32x48"]


def test_a_lacking_picture_is_not_taken_from_another_split(tmp_path):
    for seed, name in enumerate(("train/0", "train/1", "test/2", "test/3")):
        picture(tmp_path / f"{name}.png", red=(10, 10, 40, 30), seed=seed)
    images = [{"id": i, "file_name": name, "width": 100, "height": 80} for i, name in enumerate(("train/0.png", "train/2.png", "photos/1.png"))]
    (tmp_path / "boxes.json").write_text(json.dumps({"images": images, "categories": [{"id": 1, "name": "ant"}], "annotations": [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [10, 10, 30, 20]} for i in range(3)]}))
    said = refused(coco, tmp_path / "boxes.json")
    assert "the picture it names does not exist" in said and "train/2.png" in said and "photos/1.png" not in said


def test_a_picture_in_two_lists_is_learned_once(tmp_path):
    for i in range(6):
        picture(tmp_path / "images" / f"p{i}.png", seed=i)
    box = [(7, [10, 10, 40, 30], 0)]
    json_set(tmp_path, "annotations/instances_train.json", {f"p{i}.png": box for i in range(4)})
    json_set(tmp_path, "annotations/instances_test.json", {f"p{i}.png": box for i in range(3, 6)})
    data = coco(str(tmp_path))
    where = {Path(name).stem: split for split, examples in data.splits.items() for name in examples.names}
    assert where["p3"] != "test" and where["p4"] == where["p5"] == "test"
    assert all(len(boxes) == 1 for examples in data.splits.values() for boxes in examples.target)
    assert any("1 picture of annotations/instances_test.json" in one for one in data.said)


def test_what_is_learned_from_without_a_train_is_said(tmp_path):
    for i in range(8):
        picture(tmp_path / "val2017" / f"v{i}.png", seed=i)
    json_set(tmp_path, "annotations/instances_val2017.json", {f"v{i}.png": [(7, [10, 10, 40, 30], 0)] for i in range(8)})
    data = coco(str(tmp_path))
    assert len(data.splits["train"]) and any("what is named valid is learned from" in one for one in data.said)
