import json
import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from deepen.core.kinds import Image, from_card, to_card
from deepen.core.recipe import convert, fields_of
from deepen.core.words import Problem
from deepen.sources import _decoded
from deepen.sources import folder as source
from deepen.sources.folder import folder

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
photos = pytest.mark.skipif(not (DATA / "hymenoptera").is_dir(), reason="no hymenoptera in DEEPEN_DATA")
nasty = pytest.mark.skipif(not (DATA / "nasty").is_dir(), reason="no nasty files in DEEPEN_DATA")
NFC, NFD = unicodedata.normalize("NFC", "나비"), unicodedata.normalize("NFD", "나비")


def paint(path, count, first=0, form="png"):
    """`count` pictures, each of its own grey, numbered from `first`."""
    path.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Pillow.new("RGB", (10, 8), (number % 256, number // 256, 7)).save(path / f"{number:03d}.{form}")


def two_classes(root, count=20, first=0):
    paint(root / "cats", count, first)
    paint(root / "dogs", count, first + 100)
    return root


def colours(examples):
    return {tuple(picture[:, 0, 0].tolist()) for picture in examples.inputs}


def said(data):
    return "\n".join(data.said)


def refused(path, **given):
    with pytest.raises(Problem) as caught:
        folder(str(path), **{"size": 8} | given)
    return str(caught.value)


# layouts

def test_class_folders_are_split_by_seed(tmp_path):
    data = folder(str(two_classes(tmp_path)), size=8)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 32, "valid": 4, "test": 4}
    assert data.inputs == Image(3, 8, 8) and data.target.names == ("cats", "dogs")
    for split in data.splits.values():
        assert split.inputs.dtype == torch.uint8 and split.target.dtype == torch.int64
        assert split.target.bincount().tolist() == [len(split) // 2] * 2
        for picture, target, name in zip(split.inputs, split.target, split.names, strict=True):
            assert name == f"{('cats', 'dogs')[target]}/{picture[0, 0, 0]:03d}.png"
    train, valid, test = (colours(data.split(name)) for name in ("train", "valid", "test"))
    assert not (train & valid or train & test or valid & test) and len(train | valid | test) == 40
    assert said(data) == "no test folder was given: 10% of the pictures were held out for the test"
    assert data.origin == (f"folder(path={str(tmp_path)!r}, size=8, colour=rgb, fit=stretch, valid=0.1, test=0.1, "
                           "on_bad=stop, seed=0)")


def test_the_seed_decides_the_shares(tmp_path):
    root = str(two_classes(tmp_path))
    a, b, other = folder(root, size=8, seed=1), folder(root, size=8, seed=1), folder(root, size=8, seed=2)
    assert a.split("test").names == b.split("test").names != other.split("test").names
    assert torch.equal(a.split("train").inputs, b.split("train").inputs)


def test_no_shares_learn_from_everything(tmp_path):
    assert list(folder(str(two_classes(tmp_path)), size=8, valid=0, test=0).splits) == ["train"]


def test_a_given_split_is_kept(tmp_path):
    two_classes(tmp_path / "Train", 9)
    two_classes(tmp_path / "validation", 3, 300)
    two_classes(tmp_path / "test", 2, 600)
    data = folder(str(tmp_path), size=8)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 18, "valid": 6, "test": 4}
    assert all(name.startswith("validation/") for name in data.split("valid").names) and data.said == ()


def test_what_the_given_split_lacks(tmp_path):
    two_classes(tmp_path / "train", 20)
    assert {k: len(v) for k, v in folder(str(tmp_path), size=8).splits.items()} == {"train": 32, "valid": 4, "test": 4}
    two_classes(tmp_path / "test", 2)
    assert {k: len(v) for k, v in folder(str(tmp_path), size=8).splits.items()} == {"train": 36, "valid": 4, "test": 4}
    (tmp_path / "test").rename(tmp_path / "val")
    data = folder(str(tmp_path), size=8)
    assert {k: len(v) for k, v in data.splits.items()} == {"train": 40, "valid": 4}
    assert "there is no test folder: validate uses the validation pictures" in said(data)


def test_train_can_be_the_name_of_a_class(tmp_path):
    paint(tmp_path / "train", 5)
    paint(tmp_path / "bus", 5, 50)
    assert folder(str(tmp_path), size=8).target.names == ("bus", "train")


def test_pictures_deeper_inside_a_class_belong_to_it(tmp_path):
    two_classes(tmp_path)
    paint(tmp_path / "cats" / "black" / "old", 10, 50)
    assert len(folder(str(tmp_path), size=8, valid=0, test=0).split("train")) == 50


def test_grey_and_the_rule_of_fitting(tmp_path):
    Pillow.new("RGB", (40, 20), (200, 0, 0)).save(two_classes(tmp_path, 2) / "cats" / "wide.png")
    data = folder(str(tmp_path), size=8, colour="grey", fit="pad-white", valid=0, test=0)
    assert data.inputs == Image(1, 8, 8, "pad-white")
    wide = data.split("train").inputs[data.split("train").names.index("cats/wide.png")]
    assert wide.shape == (1, 8, 8) and wide[0, 0, 0] == 255 and wide[0, 4, 4] == 60


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    two_classes(tmp_path / "photos")
    assert len(folder("~/photos", size=8).split("train")) == 32


# names

def test_korean_names_in_both_spellings_are_one_class(tmp_path):
    for name, first in ((NFC, 0), (NFD, 50)):
        paint(tmp_path / name, 6, first)
    paint(tmp_path / "벌", 6, 100)
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system keeps one spelling")
    Pillow.new("RGB", (4, 4)).save(tmp_path / "벌" / unicodedata.normalize("NFD", "꿀벌 사진 😀.png"))
    data = folder(str(tmp_path), size=8, valid=0, test=0)
    assert data.target.names == (NFC, "벌")
    assert data.split("train").target.bincount().tolist() == [12, 7]
    assert all((tmp_path / name).is_file() for name in data.split("train").names)


# what is left out is told

def test_litter_and_hidden_things_are_passed_over(tmp_path):
    two_classes(tmp_path)
    paint(tmp_path / "__MACOSX" / "cats", 3)
    paint(tmp_path / ".git", 3)
    paint(tmp_path / "cats" / ".cache", 3)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._000.png"):
        (tmp_path / "cats" / name).write_bytes(b"x")
    data = folder(str(tmp_path), size=8, valid=0, test=0)
    assert len(data.split("train")) == 40 and data.said == ()


def test_other_files_are_counted(tmp_path):
    two_classes(tmp_path)
    for name in ("cats/notes.TXT", "dogs/more.txt", "labels.csv", "cats/README", "dogs/IMG_1.HEIC"):
        (tmp_path / name).write_text("x")
    text = said(folder(str(tmp_path), size=8, test=0))
    assert "5 files hold no picture and are left out: 2 .txt, " in text
    assert all(part in text for part in ("1 .csv", "1 without ending", "1 .heic", "save them as JPEG"))


def test_loose_pictures_and_empty_folders_are_told(tmp_path):
    two_classes(tmp_path)
    paint(tmp_path, 3, 200)
    (tmp_path / "birds").mkdir()
    text = said(folder(str(tmp_path), size=8))
    assert f"3 pictures lie in {tmp_path.name} outside every class folder and are not used" in text
    assert "folder birds has no pictures and is no class" in text


def test_a_folder_beside_train_and_a_test_without_classes_are_told(tmp_path):
    two_classes(tmp_path / "train")
    two_classes(tmp_path / "extra")
    (tmp_path / "test" / "cats").mkdir(parents=True)
    paint(tmp_path / "unknown", 4)
    data = folder(str(tmp_path), size=8)
    assert all(f"folder {name} beside train is not used" in said(data) for name in ("extra", "unknown"))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 32, "valid": 4, "test": 4}


