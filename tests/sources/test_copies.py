"""Copies are found however they were changed, different pictures are not; what was seen once is not decoded again."""
import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageEnhance

from deepen.core.words import Problem, speak
from deepen.sources import _looked
from deepen.sources._copies import PRINT, alike, fingerprint, groups, joined, same
from deepen.sources._looked import look, record_of, stranger

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pictures.sqlite"


def scene(seed, size=(120, 90)):
    """Blots of many sizes: a picture with as many scales as a photo."""
    chance = np.random.default_rng(seed)
    layers = [Image.fromarray(chance.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(size, 3) for side in (3, 6, 12, 40)]
    return Image.blend(Image.blend(layers[0], layers[1], 0.5), Image.blend(layers[2], layers[3], 0.4), 0.35)


def prints(pictures):
    return np.frombuffer(b"".join(map(fingerprint, pictures)), np.uint8).reshape(-1, PRINT)


def jpeg(picture, quality):
    raw = io.BytesIO()
    picture.save(raw, "JPEG", quality=quality)
    return Image.open(raw)


def test_groups_by_known_answers():
    assert same([b"a", b"b", b"a", b"", b"", b"b", b"c"]) == [[0, 2], [1, 5]]
    assert joined(9, [(5, 2), (7, 5), (1, 3), (8, 8)]) == [[1, 3], [2, 5, 7]]
    assert joined(3, []) == [] and alike(np.zeros((0, PRINT), np.uint8)) == []
    pictures = prints([scene(0), scene(1), scene(2)])
    assert groups([b"x", b"y", b"x"], pictures) == [[0, 2]]
    assert groups([b"x", b"y", b"z", b"x"], prints([scene(0), scene(1), scene(0), scene(3)])) == [[0, 2, 3]]


@pytest.mark.parametrize("change", [
    lambda picture: picture.resize((60, 45), 2), lambda picture: picture.resize((240, 180), 3), lambda picture: jpeg(picture, 30),
    lambda picture: ImageChops.offset(picture, 1, 0), lambda picture: picture.crop((1, 1, 120, 90)),
    lambda picture: ImageEnhance.Brightness(picture).enhance(0.7), lambda picture: ImageEnhance.Contrast(picture).enhance(1.2),
    lambda picture: picture.convert("L")], ids=["half", "double", "jpeg", "shifted", "cut", "darker", "contrast", "grey"])
def test_a_changed_picture_is_found_with_its_own_and_no_other(change):
    originals = [scene(seed) for seed in range(40)]
    found = alike(prints([*originals, *map(change, originals)]))
    assert found == [[row, row + 40] for row in range(40)]


def test_different_pictures_are_no_copies():
    assert alike(prints(scene(seed) for seed in range(300))) == []
    assert alike(prints(scene(0).transpose(turn) for turn in range(5))) == []


def test_pictures_that_say_nothing_are_alike_to_none():
    blank = [Image.new("RGB", (100, 100), (shade, shade, shade)) for shade in (0, 0, 128, 255)]
    small = [scene(0, (20, 20)), scene(0, (20, 20)), scene(1, (400, 2))]
    assert fingerprint(small[0]) == bytes(PRINT) and alike(prints([*blank, *small])) == []


def test_many_copies_of_one_picture_among_many():
    many = np.random.default_rng(0).integers(0, 256, (20_000, PRINT), dtype=np.uint8)
    many[100:5000:7] = many[3]
    began = time.perf_counter()
    assert alike(many) == [[3, *range(100, 5000, 7)]]
    assert time.perf_counter() - began < 20


def test_real_photos():
    files = sorted((DATA / "captions-flickr8k-1000" / "images").glob("*.jpg"))[:120]
    if not files:
        pytest.skip(f"{DATA} has no photos")
    originals = [Image.open(file).convert("RGB") for file in files]
    changed = [jpeg(ImageEnhance.Brightness(picture.resize((picture.width // 2, picture.height // 2), 2)).enhance(1.2), 50)
               for picture in originals]
    found = alike(prints([*originals, *changed]))
    assert sum([row, row + 120] in found for row in range(120)) >= 114 and len(found) <= 121


def test_the_same_pixels_stored_in_two_ways(tmp_path):
    scene(0).save(tmp_path / "a.png")
    scene(0).save(tmp_path / "b.bmp")
    scene(1).save(tmp_path / "c.png")
    looked = look(sorted(tmp_path.glob("?.*")))
    assert same(looked.pixels()) == [[0, 1]] and same(looked.keys) == []
    assert (looked.rows["width"] == 120).all() and looked.rows["format"].tolist() == [b"PNG", b"BMP", b"PNG"]


def test_what_was_seen_is_not_decoded_again(tmp_path, monkeypatch):
    for seed in range(5):
        scene(seed).save(tmp_path / f"{seed}.png")
    (tmp_path / "5.png").write_bytes(b"")
    files = sorted(tmp_path.glob("*.png"))
    first = look(files)
    monkeypatch.setattr(_looked, "record_of", lambda raw: pytest.fail("decoded again"))
    second = look(files)                                                    # young files: known by their bytes
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10**10)
    look(files)                                                             # now their places are remembered too
    monkeypatch.setattr(_looked, "_seen", lambda file, store: pytest.fail("read again"))
    third = look(files)
    for again in (second, third):
        assert (again.rows == first.rows).all() and again.keys == first.keys and again.problems == first.problems
    assert first.problem(5) == "the file is empty (0 bytes)" and not first.said


def test_a_changed_file_is_seen_anew(tmp_path, monkeypatch):
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 10**10)
    file = tmp_path / "a.bmp"
    scene(0).save(file)
    told = file.stat()
    before = look([file]).keys
    scene(1).save(file)                                                     # as long as before, and its time set back
    os.utime(file, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert file.stat().st_size == told.st_size
    after = look([file])
    assert after.keys != before and after.pixels() == [record_of(file.read_bytes())[:16]]


@pytest.mark.parametrize("damage", [lambda file: file.write_bytes(b"no database at all" * 1000),
                                    lambda file: file.write_bytes(file.read_bytes()[:3000] + b"\xff" * 20_000)])
def test_a_damaged_memory_is_built_again_with_a_note(tmp_path, memory, damage):
    for seed in range(30):
        scene(seed).save(tmp_path / f"{seed:02}.png")
    files = sorted(tmp_path.glob("*.png"))
    first = look(files)
    damage(memory)
    second = look(files)
    assert (second.rows == first.rows).all() and len(second.said) == 1 and "damaged" in second.said[0]
    assert look(files).said == []


def test_a_memory_that_cannot_be_written_is_done_without(tmp_path, memory):
    memory.parent.write_text("a file where the folder should be")
    scene(0).save(tmp_path / "a.png")
    looked = look([tmp_path / "a.png"])
    assert looked.rows["width"].tolist() == [120] and "cannot be remembered" in looked.said[0]


def test_a_problem_is_said_in_the_language_of_who_asks(tmp_path):
    (tmp_path / "a.png").write_bytes(b"<html>404</html>")
    assert look([tmp_path / "a.png"]).problem(0) == "this is a saved web page, not a picture"
    sentence, values = look([tmp_path / "a.png"]).problems[0]               # from the memory: a sentence to be said, not one said
    assert (sentence, values) == ("this is a saved web page, not a picture", {})
    speak("ko")
    try:
        assert "웹" in look([tmp_path / "a.png"]).problem(0)
    finally:
        speak("en")


@pytest.mark.parametrize("raw, word", [(b"<!DOCTYPE html><p>404", "web page"), (b"\x00\x00\x00\x18ftypheic\x00\x00", "HEIC"),
                                       (b"\x00\x00\x00\x18ftypisom\x00\x00", "film"), (b"%PDF-1.7", "document"),
                                       ("그림이 아님".encode(), "text"), (b"<svg xmlns='x'/>", "SVG"), (b"\x01\x02\xfe\xff" * 9, "begins with")])
def test_strangers_are_named(raw, word):
    assert word in str(stranger(raw))
    with pytest.raises(Problem, match=word):
        record_of(raw)


def test_a_picture_too_large_is_refused_before_it_is_decoded(tmp_path):
    raw = io.BytesIO()
    Image.new("1", (9000, 9000)).save(raw, "PNG")
    began = time.perf_counter()
    with pytest.raises(Problem, match="9000×9000"):
        record_of(raw.getvalue())
    assert time.perf_counter() - began < 1
