"""The given pack of nasty files: each line of its list has an answer that must come; a line without one fails."""
import csv
import os
import shutil
import sys
import unicodedata
from pathlib import Path

import pytest

from deepen.core.words import speak

sys.path.insert(0, str(Path(__file__).parent))
from bad_case import Case
from bad_files import MARKER
from bad_pictures import good_folder
from pack_judge import TINY, Told, ask, names, refused, right, safe

PACK = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data")) / "nasty"
TOLD = "error|warning"          # is reported, with its name

# file -> what must come (as in bad_case), and what in words; "good file" needs none
IMAGES = {
    "ants/truncated_half.jpg": "error", "ants/truncated_half.png": "error", "ants/zero_byte.jpg": "error", "ants/zero_byte.png": "error",
    "ants/png_named.jpg": "loads", "ants/text_named.png": "error", "ants/html_named.jpg": "error", "ants/cmyk.jpg": "loads", "ants/gray16.png": "loads",
    "ants/palette_alpha.png": "loads", "ants/rgba_gradient.png": "loads", "ants/gray_alpha.png": "loads", "ants/one_bit.png": "loads", "bees/gray.jpg": "loads",
    "bees/animated.gif": "loads", "bees/animated.webp": "loads", "bees/multipage.tiff": "loads", "bees/float32.tiff": "loads",
    "bees/exif_orientation_3.jpg": "loads", "bees/exif_orientation_6.jpg": "loads", "bees/exif_orientation_8.jpg": "loads",
    "bees/progressive_trailing_garbage.jpg": "loads", "bees/bad_crc.png": "error", "bees/tiny_1x1.png": "loads", "bees/strip_3000x2.png": "loads",
    "bees/Thumbs.db": "silent", "bees/.DS_Store": "silent", "bees/photo (1) 사본 😀.jpg": "loads", "bees/꿀벌사진_nfc.jpg": "loads",
    "bees/꿀벌그림_nfd.jpg": "loads", "bees/아주긴이름": "loads", "나비/only_one.jpg": TOLD, "empty_class/.gitkeep": TOLD,
    "ants/dup_of_bees_ok_0.jpg": TOLD}
CALLED = {"나비/only_one.jpg": "나비", "empty_class/.gitkeep": "empty_class", "masks/s5.png": "s5"}      # named otherwise
TABLES = {
    "cp949": "loads", "euckr": "loads", "utf8_bom": "loads", "utf16le_bom": "loads", "mixed_utf8_cp949": "error", "semicolon_decimal_comma": "loads", "tab": "loads",
    "ragged": "error", "quotes_newlines": "loads|error", "unclosed_quote": "error", "missing_values": "loads", "nan_inf": TOLD, "target_with_missing": TOLD,
    "one_class_target": TOLD, "constant_columns": TOLD, "zero_bytes": "error", "header_only": "error", "one_row": "error", "no_header": "loads",
    "duplicate_headers": "error", "cell_1M_chars": "loads|error", "wide_5000_columns": "loads", "leading_zeros_bigint": "loads|error", "thousands_percent_won": "loads",
    "cr_only_lines": "loads", "nul_bytes": "loads|error", "formula_cells": "loads", "html_cells": "loads", "id_column_leak": TOLD, "rare_classes": TOLD,
    "new_category_in_test_train": "loads", "new_category_in_test_test": "loads|error"}
BOXES = {
    "ok": "loads", "box_outside": TOLD, "zero_area": TOLD, "swapped_corners": TOLD, "missing_image": TOLD, "no_objects": "loads", "float_coords": "loads",
    "wrong_size": TOLD, "size_zero": "loads|warning", "empty_name": TOLD, "not_closed": "error", "euckr": "loads", "external_entity": TOLD,
    "entity_expansion": "loads|error|warning"}
MASKS = {"masks/s0.png": "loads", "masks/s1.png": TOLD, "masks/s2.png": TOLD, "masks/s3.png": "loads|error|warning|note", "masks/s4.jpg": TOLD, "masks/s5.png": TOLD,
         "classes.txt": "loads"}
TEXTS = {"empty": "error", "only_blanks": "error", "three_words": TOLD, "invalid_utf8": TOLD, "cp949": "loads", "nfd_korean": "loads", "one_line_1MB": "loads",
         "mixed_line_ends": "loads", "rtl_zero_width": "loads|error|warning"}
GAMES = {"ok_9x9": "loads|error", "truncated": TOLD, "occupied_point": TOLD, "size_25": TOLD, "no_moves": "loads|warning|note|error", "two_games": "loads|note|warning|error",
         "variations": "loads|error", "gb2312_names": "loads|error", "suicide_ko_pass": TOLD}
