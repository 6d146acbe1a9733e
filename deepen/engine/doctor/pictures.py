"""Folders of pictures: what is in them, and which pictures would spoil what is learned."""
import os
import random
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from deepen.core.words import Problem, say
from deepen.engine.doctor.checked import Checked, finding_of
from deepen.engine.doctor.copies import Picture, of_copies
from deepen.engine.doctor.odd import of_odd
from deepen.sources._decoded import check_room
from deepen.sources._finding import Finding, Level
from deepen.sources._form import Form
from deepen.sources._grouped import grouped
from deepen.sources._looked import Looked, look
from deepen.sources._pictures import kind_of, memory
from deepen.sources._split import shares
from deepen.sources.folder import _PICTURES, _check_classes, _scan, folder

FEW = 10                # pictures of a class that are hardly enough
UNEVEN = 20             # times the largest class may be larger than the smallest before it is worth a word
SHEET = 8               # pictures of a class on the contact sheet
LIGHTS = 16             # bars of the histogram of brightness


def examine(form: Form, values: dict[str, Any], found: Checked) -> None:
    """Fill `found` with what a folder of pictures holds and what is wrong in it; `values` are the settings of the
    source `folder`."""
    root = form.path
    said: list[str] = []
    values = {name: field.default for name, field in signature(folder).parameters.items()} | values
    level: Level = "warning" if values["on_bad"] == "skip" else "error"
    try:
        given = _scan(root, said)
    except Problem as problem:
        found.findings += [finding_of(problem, root.name), *_of_loose(root, level)]
        return
    classes = sorted({label for _, label in given["train"]})
    files = [(split, file, label) for split, pictures in given.items() for file, label in pictures]
    found.findings += _of_wishes(root, given, classes, files, values, said)
    found.findings += _of_folders(root, said)
    looked = look([file for _, file, _ in files])
    found.findings += [Finding("note", sentence) for sentence in looked.said]
    pictures = [Picture(split, label, _plain(file, root), row) for row, (split, file, label) in enumerate(files)]
    good = [picture for picture in pictures if picture.row not in looked.problems]
    found.findings += _of_damage(pictures, looked, level)
    found.findings += _of_counts(Counter(label for split, label, *_ in good if split == "train"), classes)
    if not good:
        return
    copies, told = of_copies(good, looked)
    found.findings += copies + of_odd(good, [file for _, file, _ in files], looked)
    sheet = _sheet(good, [file for _, file, _ in files], root, values["seed"])
    found.summary = {**_summary(good, looked, len(files)), "copies": told, "sheet": sheet}


def _of_wishes(root: Path, given: dict, classes: list[str], files: list[tuple[str, Path, str]], values: dict[str, Any],
               said: list[str]) -> list[Finding]:
    """What the settings ask for and this folder cannot give."""
    found = []

    def groups() -> None:
        if values["group"]:
            grouped(files, root, values["group"], said)

    fixed = {split for split in ("valid", "test") if given.get(split)}
    held = (0 if "valid" in fixed else values["valid"], 0 if fixed else values["test"])
    for ask in (lambda: _check_classes(root, given, tuple(classes)), groups,
                lambda: shares(None, len(files) if values["folds"] else len(given["train"]), *held, values["seed"], folds=values["folds"],
                               fold=values["fold"]),
                lambda: check_room(len(files), kind_of(values["size"], values["colour"], values["fit"]), memory())):
        try:
            ask()
        except Problem as problem:
            found.append(finding_of(problem, root.name))
    return found


def _of_folders(root: Path, said: list[str]) -> list[Finding]:
    """What the walk through the folders said; empty classes stand out; a class spelled in two ways is one."""
    spelled: dict[str, set[str]] = defaultdict(set)
    outer = _folders(root)
    for place in (*outer, *(inner for one in outer for inner in _folders(one))):
        spelled[_plain(place, root)].add(place.name)
    empty = {say("folder {name} has no pictures and is no class", name=name.rsplit("/", 1)[-1]): name for name in spelled}
    found = [Finding("warning", say("it has no pictures and is no class"), say("put pictures into it, or remove it"),
                     empty[sentence], say("class {name}", name=empty[sentence].rsplit("/", 1)[-1]))
             if sentence in empty else Finding("note", sentence) for sentence in said]
    return found + [Finding("note", say("two folders have this name, once composed (NFC) and once decomposed as macOS writes it "
                                        "(NFD); they are read as one class"), "", name)
                    for name, ways in spelled.items() if len(ways) > 1]


def _folders(place: Path) -> list[Path]:
    """The folders in a folder; none where it may not be opened, which the walk has said."""
    if not os.access(place, os.R_OK | os.X_OK):
        return []
    with os.scandir(place) as entries:          # unlike glob it asks the disk nothing about each of the files
        return [Path(entry.path) for entry in entries if _is_folder(entry)]


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:                             # links in a ring
        return False


