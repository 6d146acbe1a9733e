"""The doctor of pictures names every file that would spoil what is learned, and says aloud how odd ones are read."""
import json
import os
import shutil
import tracemalloc
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen.core.words import speak
from deepen.engine.check import check

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


@pytest.fixture(autouse=True)
def memory(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path_factory.mktemp("cache")))


def scene(seed, size=(64, 48)):
    chance = np.random.default_rng(seed)
    layers = [Image.fromarray(chance.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(size, 3) for side in (3, 6, 12, 30)]
    return Image.blend(Image.blend(layers[0], layers[1], 0.5), Image.blend(layers[2], layers[3], 0.4), 0.35)


@pytest.fixture
def root(tmp_path):
    for at in range(24):
        place = tmp_path / "data" / ("ants", "bees")[at % 2]
        place.mkdir(parents=True, exist_ok=True)
        scene(at).save(place / f"{at}.png")
    return tmp_path / "data"


def told(found, level=None):
    return [str(finding) for finding in found.findings if level in (None, finding.level)]


def one(found, word, level):
    finding, = [finding for finding in found.findings if word in str(finding)]
    assert finding.level == level, finding
    return finding


def test_good_pictures_are_summed_up(root):
    found = check(str(root))
    assert found.findings == [] and found.may_train
    summary = json.loads(json.dumps(found.plain()))["summary"]
    assert summary["classes"] == {"ants": 12, "bees": 12} and summary["splits"] == {"train": 24}
    assert summary["sizes"] == {"smallest": [64, 48], "median": [64, 48], "largest": [64, 48]}
    assert summary["side_counts"] == {"64…127": 24} and summary["modes"] == {"RGB": 24} and summary["forms"] == {"PNG": 24}
    assert sum(summary["light_counts"]) == 24 and 90 < summary["light"] < 165
    assert summary["copies"] == {"exact": 0, "near": 0}
    assert {label: len(files) for label, files in summary["sheet"].items()} == {"ants": 8, "bees": 8}
    assert all((root / file).is_file() for files in summary["sheet"].values() for file in files)
    assert check(str(root)).summary["sheet"] == found.summary["sheet"]
    assert check(str(root), {"data.seed": "1"}).summary["sheet"] != found.summary["sheet"]


def test_every_damaged_picture_by_name_and_skipped_on_request(root):
    cut = (root / "ants" / "0.png").read_bytes()
    for at in range(30):
        (root / "ants" / f"cut{at}.png").write_bytes(cut[:len(cut) // 2 + at])
    found = check(str(root))
    errors = [finding for finding in found.findings if finding.level == "error"]
    assert {finding.file for finding in errors} == {f"ants/cut{at}.png" for at in range(30)}
    assert all("cut short" in finding.cause and finding.mend and finding.place == "class ants" for finding in errors)
    skipped = check(str(root), {"on_bad": "skip"})
    assert skipped.may_train and len(told(skipped, "warning")) == 30 and skipped.summary["readable"] == 24


def test_a_class_whose_pictures_are_all_damaged(root):
    for file in (root / "bees").iterdir():
        file.write_bytes(b"")
    found = check(str(root), {"on_bad": "skip"})
    assert not found.may_train and one(found, "none of its pictures", "error").place == "class bees"


def test_copies_in_two_classes_in_one_and_nearly(root):
    shutil.copy(root / "ants" / "0.png", root / "bees" / "copy.png")
    shutil.copy(root / "ants" / "2.png", root / "ants" / "copy.png")
    scene(4).resize((128, 96), 3).save(root / "ants" / "larger.jpg", quality=80)
    scene(6).resize((96, 72), 3).save(root / "bees" / "other.jpg", quality=80)
    found = check(str(root))
    assert "ants/0.png, bees/copy.png" in one(found, "the same picture is in more than one class: ants/0", "warning").cause
    assert "1 to spare (ants/2.png = ants/copy.png)" in one(found, "class: 1 to spare (ants/2", "note").cause
    assert "ants/4.png = ants/larger.jpg" in one(found, "nearly the same picture more than once", "note").cause
    assert "ants/6.png, bees/other.jpg" in one(found, "nearly the same picture is in more than one class", "warning").cause
    assert found.summary["copies"] == {"exact": 2, "near": 2} and found.may_train


def test_copies_in_two_splits(root, tmp_path):
    shutil.copytree(root, tmp_path / "split" / "train")
    for name in ("ants", "bees"):
        (tmp_path / "split" / "test" / name).mkdir(parents=True)
    shutil.copy(root / "ants" / "0.png", tmp_path / "split" / "test" / "ants" / "0.png")
    scene(1).resize((128, 96), 3).save(tmp_path / "split" / "test" / "bees" / "near.png")
    found = check(str(tmp_path / "split"))
    shared = one(found, "ants/0.png", "warning")
    assert "test/ants/0.png" in shared.cause and "train/ants/0.png" in shared.cause
    assert "too easy" in shared.mend and shared.place == "splits test, train"
    assert "near.png" in one(found, "nearly the same picture is in train and in another split", "warning").cause


def test_a_film_is_told_once(root):
    for at in range(60):
        frame = scene(1000, (80, 60)).crop((at // 15, at % 4, 70 + at // 15, 54))
        frame.save(root / ("ants", "bees")[at % 2] / f"frame{at:02}.png")
    found = check(str(root))
    assert "60 of 84 pictures" in one(found, "frames of a film", "note").cause
    assert not [line for line in told(found) if "nearly the same" in line]


def test_odd_pictures_are_told_with_how_they_are_read(root):
    scene(50).convert("CMYK").save(root / "ants" / "ink.jpg")
    scene(51).convert("P").save(root / "ants" / "palette.png")
    scene(52).convert("RGBA").save(root / "ants" / "clear.png")
    Image.fromarray(np.asarray(scene(53).convert("L")).astype(np.uint16) * 200).save(root / "ants" / "deep.png")
    Image.fromarray(np.asarray(scene(54).convert("L")).astype(np.float32) / 255).save(root / "ants" / "float.tiff")
    scene(55).save(root / "bees" / "film.gif", save_all=True, append_images=[scene(56), scene(57)])
    scene(58).save(root / "bees" / "mislabelled.jpg", "PNG")
    turned = Image.Exif()
    turned[0x0112] = 6
    scene(59).save(root / "bees" / "turned.jpg", exif=turned)
    scene(60).convert("L").save(root / "bees" / "grey.png")
    Image.new("RGB", (1, 1)).save(root / "bees" / "dot.png")
    scene(61, (3000, 2)).save(root / "bees" / "strip.png")
    Image.new("RGB", (64, 64), (9, 9, 9)).save(root / "bees" / "blank.png")
    found = check(str(root))
    assert found.may_train
    for word, file, level in (("CMYK", "ants/ink.jpg", "note"), ("see-through", "ants/clear.png", "note"),
                              ("so that 65535 is white", "ants/deep.png", "note"), ("so that 1 is white", "ants/float.tiff", "note"),
                              ("several pages", "bees/film.gif", "note"), ("named .jpg but is PNG", "bees/mislabelled.jpg", "note"),
                              ("turned upright", "bees/turned.jpg", "note"), ("grey among coloured", "bees/grey.png", "note"),
                              ("so small", "bees/dot.png", "warning"), ("a strip", "bees/strip.png", "warning"),
                              ("blank", "bees/blank.png", "warning")):
        assert file in str(one(found, word, level))
    assert "2 pictures" in one(found, "palette,", "note").cause
    assert found.summary["sizes"]["smallest"] == (1, 1)


def test_folders_and_names(root):
    (root / "wasps").mkdir()
    for litter in ("Thumbs.db", ".DS_Store", ".hidden.png"):
        (root / "ants" / litter).write_bytes(b"x")
    (root / "__MACOSX" / "ants").mkdir(parents=True)
    (root / "__MACOSX" / "ants" / "._0.png").write_bytes(b"x")
    (root / "ants" / "loop").symlink_to(root, target_is_directory=True)
    for at, form in enumerate(("NFC", "NFD")):
        place = root / unicodedata.normalize(form, "나비")
        place.mkdir()
        for number in range(6):
            scene(100 + at * 10 + number).save(place / f"{form}{number}.png")
    found = check(str(root))
    assert found.summary["classes"] == {"ants": 12, "bees": 12, "나비": 12} and found.may_train
    assert one(found, "no pictures and is no class", "warning").place == "class wasps"
    assert one(found, "read as one class", "note").file == "나비"
    assert "not followed" in one(found, "link loop", "note").cause
    assert not [line for line in told(found) if "Thumbs" in line or "DS_Store" in line or "MACOSX" in line or "hidden" in line]
    assert all((root / file).is_file() for files in found.summary["sheet"].values() for file in files)


def test_few_and_uneven(root):
    (root / "flies").mkdir()
    for at in range(2):
        scene(200 + at).save(root / "flies" / f"{at}.png")
    for at in range(30):
        scene(300 + at).save(root / "ants" / f"more{at}.png")
    found = check(str(root))
    assert one(found, "only 2 pictures", "warning").place == "class flies"
    assert "ants has 42, flies has 2" in one(found, "uneven", "note").cause


def test_the_second_check_speaks_the_language_of_who_asks(root):
    (root / "ants" / "empty.png").write_bytes(b"")
    assert "the file is empty" in told(check(str(root)), "error")[0]
    speak("ko")
    try:
        assert "비어" in told(check(str(root)), "error")[0]
    finally:
        speak("en")


def test_bombs_are_refused_in_little_memory():
    root = DATA / "nasty" / "image-bombs"
    if not root.is_dir():
        pytest.skip(f"{root} is not here")
    check(str(root))
    tracemalloc.start()
    found = check(str(root))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 50e6
    assert {finding.file for finding in found.findings if "million pixels" in finding.cause} == {
        "bomb_20000x20000_1bit.png", "header_lies_60000x60000.png"} and not found.may_train


def test_nasty_pictures_come_out_as_their_list_says():
    root = DATA / "nasty" / "image-folder"
    if not root.is_dir():
        pytest.skip(f"{root} is not here")
    found = check(str(root))
    assert {finding.file for finding in found.findings if finding.level == "error" and "." in finding.file} == {
        *(f"ants/{name}" for name in ("truncated_half.jpg", "truncated_half.png", "zero_byte.jpg", "zero_byte.png", "text_named.png",
                                      "html_named.jpg")), "bees/bad_crc.png"}
    text = "\n".join(told(found))
    for name in ("png_named.jpg", "cmyk.jpg", "gray16.png", "palette_alpha.png", "rgba_gradient.png", "gray_alpha.png", "one_bit.png",
                 "gray.jpg", "animated.gif", "animated.webp", "multipage.tiff", "float32.tiff", "exif_orientation_3.jpg",
                 "exif_orientation_6.jpg", "exif_orientation_8.jpg", "tiny_1x1.png", "strip_3000x2.png", "dup_of_bees_ok_0.jpg",
                 "empty_class", "나비"):
        assert name in text, name
    for name in ("Thumbs.db", ".DS_Store", ".gitkeep", "progressive_trailing_garbage.jpg: "):
        assert name not in text, name
    assert found.summary["pictures"] == 39 and found.summary["readable"] == 32