def test_links_that_lead_back_are_not_followed(tmp_path):
    root = two_classes(tmp_path / "root")
    (root / "cats" / "up").symlink_to(root)
    (root / "cats" / "self").symlink_to(root / "cats")
    (root / "loop").symlink_to(root)
    (root / "dogs" / "far").symlink_to(tmp_path)
    data = folder(str(root), size=8, valid=0, test=0)
    assert data.target.names == ("cats", "dogs") and data.split("train").target.bincount().tolist() == [20, 20]
    for name in ("up", "self", "loop", "far"):
        assert f"link {name} leads back" in said(data)


def test_a_link_to_pictures_elsewhere_is_followed(tmp_path):
    paint(tmp_path / "store", 6)
    paint(tmp_path / "root" / "dogs", 6, 50)
    (tmp_path / "root" / "cats").symlink_to(tmp_path / "store")
    assert folder(str(tmp_path / "root"), size=8, valid=0, test=0).split("train").target.bincount().tolist() == [6, 6]


def test_a_class_without_a_picture_in_a_split_is_told(tmp_path):
    two_classes(tmp_path, 20)
    paint(tmp_path / "rare", 2, 240)
    assert "class rare has no picture in valid" in said(folder(str(tmp_path), size=8))


# what is refused

def test_paths_that_lead_nowhere(tmp_path):
    assert refused(tmp_path / "no").startswith(f"there is no folder {tmp_path / 'no'}; check the spelling")
    (tmp_path / "file").write_text("x")
    assert "is a file; give the folder that holds" in refused(tmp_path / "file")


