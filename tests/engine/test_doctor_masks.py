"""Pictures with masks: what is wrong is named, what is usual is not blamed."""
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen.engine.check import check

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


def save(path, pixels, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **how)


def mask(*ids, size=(20, 30)):
    pixels = np.zeros(size, np.uint8)
    for row, number in enumerate(ids):
        pixels[2 * row + 2] = number
    return pixels


@pytest.fixture
def folder(tmp_path):
    for name in "ab":
        save(tmp_path / "images" / f"{name}.jpg", np.zeros((20, 30, 3)))
        save(tmp_path / "masks" / f"{name}.png", mask(1, 255))
    (tmp_path / "classes.txt").write_text("0 background\n1 ant\n")
    return tmp_path


def error(found):
    finding, = [finding for finding in found.findings if finding.level == "error"]
    assert finding.mend and not found.may_train
    return finding


def test_good_masks_with_void(folder):
    found = check(str(folder))
    assert found.findings == [] and found.source == "masks"
    assert found.summary["pixel_counts"] == {"background": 2 * 18 * 30, "ant": 60, "void": 60}
    assert found.summary["class_shares"]["ant"] == 0.05


@pytest.mark.parametrize("pixels, name, cause, place", [
    (mask(1, 37), "b.png", "not in the list of classes", "numbers 37"), (mask(1, size=(10, 15)), "b.png", "not as large", "15×10, 30×20"),
    (np.stack([mask(255)] * 3, -1) * np.array([1, 0, 0]), "b.png", "colours, not class numbers", "colours #000000, #ff0000")])
def test_masks_that_are_wrong(folder, pixels, name, cause, place):
    save(folder / "masks" / name, pixels)
    finding = error(check(str(folder)))
    assert finding.file == f"masks/{name}" and cause in finding.cause and finding.place == place


def test_a_mask_saved_as_jpeg(folder):
    (folder / "masks" / "b.png").unlink()
    save(folder / "masks" / "b.jpg", np.random.default_rng(0).integers(0, 2, (20, 30)) * 255, quality=60)
    finding = error(check(str(folder)))
    assert finding.file == "masks/b.jpg" and "JPEG" in finding.cause


def test_missing_partners_and_damage(folder):
    (folder / "masks" / "b.png").rename(folder / "masks" / "z.png")
    found = check(str(folder))
    assert error(found).file == "images/b.jpg" and "no mask" in error(found).cause
    assert any(finding.file == "masks/z.png" and finding.level == "warning" for finding in found.findings)
    (folder / "masks" / "z.png").rename(folder / "masks" / "b.png")
    (folder / "masks" / "b.png").write_bytes((folder / "masks" / "b.png").read_bytes()[:60])
    assert error(check(str(folder))).file == "masks/b.png"
    assert check(str(folder), {"on_bad": "skip"}).may_train


def test_colours_of_classes_txt_and_background_only(folder):
    (folder / "classes.txt").write_text("0 background 0 0 0\n1 ant 255 0 0\n")
    save(folder / "masks" / "b.png", np.stack([mask(255)] * 3, -1) * np.array([1, 0, 0]))
    save(folder / "masks" / "a.png", mask())
    found = check(str(folder))
    assert found.may_train and found.summary["pixel_counts"]["ant"] == 30
    assert any("background only" in finding.cause and "masks/a.png" in finding.cause for finding in found.findings)


def test_lists_of_pairs(folder):
    (folder / "train.txt").write_text("images/a.jpg masks/a.png\nimages/b.jpg masks/gone.png\n")
    (folder / "val.txt").write_text("images/a.jpg masks/a.png\n../x.jpg ../y.png\n")
    (folder / "masks").rename(folder / "annot")
    for name in ("train.txt", "val.txt"):
        (folder / name).write_text((folder / name).read_text().replace("masks/", "annot/"))
    (folder / "images").rename(folder / "pixels")
    for name in ("train.txt", "val.txt"):
        (folder / name).write_text((folder / name).read_text().replace("images/", "pixels/"))
    found = check(str(folder))
    assert {(finding.file, finding.place) for finding in found.findings if finding.level == "error"} == {
        ("train.txt", "line 2, annot/gone.png"), ("val.txt", "line 2")}
    assert any("in two lists" in finding.cause for finding in found.findings) and found.summary["splits"] == {"train": 1, "valid": 1}


def test_camvid_and_the_nasty_ones():
    if not (DATA / "nasty").is_dir():
        pytest.skip(f"{DATA} is not here")
    found = check(str(DATA / "segmentation-camvid"))
    assert found.findings == [] and found.summary["splits"] == {"test": 233, "train": 367, "valid": 101}
    assert 0.29 < found.summary["class_shares"]["Road"] < 0.30 and len(found.summary["class_shares"]) == 12
    found = check(str(DATA / "nasty" / "masks"))
    assert {finding.file for finding in found.findings} == {"images/s5.jpg", "masks/s1.png", "masks/s2.png", "masks/s3.png", "masks/s4.jpg"}
