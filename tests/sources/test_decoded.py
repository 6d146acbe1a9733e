"""Pictures that are read from a file: the same as those in memory, kept only while they are true."""
import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from deepen.core.words import Problem
from deepen.sources import _decoded, _pictures, boxes
from deepen.sources import folder as source
from deepen.sources.boxes import voc
from deepen.sources.folder import folder


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_decoded, "MANY", 20)
    for number in range(40):
        path = tmp_path / "photos" / ("cats", "dogs")[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.random.default_rng(number).integers(0, 255, (12, 16, 3), dtype=np.uint8)).save(path)
    monkeypatch.setattr(_decoded, "place_of", lambda file: f"{file} {file.stat().st_mtime_ns} {file.stat().st_size}".encode())
    return tmp_path / "photos"


def small(monkeypatch, count=40):
    """A machine whose memory holds few of the pictures."""
    monkeypatch.setattr(source, "_memory", lambda: count * 3 * 8 * 8)


def never(*_, **__):
    raise AssertionError("decoded again")


def same(first, second):
    assert first.splits.keys() == second.splits.keys() and first.inputs == second.inputs
    for name, split in first.splits.items():
        other = second.splits[name]
        assert list(split.names) == list(other.names) and torch.equal(split.inputs, other.inputs) and torch.equal(split.target, other.target)


def kept():
    return sorted(path.suffix for path in _decoded._home().iterdir())


def mapped(split):
    """Are these the bytes of a file, not of the memory?"""
    start = split.inputs.data_ptr()
    lines = (line.split() for line in Path("/proc/self/maps").read_text().splitlines())
    return any(int(line[0].split("-")[0], 16) <= start < int(line[0].split("-")[1], 16) and line[-1].endswith((".u8", "(deleted)")) for line in lines)


def test_more_than_memory_holds_is_read_from_a_file(photos, monkeypatch):
    plain = folder(str(photos), size=8)
    for path in _decoded._home().iterdir():
        path.unlink()
    small(monkeypatch)
    data = folder(str(photos), size=8)
    same(plain, data)
    assert any("are read from a file" in one for one in data.said) and kept() == [".npz", ".u8"]
    if os.path.exists("/proc/self/maps"):
        assert mapped(data.splits["train"]) and not mapped(plain.splits["train"])
    data.splits["train"].inputs[0] = 7                                      # stays with this program
    same(plain, folder(str(photos), size=8))


def test_a_set_opens_again_without_decoding(photos, monkeypatch):
    first = folder(str(photos), size=8)
    assert kept() == [".npz", ".u8"]
    monkeypatch.setattr(_decoded, "decode", never)
    again = folder(str(photos), size=8)
    same(first, again)
    assert any("decoded before" in one for one in again.said)
    with pytest.raises(AssertionError, match="decoded again"):
        folder(str(photos), size=9)


@pytest.mark.parametrize("large", [False, True])
def test_other_shares_reorder_what_is_kept(photos, monkeypatch, large):
    monkeypatch.setattr(_decoded, "MANY", 1000)
    wanted = [folder(str(photos), size=8, seed=seed) for seed in range(3)]
    monkeypatch.setattr(_decoded, "MANY", 20)
    if large:
        small(monkeypatch)
    same(wanted[0], folder(str(photos), size=8, seed=0))
    monkeypatch.setattr(_decoded, "decode", never)
    held = folder(str(photos), size=8, seed=0)
    for seed in (1, 2, 0, 0):
        same(wanted[seed], folder(str(photos), size=8, seed=seed))
        assert kept() == [".npz", ".u8"]
    same(wanted[0], held)                                                   # what was open meanwhile is not touched


def test_a_changed_file_is_decoded_again(photos, monkeypatch):
    folder(str(photos), size=8)
    Pillow.new("RGB", (12, 16), "red").save(photos / "cats" / "00.png")
    again = folder(str(photos), size=8, test=0, valid=0)
    assert (again.splits["train"].inputs[list(again.splits["train"].names).index("cats/00.png")][0] == 255).all()


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(path.read_bytes()[:-50]), lambda path: path.write_bytes(b"no"), lambda path: path.unlink()])
@pytest.mark.parametrize("suffix", [".npz", ".u8"])
def test_what_is_damaged_is_decoded_again(photos, spoil, suffix):
    first = folder(str(photos), size=8)
    spoil(next(_decoded._home().glob(f"*{suffix}")))
    same(first, folder(str(photos), size=8))