def test_folders_without_classes(tmp_path):
    assert "is empty; put a folder of pictures for each class" in refused(tmp_path)
    paint(tmp_path, 3)
    text = refused(tmp_path)
    assert "has no class folders with pictures (3 files lie in it)" in text and "/train/cats/1.jpg" in text
    (tmp_path / "cats").mkdir()
    assert "has no class folders with pictures" in refused(tmp_path)


def test_what_is_packed_has_to_be_unpacked(tmp_path):
    (tmp_path / "pictures.zip").write_bytes(b"PK")
    assert "holds only what is packed (pictures.zip); unpack it" in refused(tmp_path)


def test_one_class_is_too_few(tmp_path):
    two_classes(tmp_path / "photos")
    assert "has only one class, photos" in refused(tmp_path) and "one level deeper" in refused(tmp_path)


def test_a_class_with_one_picture_is_named(tmp_path):
    paint(two_classes(tmp_path) / NFD, 1, 200)
    assert f"class {NFC} has only one picture" in refused(tmp_path)


def test_a_class_that_train_does_not_know_is_named(tmp_path):
    two_classes(tmp_path / "train")
    two_classes(tmp_path / "val")
    paint(tmp_path / "val" / "cat", 2)
    assert "class cat is in valid but not in train" in refused(tmp_path)


def test_a_split_without_train(tmp_path):
    two_classes(tmp_path / "val")
    two_classes(tmp_path / "test")
    assert "has test, val but no train folder" in refused(tmp_path)


def test_more_than_memory_and_disk_hold_is_refused_with_a_size_that_fits(tmp_path, monkeypatch):
    two_classes(tmp_path)
    monkeypatch.setattr(_decoded, "_free", lambda: 0)
    monkeypatch.setattr(source, "_memory", lambda: 2 * 40 * 3 * 20 * 20)
    text = refused(tmp_path, size=21)
    assert "40 pictures of 21×21" in text and "at most size=20" in text
    assert len(folder(str(tmp_path), size=20).split("train")) == 32


def test_this_machine_has_some_memory():
    assert 2**28 < source._memory() < 2**50


# what belongs together stays together

