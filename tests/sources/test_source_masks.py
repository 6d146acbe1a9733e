import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from deepen.core.kinds import Mask, from_card, to_card
from deepen.core.words import Problem
from deepen.engine.check import check
from deepen.engine.start import open_data, source_asked
from deepen.sources.masks import masks

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
COLOURS = {0: (0, 0, 0), 1: (255, 0, 0), 5: (0, 0, 255), 9: (9, 9, 9)}


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.asarray(pixels, np.uint8)).save(path)


def scene(seed, size=(40, 60)):
    """Ids 0, 1 (a block), 5 (a strip) and void (9), and a picture whose red is 20 × id."""
    dice = np.random.default_rng(seed)
    ids = np.zeros(size, np.uint8)
    top, left = dice.integers(5, 15, 2)
    ids[top:top + 15, left:left + 20] = 1
    ids[-8:] = 5
    ids[:2] = 9
    picture = dice.integers(0, 8, (*size, 3))
    picture[..., 0] += 20 * ids
    return picture, ids


@pytest.fixture
def folder(tmp_path):
    for i in range(10):
        picture, ids = scene(i)
        save(tmp_path / "images" / f"{i}.png", picture)
        save(tmp_path / "masks" / f"{i}.png", ids)
    (tmp_path / "classes.txt").write_text("0 ground 0 0 0\n1 ant 255 0 0\n5 bee 0 0 255\n9 Void 9 9 9\n")
    return tmp_path


def refused(path, **given):
    with pytest.raises(Problem) as caught:
        masks(str(path), **given)
    return str(caught.value)


def test_numbers_become_classes_and_void_is_not_counted(folder):
    data = masks(str(folder))
    assert data.target == Mask(("ground", "ant", "bee"), 40, 60, ((0, 0, 0), (255, 0, 0), (0, 0, 255))) and data.inputs.shape == (3, 40, 60)
    assert from_card(to_card(data.target)) == data.target
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 8, "valid": 1, "test": 1}
    for split in data.splits.values():
        assert split.target.dtype == torch.uint8 and split.target.shape[1:] == (40, 60)
        for name, seen, mask in zip(split.names, split.inputs, split.target, strict=True):
            ids = torch.from_numpy(scene(int(Path(name).stem))[1])
            assert torch.equal(mask, torch.tensor([0, 1, 255, 255, 255, 2, 255, 255, 255, 255], dtype=torch.uint8)[ids.long()])
            assert torch.equal(seen[0] // 20, ids)
    assert any("Void is not counted" in one for one in data.said)
    assert open_data(source_asked(str(folder)))[0].target == data.target


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad-white", "pad-edge"])
def test_masks_follow_their_pictures(folder, fit):
    for i in range(10):
        picture, ids = scene(i, (37, 80))
        save(folder / "images" / f"{i}.png", picture)
        save(folder / "masks" / f"{i}.png", ids)
    data = masks(str(folder), size="48x48", fit=fit, valid=0, test=0)
    red, mask = data.splits["train"].inputs[:, 0].int(), data.splits["train"].target
    assert set(mask.unique().tolist()) == {0, 1, 2, 255}
    near = torch.nn.functional.max_pool2d(mask[:, None].float(), 3, 1, 1)[:, 0] == -torch.nn.functional.max_pool2d(-mask[:, None].float(), 3, 1, 1)[:, 0]
    for number, low, high in ((0, 0, 12), (1, 16, 31), (2, 96, 112)):      # inside a class, away from edges, the picture has its red
        inside = red[near & (mask == number)]
        assert len(inside) and low <= inside.min() and inside.max() <= high


def test_lists_of_pairs_are_the_splits(folder):
    for part, rows in (("train", range(6)), ("val", range(5, 8)), ("test", range(8, 10))):
        (folder / f"{part}.txt").write_text("".join(f"images/{i}.png masks/{i}.png\n" for i in rows))
    (folder / "images").rename(folder / "pixels")
    for part in ("train", "val", "test"):
        (folder / f"{part}.txt").write_text((folder / f"{part}.txt").read_text().replace("images/", "pixels/"))
    data = masks(str(folder))
    assert {name: sorted(int(Path(one).stem) for one in split.names) for name, split in data.splits.items()} == {
        "train": [0, 1, 2, 3, 4, 5], "valid": [6, 7], "test": [8, 9]}
    assert any("in two lists" in one for one in data.said)


def test_lists_are_followed_and_other_folders_than_theirs_are_told(folder):
    (folder / "train.txt").write_text("".join(f"images/{i}.png masks/{i}.png\n" for i in range(10)))
    told = "the list pairs other pictures and masks than images= and masks= name, and the list is followed"
    assert not any(told in one for one in masks(str(folder), images="images/", masks="masks").said)
    (folder / "other").mkdir()
    data = masks(str(folder), images="images", masks="other")
    assert any(told in one for one in data.said) and sum(map(len, data.splits.values())) == 10
    assert any(one.cause == told for one in check(str(folder), {"images": "images", "masks": "other"}).findings)


def test_colours_are_read_by_classes_txt(folder):
    expected = masks(str(folder)).splits["train"].target
    for i in range(10):
        ids = scene(i)[1]
        pixels = np.zeros((*ids.shape, 3), np.uint8)
        for number, colour in COLOURS.items():
            pixels[ids == number] = colour
        save(folder / "masks" / f"{i}.png", pixels)
    assert torch.equal(masks(str(folder)).splits["train"].target, expected)


def test_without_classes_txt_the_numbers_are_the_classes(folder):
    (folder / "classes.txt").unlink()
    data = masks(str(folder), valid=0, test=0)
    assert data.target.names == ("0", "1", "5", "9") and set(data.splits["train"].target.unique().tolist()) == {0, 1, 2, 3}
    assert any("no classes.txt" in one for one in data.said)


@pytest.mark.parametrize("spoil, cause", [
    (lambda folder: save(folder / "masks" / "3.png", np.full((40, 60), 37)), "not in the list of classes"),
    (lambda folder: save(folder / "masks" / "3.png", scene(3)[1][::2, ::2]), "not as large"),
    (lambda folder: save(folder / "masks" / "3.png", np.full((40, 60, 3), (255, 255, 0))), "colours, not class numbers"),
    (lambda folder: (folder / "masks" / "3.png").write_bytes(b"\x89PNG"), "not a picture"),
    (lambda folder: (folder / "images" / "3.png").write_bytes(b""), "empty"),
    (lambda folder: (folder / "masks" / "3.png").unlink(), "no mask")])
def test_what_check_calls_an_error_stops_or_is_left_out(folder, spoil, cause):
    spoil(folder)
    assert any(cause in finding.cause and finding.level == "error" for finding in check(str(folder)).findings)
    assert cause in refused(folder) and "3.png" in refused(folder)
    data = masks(str(folder), on_bad="skip", valid=0, test=0)
    assert sorted(int(Path(name).stem) for name in data.splits["train"].names) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert any("3.png" in one for one in data.said)


def test_one_class_is_nothing_to_learn(folder):
    (folder / "classes.txt").unlink()
    for i in range(10):
        save(folder / "masks" / f"{i}.png", np.zeros((40, 60)))
    assert "only one class" in refused(folder)


def test_a_class_only_in_validation_is_said(folder):
    for i in range(10):
        save(folder / "masks" / f"{i}.png", np.where(scene(i)[1] == 5, 5 if i > 7 else 0, scene(i)[1]))
    (folder / "train.txt").write_text("".join(f"images/{i}.png masks/{i}.png\n" for i in range(8)))
    (folder / "val.txt").write_text("".join(f"images/{i}.png masks/{i}.png\n" for i in range(8, 10)))
    assert any("has bee, which valid has" in one for one in masks(str(folder)).said)


def test_one_enormous_picture_among_small_ones(folder):
    picture, ids = scene(3)
    save(folder / "images" / "3.png", picture.repeat(60, 0).repeat(60, 1))
    save(folder / "masks" / "3.png", ids.repeat(60, 0).repeat(60, 1))
    data = masks(str(folder), valid=0, test=0)
    assert data.inputs.shape == (3, 40, 60)
    mask = data.splits["train"].target[3]
    assert abs((mask == 1).sum() / (40 * 60) - (ids == 1).mean()) < 0.02


def test_camvid_and_the_nasty_ones():
    if not (DATA / "nasty").is_dir():
        pytest.skip(f"{DATA} is not here")
    data = masks(str(DATA / "segmentation-camvid"))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 367, "valid": 101, "test": 233}
    assert data.inputs.shape == (3, 180, 240) and len(data.target.names) == 11 and data.target.colours[0] == (128, 128, 128)
    first = np.asarray(Pillow.open(DATA / "segmentation-camvid" / "trainannot" / "0001TP_006690.png"))
    assert torch.equal(data.splits["train"].target[data.splits["train"].names.index("train/0001TP_006690.jpg")],
                       torch.from_numpy(np.where(first == 11, 255, first).astype(np.uint8)))
    assert "error in" in refused(DATA / "nasty" / "masks")
    assert "leave none" in refused(DATA / "nasty" / "masks", on_bad="skip", valid=0.9, test=0.9)


