"""Pairs of pictures and one style for many photos: any form and size, in their own proportion."""
import numpy as np
import pytest
import torch
from PIL import Image

from deepen.core.words import Problem
from deepen.engine.start import open_data
from deepen.sources._strokes import strokes
from deepen.sources.paintings import pair, photos


def save(path, size=(60, 40), mode="RGB", **how):
    draw = np.random.default_rng(0)
    Image.fromarray(draw.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)).convert(mode).save(path, **how)
    return path


def test_a_pair_needs_no_files():
    data = pair(size=64)
    assert data.inputs.shape == (3, 43, 64)                                 # china.jpg has 640×427
    content, target = data.split("train")[:]
    assert content.dtype == torch.uint8 and content.shape == (1, 3, 43, 64) and target is None
    assert data.split("style")[:][0].shape == (1, 3, 48, 64)
    assert "no painter's" in " ".join(data.said) and "test" not in data.splits


@pytest.mark.parametrize("name, mode", [("a.jpg", "CMYK"), ("b.png", "L"), ("c.png", "RGBA"), ("d.png", "P"), ("e.png", "1"), ("f.jpg", "RGB")])
def test_pictures_of_any_mode(tmp_path, name, mode):
    file = save(tmp_path / name, mode=mode)
    data = pair(file, file, 48, 2.0)
    assert data.inputs.shape == (3, 32, 48) and data.split("style")[:][0].shape == (1, 3, 64, 96)


def test_what_a_camera_turned_is_turned_back(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert pair(save(tmp_path / "a.jpg", exif=exif), size=60).inputs.shape == (3, 60, 40)


def test_transparent_is_white(tmp_path):
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert (pair(tmp_path / "a.png", size=32).split("train")[:][0] == 255).all()


def test_what_cannot_be_painted_is_told(tmp_path):
    with pytest.raises(Problem, match="its shorter side would be 1 at size=64; at least 16"):
        pair(save(tmp_path / "a.png", (200, 1)), size=64)
    with pytest.raises(Problem, match="cannot be read"):
        pair(tmp_path / "none.png")
    (tmp_path / "b.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(Problem):
        pair(style=tmp_path / "b.png")
    with pytest.raises(Problem, match="size=8 is not possible"):
        open_data({"source": "pair", "size": 8})


def test_paths_are_kept_whole(tmp_path, monkeypatch):
    save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    data, asked = open_data({"source": "pair", "content": "a.png", "size": 48})
    assert asked["content"] == str((tmp_path / "a.png").resolve()) and "a.png" in data.origin


def test_strokes_are_the_same_every_time_and_night_above_land():
    one = np.asarray(strokes(160, 120))
    assert one.shape == (120, 160, 3) and (one == np.asarray(strokes(160, 120))).all()
    sky, land = one[:60].reshape(-1, 3).mean(0), one[110:].reshape(-1, 3).mean(0)
    assert sky[2] > 1.3 * sky[0] and land[1] > land[0] and sky.sum() > land.sum()


def test_cuts_of_the_photos_that_come_along():
    data = photos(size=32, count=24, valid=0.25)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 18, "valid": 6, "style": 1}
    again = photos(size=32, count=24, valid=0.25)
    assert torch.equal(data.split("train")[:][0], again.split("train")[:][0])
    assert len(set(data.split("train").names) & set(data.split("valid").names)) == 0


def test_a_folder_of_photos_is_cut_to_squares(tmp_path):
    (tmp_path / "inside").mkdir()
    for k, size in enumerate([(60, 40), (40, 90), (33, 33), (100, 50)]):
        save(tmp_path / ("inside" if k % 2 else "") / f"{k}.png", size)
    data = photos(str(tmp_path), size=32, valid=0.25)
    assert data.split("train")[:][0].shape == (3, 3, 32, 32) and len(data.split("valid")) == 1
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    with pytest.raises(Problem, match=r"bad\.jpg"):
        photos(str(tmp_path), size=32)
    assert len(photos(str(tmp_path), size=32, valid=0.25, on_bad="skip").split("train")) == 3


def test_a_folder_without_photos_is_told(tmp_path):
    with pytest.raises(Problem, match="holds 0 pictures"):
        photos(str(tmp_path))
    with pytest.raises(Problem, match="there is no folder"):
        photos(str(tmp_path / "none"))