def patients(root, count=30, each=4):
    """`count` patients with `each` pictures, half of them in each class; the pictures of one differ."""
    for row in range(count * each):
        place = root / ("ill" if row // each % 2 else "well")
        place.mkdir(exist_ok=True, parents=True)
        Pillow.new("RGB", (10, 8), (row % 256, row // 256, 99)).save(place / f"patient{row // each}_{row}.png")
    return root


def of_patient(name):
    return name.split("/")[-1].split("_")[0]


@pytest.mark.parametrize("rule", ["name", "(patient[0-9]+)_"])
@pytest.mark.parametrize("seed", range(5))
def test_pictures_of_one_group_are_never_parted(tmp_path, rule, seed):
    data = folder(str(patients(tmp_path)), size=8, valid=0.2, test=0.2, group=rule, seed=seed)
    found = {name: {of_patient(one) for one in split.names} for name, split in data.splits.items()}
    assert sum(map(len, found.values())) == 30 and all(found.values())
    assert all(abs(len(data.split(name)) - 24) <= 4 for name in ("valid", "test"))
    assert f"30 groups by group={rule} are never parted (patient11, patient13, patient15, …); the largest has 4 pictures" in said(data)
    assert f"group={rule!r}, on_bad=stop, seed={seed})" in data.origin


def test_groups_by_the_folder_inside_a_class(tmp_path):
    for place in ("cats", "dogs"):
        for day in range(10):
            paint(tmp_path / place / f"day{day}", 3, 3 * day + (100 if place == "dogs" else 0))
    paint(tmp_path / "cats", 2, 250)
    data = folder(str(tmp_path), size=8, group="folder")
    found = {name: {one.split("/")[1] for one in split.names if one.count("/") > 1} for name, split in data.splits.items()}
    assert sum(map(len, found.values())) == 10                  # a day of cats is the same day of dogs
    assert "10 groups by group=folder" in said(data) and "says nothing about 2 pictures" in said(data)


def test_groups_that_cannot_be(tmp_path):
    patients(tmp_path)
    assert "group=(patient is no regular expression" in refused(tmp_path, group="(patient")
    assert "group=patient has no bracket" in refused(tmp_path, group="patient")
    assert "only 2 groups and 3 splits" in refused(tmp_path, group="(ill|well)")


def test_groups_across_given_splits_are_told_and_stay(tmp_path):
    patients(tmp_path / "train", 4)
    patients(tmp_path / "val", 6)
    shutil.move(tmp_path / "val/ill/patient1_4.png", tmp_path / "val/ill/patient1_104.png")
    data = folder(str(tmp_path), size=8, group="name")
    assert "4 groups are in more than one of the given splits" in said(data) and len(data.split("valid")) == 24


def photo(seed, size=(80, 64)):
    return Pillow.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)).resize(size, 3)


def test_copies_are_never_parted(tmp_path):
    for row in range(60):
        place = tmp_path / ("cats", "dogs")[row % 2]
        place.mkdir(exist_ok=True)
        photo(row).save(place / f"{row}.png")
        if row < 12:
            photo(row).save(place / f"{row}-small.jpg", quality=85)                 # nearly the same
            shutil.copy(place / f"{row}.png", place / f"{row}-copy.png")            # the same bytes
    for seed in range(10):
        data = folder(str(tmp_path), size=16, seed=seed, valid=0.15, test=0.15)
        where = {}
        for name, split in data.splits.items():
            for one in split.names:
                where.setdefault(Path(one).stem.split("-")[0], set()).add(name)
        assert len(where) == 60 and all(len(splits) == 1 for splits in where.values())
        assert "24 pictures are copies of others, or nearly" in said(data)
        assert sum(map(len, data.splits.values())) == 84 and 11 <= len(data.split("test")) <= 15


def test_a_series_of_one_camera_is_dealt_and_said(tmp_path):
    scene = photo(0)
    for row in range(80):
        place = tmp_path / ("open", "shut")[row % 2]
        place.mkdir(exist_ok=True)
        frame = scene.copy()
        frame.paste((row * 3, 255 - row, 0), (row % 70, row % 50, row % 70 + 6, row % 50 + 6))
        frame.save(place / f"{row}.png")
    data = folder(str(tmp_path), size=16)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 64, "valid": 8, "test": 8}
    assert "pictures look nearly alike" in said(data) and "with group=" in said(data)