def test_trainval_beside_train_and_val_takes_nothing_from_validation(folder):
    pairs = [f"images/{i}.png masks/{i}.png\n" for i in range(10)]
    for part, rows in (("train", range(6)), ("val", range(6, 8)), ("test", range(8, 10)), ("trainval", range(8))):
        (folder / f"{part}.txt").write_text("".join(pairs[i] for i in rows))
    assert {name: len(split) for name, split in masks(str(folder)).splits.items()} == {"train": 6, "valid": 2, "test": 2}


def test_a_class_number_no_mask_can_hold_and_a_name_no_disk_can(folder):
    (folder / "classes.txt").write_text("0 ground 0 0 0\n1 ant 255 0 0\n5 bee 0 0 255\n9 Void 9 9 9\n700000 moth 0 255 0\n")
    data = masks(str(folder))
    assert data.target.names == ("ground", "ant", "bee") and any("class moth is not counted" in one for one in data.said)
    (folder / "train.txt").write_text(f"images/0.png masks/0.png\nimages/{'x' * 300}.png masks/1.png\n")
    assert "does not exist" in refused(folder)


@pytest.mark.parametrize("given, told", [({"images": "/etc", "masks": "masks"}, "no folder /etc"), ({"images": "../x", "masks": "masks"}, "no folder ../x"),
                                         ({"images": "images", "masks": "mask"}, "no folder mask in")])
def test_folders_are_below_the_data(folder, given, told):
    assert told in refused(folder, **given)
    assert masks(str(folder), images="images", masks="masks").target.names == ("ground", "ant", "bee")


def test_a_number_above_255_is_no_colour(folder):
    (folder / "classes.txt").write_text("0 ground 0 0 0\n1 ant 300 0 0\n5 bee 0 0 255\n9 Void 9 9 9\n")
    assert masks(str(folder)).target.colours == ()
