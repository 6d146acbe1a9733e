"""A folder of pictures without classes: any sizes and modes, shares that never part copies, and only for systems that make."""
import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from deepen.core.kinds import Image
from deepen.core.words import Problem
from deepen.engine.start import prepare, source_asked
from deepen.sources._form import recognise
from deepen.sources.pictures import pictures


def paint(path, count, first=0, size=(10, 8)):
    path.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Pillow.new("RGB", size, (number % 256, 9, 7)).save(path / f"{number:03d}.png")
    return path


def refused(path, **given):
    with pytest.raises(Problem) as caught:
        pictures(str(path), **{"size": 8} | given)
    return str(caught.value)


def test_shares_by_seed_and_no_target(tmp_path):
    data = pictures(str(paint(tmp_path, 20)), size=8)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 16, "valid": 2, "test": 2}
    assert data.inputs == Image(3, 8, 8, "crop") and data.target is None
    seen = {int(one[0, 0, 0]) for split in data.splits.values() for one in split.inputs}
    assert seen == set(range(20)) and all(split.target is None for split in data.splits.values())
    assert data.splits["train"].inputs[0, 0, 0, 0] == int(data.splits["train"].names[0][:3])
    x, y = next(data.batches("train", 4))
    assert x.shape == (4, 3, 8, 8) and x.dtype == torch.uint8 and y is None
    again, other = (pictures(str(tmp_path), size=8, seed=seed) for seed in (0, 1))
    assert torch.equal(again.splits["valid"].inputs, data.splits["valid"].inputs)
    assert other.splits["valid"].names != data.splits["valid"].names
    x, y = next(iter(data.stream("train", 4, 1, 0)))
    assert x.shape == (4, 3, 8, 8) and y is None


def test_cover_cuts_the_middle_and_contain_keeps_all(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200                                # the middle third
    Pillow.fromarray(wide).save(tmp_path / "wide.png")
    whole = {"valid": 0, "test": 0, "size": 12}
    cover = pictures(str(tmp_path), **whole).splits["train"].inputs[0]
    assert (cover[:, :, 1:-1] > 180).all()              # what lies beside it is cut off
    contain = pictures(str(tmp_path), fit="contain", **whole).splits["train"].inputs[0]
    assert (contain[:, :3] == 255).all() and (contain[:, -3:] == 255).all()
    assert (contain[:, 5:7, :2] < 20).all() and (contain[:, 5:7, 5:7] > 180).all()
    assert pictures(str(tmp_path), **whole | {"size": "6x18"}).inputs.shape == (3, 6, 18)


def test_modes_and_sizes_may_be_mixed(tmp_path):
    Pillow.new("L", (9, 30), 100).save(tmp_path / "grey.png")
    Pillow.new("RGBA", (40, 7), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    Pillow.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "dot.png")
    Pillow.new("CMYK", (20, 20)).save(tmp_path / "print.jpg")
    data = pictures(str(tmp_path), size=8, valid=0, test=0)
    assert data.splits["train"].inputs.shape == (4, 3, 8, 8)
    by = dict(zip(data.splits["train"].names, data.splits["train"].inputs, strict=True))
    assert (by["grey.png"] == 100).all() and (by["clear.png"] == 255).all() and by["dot.png"][:, 0, 0].tolist() == [1, 2, 3]
    assert pictures(str(tmp_path), size=8, colour="grey", valid=0, test=0).inputs.shape == (1, 8, 8)


def test_folders_inside_are_read_and_named_splits_are_kept(tmp_path):
    paint(tmp_path / "a" / "deep", 6)
    paint(tmp_path, 6, first=6)
    paint(tmp_path / ".hidden", 3, first=100)
    assert sum(map(len, pictures(str(tmp_path), size=8).splits.values())) == 12
    named = tmp_path / "named"
    paint(named / "train", 10)
    paint(named / "test", 3, first=50)
    data = pictures(str(named), size=8)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 9, "valid": 1, "test": 3}
    assert sorted(data.splits["test"].names) == ["test/050.png", "test/051.png", "test/052.png"]


def test_copies_and_groups_stay_in_one_split(tmp_path):
    dice = np.random.default_rng(0)
    for number in range(12):
        raw = Pillow.fromarray(dice.integers(0, 256, (40, 40, 3), dtype=np.uint8))
        raw.save(tmp_path / f"p{number:02d}_a.png")
        raw.save(tmp_path / f"p{number:02d}_b.png")
    for given in ({}, {"group": "name"}):
        data = pictures(str(tmp_path), size=8, valid=0.25, test=0.25, **given)
        homes = {}
        for name, split in data.splits.items():
            for file in split.names:
                homes.setdefault(file[:3], set()).add(name)
        assert len(homes) == 12 and all(len(home) == 1 for home in homes.values())
        assert "copies" in " ".join(data.said)


def test_too_few_none_and_damaged_ones_are_told(tmp_path):
    assert "is no folder" in refused(tmp_path / "nothing")
    assert "there is no picture" in refused(tmp_path)
    paint(tmp_path, 1)
    assert "too few" in refused(tmp_path) and "data.valid=0 data.test=0" in refused(tmp_path)
    assert len(pictures(str(tmp_path), size=8, valid=0, test=0).splits["train"]) == 1
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert "bad.png" in refused(tmp_path, valid=0, test=0)
    left = pictures(str(tmp_path), size=8, valid=0, test=0, on_bad="skip")
    assert len(left.splits["train"]) == 1 and "bad.png" in " ".join(left.said)
    (tmp_path / "000.png").write_bytes(b"")
    assert "can be read" in refused(tmp_path, valid=0, test=0, on_bad="skip")


def test_only_systems_that_make_pictures_read_a_flat_folder(tmp_path):
    flat = paint(tmp_path / "flat", 10)
    form = recognise(flat)
    assert (form.source, form.classless) == ("folder", "pictures")
    assert source_asked(str(flat))["source"] == "folder" and source_asked(str(flat), True)["source"] == "pictures"
    with pytest.raises(Problem, match="has no class folders"):
        prepare("classify", {"data": str(flat)})
    one = paint(tmp_path / "one" / "cats", 5).parent                    # a folder in a folder is no class either
    assert source_asked(str(one), True)["source"] == "pictures"
    two = paint(tmp_path / "two" / "cats", 5).parent
    paint(two / "dogs", 5, first=50)
    assert source_asked(str(two), True)["source"] == "folder"           # classes are used where they are