def test_copies_across_given_splits_are_told_by_name_and_stay(tmp_path):
    two_classes(tmp_path / "train", 9)
    two_classes(tmp_path / "test", 3, 300)
    shutil.copy(tmp_path / "train/cats/002.png", tmp_path / "test/cats/again.png")
    data = folder(str(tmp_path), size=8)
    assert "1 picture is in more than one split" in said(data) and "train/cats/002.png = test/cats/again.png" in said(data)
    assert len(data.split("test")) == 7


def test_every_picture_is_valid_once_over_the_folds(tmp_path):
    patients(tmp_path)
    folds = [folder(str(tmp_path), size=8, group="name", folds=4, fold=fold) for fold in (1, 2, 3, 4)]
    names = [name for data in folds for name in data.split("valid").names]
    assert len(names) == len(set(names)) and len({data.split("test").names[0] for data in folds}) == 1
    assert set(names) | set(folds[0].split("test").names) == {f"{('well', 'ill')[row // 4 % 2]}/patient{row // 4}_{row}.png" for row in range(120)}
    for data in folds:
        assert not {of_patient(one) for one in data.split("valid").names} & {of_patient(one) for one in data.split("train").names}
        assert ", folds=4, fold=" in data.origin


def test_folds_deal_a_given_valid_too(tmp_path):
    two_classes(tmp_path / "train", 9)
    two_classes(tmp_path / "val", 3, 300)
    data = folder(str(tmp_path), size=8, folds=3)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 16, "valid": 8}
    assert "dealt into 3 folds together" in said(data) and "fold 4 of 3" in refused(tmp_path, folds=3, fold=4)


# sizes and colours

def test_other_shapes_and_colours(tmp_path):
    two_classes(tmp_path, 6)
    data = folder(str(tmp_path), size="12x20", colour="hsv", fit="pad-noise")
    assert data.inputs == Image(3, 12, 20, "pad-noise", "hsv") and data.split("train").inputs.shape[1:] == (3, 12, 20)
    assert "size=12x20, colour=hsv, fit=pad-noise" in data.origin


def test_the_setting_of_the_size():
    fields = fields_of(folder)
    assert [convert(fields["size"], given, "data.size") for given in ("64", 32, "48x96")] == [64, 32, "48x96"]
    for given in ("0", "48x", "x", "9999", "3x48x96", "48x0"):
        with pytest.raises(Problem, match=r"data\.size="):
            convert(fields["size"], given, "data.size")


def test_what_a_picture_is_in_training_it_is_in_use(tmp_path):
    for row in range(12):
        place = tmp_path / ("cats", "dogs")[row % 2]
        place.mkdir(exist_ok=True)
        photo(row, (50 + 7 * row, 40)).save(place / f"{row}.jpg")
    for fit in ("stretch", "crop", "pad-white", "pad-noise", "pad-edge"):
        data = folder(str(tmp_path), size=24, fit=fit)
        kind = from_card(json.loads(json.dumps(to_card(data.inputs))))
        for split in data.splits.values():
            for picture, name in zip(split.inputs, split.names, strict=True):
                assert torch.equal(picture, kind.read((tmp_path / name).read_bytes()))


def test_deep_pictures_have_one_white(tmp_path):
    for row, top in enumerate((100, 3000, 60000, 200) * 3):
        place = tmp_path / ("day", "night")[row % 2]
        place.mkdir(exist_ok=True)
        Pillow.fromarray(np.full((8, 8), top + row, np.uint16)).save(place / f"{top}-{row}.png")
    Pillow.new("L", (8, 8), 90).save(tmp_path / "day" / "plain.png")
    data = folder(str(tmp_path), size=8, colour="grey", valid=0.2, test=0.2)
    assert data.inputs.white == 65535 and "12 pictures have more than 8 bits a pixel: 65535 is read as white" in said(data)
    for split in data.splits.values():
        for picture, name in zip(split.inputs, split.names, strict=True):
            top = 90 * 65535 / 255 if "plain" in name else sum(map(int, Path(name).stem.split("-")))
            assert picture[0, 0, 0] == round(top * 255 / 65535), name
            assert torch.equal(picture, data.inputs.read((tmp_path / name).read_bytes()))
    again = folder(str(tmp_path), size=8, colour="grey", white=4095, valid=0, test=0)
    assert again.inputs.white == 4095 and again.split("train").inputs.max() == 255 and "white=4095" in again.origin