def test_bad_pictures_are_remembered_as_bad(photos, monkeypatch):
    (photos / "cats" / "00.png").write_bytes(b"")
    first = folder(str(photos), size=8, on_bad="skip")
    monkeypatch.setattr(_decoded, "decode", never)
    again = folder(str(photos), size=8, on_bad="skip")
    same(first, again)
    assert [one for one in again.said if "00.png" in one] == [one for one in first.said if "00.png" in one] != []
    with pytest.raises(Problem, match=r"00\.png"):
        folder(str(photos), size=8)


def test_a_disk_without_room_is_refused_with_a_size_that_fits(photos, monkeypatch):
    small(monkeypatch)
    monkeypatch.setattr(_decoded.shutil, "disk_usage", lambda path: SimpleNamespace(free=_decoded.SPARE + 100))
    with pytest.raises(Problem, match="at most size=5, or name a folder"):
        folder(str(photos), size=8)
    folder(str(photos), size=5)                                             # in memory; not kept, and nothing is said
    assert not _decoded._home().exists()


def test_files_too_new_to_be_known_again_are_not_kept(photos, monkeypatch):
    monkeypatch.setattr(_decoded, "place_of", lambda file: b"")
    plain = folder(str(photos), size=8)
    small(monkeypatch)
    same(plain, folder(str(photos), size=8))
    assert kept() == []


def test_the_oldest_sets_go_first(photos, monkeypatch):
    monkeypatch.setattr(_decoded, "KEPT", 2 * 40 * 3 * 8 * 8 + 10)
    for size in (8, 7, 6):
        folder(str(photos), size=size)
        time.sleep(0.02)
    assert sorted(path.stat().st_size for path in _decoded._home().glob("*.u8")) == [40 * 3 * side * side for side in (6, 7)]
    assert len(list(_decoded._home().glob("*.npz"))) == 2


def test_boxes_keep_their_sizes(photos, monkeypatch):
    sheets = photos.parent / "boxes"
    for number in range(24):
        (sheets / "Annotations").mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(np.random.default_rng(number).integers(0, 255, (30, 40, 3), dtype=np.uint8)).save(sheets / f"{number}.png")
        (sheets / "Annotations" / f"{number}.xml").write_text(f"<annotation><filename>{number}.png</filename><object><name>ant</name><bndbox><xmin>5</xmin>"
                                                             "<ymin>5</ymin><xmax>20</xmax><ymax>21</ymax></bndbox></object></annotation>")
    first = voc(str(sheets), size=16)
    monkeypatch.setattr(_decoded, "decode", never)
    again = voc(str(sheets), size=16)
    for name, split in first.splits.items():
        assert torch.equal(split.inputs, again.splits[name].inputs) and all(torch.equal(a, b) for a, b in zip(split.target, again.splits[name].target, strict=True))
    monkeypatch.setattr(boxes, "memory", lambda: 1000)
    assert any("decoded before" in one for one in voc(str(sheets), size=16).said)


def test_reordering_in_place():
    for count in (1, 2, 7, 50):
        order = np.random.default_rng(count).permutation(count)
        pixels = np.arange(count * 3).reshape(count, 3)
        wanted = pixels[order].copy()
        _decoded._reorder(pixels, order)
        assert np.array_equal(pixels, wanted)


def test_decoding_is_told_where_to_put_its_pixels(photos):
    files = sorted(photos.rglob("*.png"))
    room = torch.zeros(len(files), 3, 4, 4, dtype=torch.uint8)
    found = _pictures.decode([path.read_bytes for path in files], _pictures.kind_of(4, "rgb", "stretch"), pixels=room)
    assert found.pixels is room and room.any() and found.sizes.tolist() == [[16, 12]] * len(files)