ARCHIVES = {"zip_slip.zip": "error", "symlink_and_slip.tar.gz": "error", "zip_200MB_of_zeros.zip": TOLD, "korean_names_cp949.zip": "loads|error"}


def lines() -> list[str]:
    if not (PACK / "MANIFEST.csv").is_file():
        return []
    with open(PACK / "MANIFEST.csv", encoding="utf-8", newline="") as file:
        return [unicodedata.normalize("NFC", row["file"]) for row in csv.DictReader(file)]


def expected(file: str) -> str:
    """What must come for a line; KeyError says that nobody has thought about it."""
    top, _, rest = file.partition("/")
    stem = Path(file).stem
    if top == "image-folder":
        return "loads" if Path(file).name.startswith("ok_") else IMAGES["bees/아주긴이름" if "아주긴이름" in file else rest]
    if top == "voc":
        return {"JPEGImages": "loads"}.get(rest.partition("/")[0]) or ("silent" if rest.endswith(".txt") else BOXES[stem])
    if top == "masks" or top == "captions":
        return "loads" if rest.startswith("images/") else MASKS[rest] if top == "masks" else TOLD
    return {"image-bombs": {stem: "error"}, "csv": TABLES, "coco": {"instances_bad": TOLD, "truncated": "error"}, "text": TEXTS,
            "models": {stem: "error"}, "archives": {stem: ARCHIVES.get(rest)}, "sgf": GAMES}[top][stem]


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    for name in ("DEEPEN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "given").mkdir()
    monkeypatch.chdir(tmp_path / "given")
    yield
    speak("en")


def need() -> None:
    if not PACK.is_dir():
        pytest.skip(f"the pack of nasty files is not at {PACK}")


_checked: dict[str, Told] = {}


def looked(path: Path) -> Told:
    """One look at a path, however many lines speak of it."""
    if str(path) not in _checked:
        told = ask("check", str(path), "--json")
        safe(told)
        _checked[str(path)] = told
    return _checked[str(path)]


def test_every_line_has_an_answer():
    need()
    assert len(lines()) >= 146
    missing = []
    for file in lines():
        try:
            assert expected(file)
        except (KeyError, AssertionError):
            missing.append(file)
    assert missing == []


@pytest.mark.parametrize("file", lines() or ["nothing"])
def test_line(file):
    need()
    top, _, rest = file.partition("/")
    want, path = expected(file), PACK / file
    if top in ("image-folder", "voc", "masks", "captions"):
        told, name = looked(PACK / top), CALLED.get(rest, Path(rest).name)
        errors = [one for one in told.findings if one["level"] == "error"]
        about = [one for one in told.findings if names(name, " ".join((one["file"], one["place"], one["cause"])))]
        if want in ("loads", "silent"):
            blamed = [one for one in errors if names(rest, one["file"]) and "has no mask" not in one["cause"]]
            assert not blamed and (want == "loads" or not about), about
        elif "loads" not in want:
            assert {one["level"] for one in about} & set(want.split("|")), f"{want} for {name}: {about}"
        return
    if top == "image-bombs":
        root = good_folder(Path.cwd() / "photos")
        shutil.copy(path, root / "ants" / path.name)
        path = root
    elif top == "coco":
        root = Path.cwd() / "coco"
        shutil.copytree(PACK / "voc" / "JPEGImages", root / "images")
        shutil.copy(path, root / path.name)
        path = root
    case = Case(file, lambda folder: path, want, "" if "loads" in want else Path(file).name)
    told = looked(path)
    right(case, told)
    if told.code:
        refused(case, told, ask("train", str(path), *TINY, "--out", "run"))
    assert not Path(MARKER).exists() and not (PACK / MARKER).exists()
    assert not list(PACK.rglob("*SLIP_OUTSIDE*")) and not list(Path.cwd().rglob("*SLIP_OUTSIDE*"))


def test_what_is_outside_is_not_read():
    """The secret beside the annotations is nobody's class."""
    need()
    told = looked(PACK / "voc")
    secret = (PACK / "voc/Annotations/external_entity_secret.txt").read_text().strip()
    assert secret and secret not in told.out + told.err


def test_the_pack_stays_as_it_is():
    need()
    before = {file: file.lstat().st_mtime_ns for file in PACK.rglob("*")}
    for folder in ("image-folder", "voc", "masks", "captions"):
        ask("check", str(PACK / folder), "--json")
    assert {file: file.lstat().st_mtime_ns for file in PACK.rglob("*")} == before