def test_a_form_that_is_rare_is_told(tmp_path):
    paint(two_classes(tmp_path, 120) / "cats", 1, 900, "gif")
    assert "cats/900.gif: the only pictures of the form .gif" in said(folder(str(tmp_path), size=8))


# pictures that cannot be read

@pytest.fixture
def broken(tmp_path):
    two_classes(tmp_path)
    whole = (tmp_path / "cats" / "000.png").read_bytes()
    (tmp_path / "cats" / "cut.png").write_bytes(whole[:-30])
    (tmp_path / "cats" / "empty.jpg").write_bytes(b"")
    (tmp_path / "dogs" / "page.jpg").write_text("<html>")
    (tmp_path / "dogs" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    return tmp_path


def test_pictures_that_cannot_be_read_stop_with_their_names(broken):
    text = refused(broken)
    assert text.startswith("4 of 44 pictures cannot be read (")
    for part in ("cats/cut.png: the picture is damaged", "cats/empty.jpg: the file is empty (0 bytes)",
                 "dogs/page.jpg: this is not a picture", "dogs/lost.png: No such file", "on_bad=skip"):
        assert part in text


def test_at_most_five_are_named(broken):
    for number in range(6):
        (broken / "cats" / f"zero{number}.png").write_bytes(b"")
    text = refused(broken)
    assert text.startswith("10 of 50 pictures cannot be read (") and text.count(": ") == 5 and "; …)" in text


def test_skipping_is_explicit_and_recorded(broken):
    data = folder(str(broken), size=8, valid=0, test=0, on_bad="skip")
    train = data.split("train")
    assert len(train) == 40 and train.target.bincount().tolist() == [20, 20]
    assert "4 of 44 pictures cannot be read and are left out" in said(data) and "cats/empty.jpg" in said(data)
    assert "on_bad=skip" in data.origin
    for picture, target, name in zip(train.inputs, train.target, train.names, strict=True):
        assert name == f"{('cats', 'dogs')[target]}/{picture[0, 0, 0]:03d}.png"


def test_a_class_of_which_nothing_can_be_read(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "birds").mkdir()
    for number in range(3):
        (tmp_path / "birds" / f"{number}.png").write_bytes(b"")
    assert "no picture of class birds that could be learned from can be read" in refused(tmp_path, on_bad="skip")


# real data

@photos
def test_ants_and_bees():
    data = folder(str(DATA / "hymenoptera"), size=32)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 245, "valid": 153}
    assert data.target.names == ("ants", "bees")
    assert data.split("train").target.bincount().tolist() == [124, 121]         # one is a GIF: "image not found"
    assert data.split("valid").target.bincount().tolist() == [70, 83]
    assert [name for name in data.split("train").names if name.endswith(".gif")] != []
    assert "there is no test folder" in said(data)
    assert "train/ants/imageNotFound.gif: the only pictures of the form .gif" in said(data)
    assert 90 < data.split("train").inputs.float().mean() < 150


@nasty
def test_a_nasty_folder(tmp_path):
    assert f"class {NFC} has only one picture" in refused(DATA / "nasty/image-folder")
    for name in ("ants", "bees"):
        shutil.copytree(DATA / "nasty/image-folder" / name, tmp_path / name)
    text = refused(tmp_path)
    assert text.startswith("7 of 38 pictures cannot be read (") and "ants/truncated_half.jpg: " in text
    data = folder(str(tmp_path), size=16, on_bad="skip", valid=0, test=0)
    assert data.split("train").target.bincount().tolist() == [12, 19]
    assert len([text for text in data.said if "no pictures" in text]) == 0      # Thumbs.db and .DS_Store: quietly