def _of_loose(root: Path, level: Level) -> list[Finding]:
    """Pictures that lie beside each other without classes: those that cannot be read are told all the same."""
    files = sorted(file for file in root.glob("*") if file.suffix.lower() in _PICTURES and file.is_file())
    return _of_damage([Picture("train", "", _plain(file, root), row) for row, file in enumerate(files)], look(files), level)


def _of_damage(pictures: Sequence[Picture], looked: Looked, level: Level) -> list[Finding]:
    """Every picture that cannot be read, by name."""
    return [Finding(level, looked.problem(picture.row), _mend(looked.problems[picture.row][0]), picture.name,
                    say("class {name}", name=picture.label) if picture.label else "") for picture in pictures if picture.row in looked.problems]


def _mend(sentence: str) -> str:
    if "bytes)" in sentence or "cut short" in sentence or "web page" in sentence:
        return say("download or copy it again, or leave it out with --on-bad skip")
    if "million pixels" in sentence or "MB a picture" in sentence:
        return say("make it smaller, or leave it out with --on-bad skip")
    if "HEIC" in sentence or "SVG" in sentence:
        return say("save it as PNG or JPEG, or leave it out with --on-bad skip")
    return say("save it again or remove it, or leave it out with --on-bad skip")


def _of_counts(counts: Counter, classes: Iterable[str]) -> list[Finding]:
    found = []
    for label in classes:
        place = say("class {name}", name=label)
        if not counts[label]:
            found.append(Finding("error", say("none of its pictures can be read"), say("add some, or remove its folder"), label, place))
        elif counts[label] < FEW:
            found.append(Finding("warning", say("only {count} pictures can be learned from", count=counts[label]), say("add some"),
                                 label, place))
    if counts and max(counts.values()) > UNEVEN * min(counts.values()):
        most, least = counts.most_common()[0], counts.most_common()[-1]
        found.append(Finding("note", say("the classes are uneven: {most} has {many}, {least} has {few}", most=most[0],
                                         many=most[1], least=least[0], few=least[1]), say("judge by f1, not by accuracy")))
    return found


def _summary(good: Sequence[Picture], looked: Looked, count: int) -> dict[str, Any]:
    """Plain numbers, for a person and for JSON."""
    rows = looked.rows[[picture.row for picture in good]]
    splits: dict[str, Counter] = defaultdict(Counter)
    for picture in good:
        splits[picture.split][picture.label] += 1
    order = np.argsort(rows["width"].astype(np.int64) * rows["height"], kind="stable")
    sizes = [(int(rows["width"][row]), int(rows["height"][row])) for row in order[[0, len(order) // 2, -1]]]
    return {"pictures": count, "readable": len(good),
            "splits": {name: one.total() for name, one in splits.items()},
            "classes": dict(sorted(splits["train"].items())),
            "sizes": dict(zip(("smallest", "median", "largest"), sizes, strict=True)),
            "side_counts": _sides(rows), "light_counts": np.bincount(rows["light"] // (256 // LIGHTS), minlength=LIGHTS).tolist(),
            "light": round(float(rows["light"].mean()), 1), "modes": _counts(rows["mode"]), "forms": _counts(rows["format"])}


def _sides(rows: np.ndarray) -> dict[str, int]:
    """How many pictures have a longer side of 1, 2…3, 4…7, … pixels, without the empty ends."""
    octave = np.log2(np.maximum(rows["width"], rows["height"])).astype(int)
    counts = np.bincount(octave)
    return {f"{2 ** at}…{2 ** (at + 1) - 1}": int(counts[at]) for at in range(int(octave.min()), len(counts))}


def _counts(values: np.ndarray) -> dict[str, int]:
    names, counts = np.unique(values, return_counts=True)
    return {names[at].decode(): int(counts[at]) for at in np.argsort(-counts, kind="stable")}


def _sheet(good: Sequence[Picture], files: Sequence[Path], root: Path, seed: int) -> dict[str, list[str]]:
    """Pictures of each class that show what it holds, by the seed: paths inside the folder, spelled as on the disk."""
    classes: dict[str, list[int]] = defaultdict(list)
    for picture in good:
        classes[picture.label].append(picture.row)
    chance = random.Random(seed)
    return {label: [files[row].relative_to(root).as_posix() for row in sorted(chance.sample(rows, min(SHEET, len(rows))))]
            for label, rows in sorted(classes.items())}


def _plain(file: Path, root: Path) -> str:
    """The path inside the root, composed (NFC); cut as text, because pathlib takes longer than the look into the cache."""
    inside = str(file)[len(str(root)):].lstrip("/\\") if root.parts else str(file)
    return unicodedata.normalize("NFC", inside.replace(os.sep, "/"))
