"""Pictures with a mask each as people have them: which belong together, and what a mask's numbers mean. `check` and the
source read alike."""
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepen.core.kinds import open_picture
from deepen.core.things import VOID
from deepen.core.words import Problem, say
from deepen.sources._finding import Notes, Trouble
from deepen.sources._form_file import PICTURES
from deepen.sources._looked import whole
from deepen.sources._pictures_at import composed, leaves

LISTS = {"train": "train", "val": "valid", "valid": "valid", "test": "test", "trainval": "train"}
STRIP = 1 << 22             # pixels counted at once
Classes = dict[int, tuple[str, tuple[int, ...] | None]]         # number -> (name, colour)


@dataclass
class Seen:
    """One mask, decoded. `ids` is (height, width); `counts` how many pixels each id has."""
    size: tuple[int, int] = (0, 0)
    ids: np.ndarray | None = None
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    problems: list[tuple[str, str, str]] = field(default_factory=list)      # cause, mend, place


def classes(root: Path, notes: Notes) -> Classes:
    """classes.txt: `0 Sky 128 128 128`, or one name a line, numbered from 0."""
    file = next((root / name for name in ("classes.txt", "labels.txt", "label_colors.txt") if (root / name).is_file()), None)
    if file is None:
        return {}
    known: Classes = {}
    lines = [line.strip() for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    for line in (line for line in lines if line and not line.startswith("#")):
        parts = re.split(r"[\s,]+", line)
        numbered = bool(re.fullmatch("[0-9]{1,6}", parts[0])) and len(parts) > 1
        number = int(parts[0]) if numbered else len(known)
        rest = parts[1:] if numbered else parts
        colour = tuple(map(int, rest[-3:])) if len(rest) > 3 and all(re.fullmatch("[0-9]{1,3}", part) and int(part) < 256 for part in rest[-3:]) else None
        name = " ".join(rest[:-3] if colour else rest)
        if number in known:
            notes.add("error", say("a class number is used twice"), say("give each class a number of its own"),
                      file.name, say("class {name}", name=name))
        known[number] = (composed(name), colour)
    return known


def colours_of(names: Classes) -> dict[tuple[int, ...], int]:
    return {colour: number for number, (_, colour) in names.items() if colour is not None}


def pairs(root: Path, given: Mapping[str, Any], notes: Notes) -> Iterator[tuple[str, str, str]]:
    """(part, picture, mask) below the root, by its lists, else by the folders that are given; what has no partner is told."""
    listed, folders = False, [given.get(key, "").strip("/") for key in ("images", "masks")]
    for path in sorted(root.glob("*.txt")):
        if path.stem == "trainval" and (root / "train.txt").is_file():      # both its parts have lists of their own
            continue
        lines = [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        if not lines or any(len(line) != 2 or not line[1].lower().endswith(PICTURES) for line in lines[:20]):
            continue
        listed = True
        if any(folder and not name.startswith(f"{folder}/") for folder, name in zip(folders, lines[0], strict=True)):
            notes.add("warning", say("the list pairs other pictures and masks than images= and masks= name, and the list is followed"),
                      say("leave images= and masks= out, or remove the list"), path.name, " ".join(lines[0]))
        for number, line in enumerate(lines, 1):
            place = say("line {line}", line=number)
            if len(line) != 2 or leaves(line[0]) or leaves(line[1]):
                notes.add("error", say("the line is not a picture and its mask below this folder"),
                          say("write two names with a blank between"), path.name, place)
                continue
            lacking = [name for name in line if not os.path.isfile(root / name)]       # False too where a name is too long
            for name in lacking:
                notes.add("error", say("a picture or mask in the list does not exist"),
                          say("add it, or remove the line"), path.name, f"{place}, {name}")
            if not lacking:
                yield LISTS.get(path.stem, path.stem), line[0], line[1]
    if listed:
        return
    yield from _by_name(root, given, notes)


def _by_name(root: Path, given: Mapping[str, Any], notes: Notes) -> Iterator[tuple[str, str, str]]:
    def below(folder: str) -> dict[str, str]:
        if leaves(folder) or not (root / folder).is_dir():
            raise Problem("there is no folder {folder} in {path}; images= and masks= name folders inside it", folder=folder, path=root)
        paths = sorted(path for path in (root / folder).rglob("*") if path.suffix.lower() in PICTURES and not path.name.startswith("."))
        return {composed(path.relative_to(root / folder).with_suffix("").as_posix()): path.relative_to(root).as_posix() for path in paths}
    if len(given) == 1:
        raise Problem("give both images= and masks=: the folder of the pictures and that of their masks")
    if given:
        images, masks = below(given["images"]), below(given["masks"])
        masks = {_stem(name, images): file for name, file in masks.items()}
    else:
        every = below("")
        masks = {name.removesuffix("_mask"): file for name, file in every.items() if name.endswith("_mask")}
        images = {name: file for name, file in every.items() if not name.endswith("_mask")}
    for name, file in images.items():
        if name not in masks:
            notes.add("error", say("the picture has no mask"), say("draw one, or remove the picture"), composed(file))
        else:
            yield "train", file, masks[name]
    for name, file in masks.items():
        if name not in images:
            notes.add("warning", say("the mask belongs to no picture"), say("add the picture, or remove the mask"),
                      composed(file))


def _stem(name: str, images: dict[str, str]) -> str:
    return name if name in images else re.sub(r"[_-]?(mask|label|labels|gt|l)$", "", name, flags=re.IGNORECASE)


def look(mask: Path, picture: tuple[int, int], colours: dict[tuple[int, ...], int]) -> Seen:
    """Decode the mask of a picture of this (width, height), and judge it."""
    seen = Seen()
    try:
        raw = whole(mask)
        opened = open_picture(raw)
    except (Problem, OSError) as problem:
        seen.problems.append((str(problem).partition("; ")[0], say("save it again or remove it, or leave it out with --on-bad skip"), ""))
        return seen
    seen.size = opened.size
    if seen.size != picture:
        seen.problems.append((say("the mask is not as large as its picture"),
                              say("save the mask in the size of the picture, without smoothing"),
                              f"{seen.size[0]}×{seen.size[1]}, {picture[0]}×{picture[1]}"))
    try:
        seen.ids = _ids(opened, colours)
    except Trouble as trouble:
        seen.problems.append((trouble.finding.cause, trouble.finding.mend, trouble.finding.place))
        return seen
    seen.counts = _counts(seen.ids)
    kinds = np.count_nonzero(seen.counts)
    if raw[:2] == b"\xff\xd8" and kinds > 2:
        ordered = np.sort(seen.counts)[::-1]
        noise = 1 - ordered[:2].sum() / ordered.sum()
        seen.problems.append((say("the mask was saved as JPEG, which changes class numbers at the edges"),
                              say("save the original as PNG"),
                              say("{count} different numbers, {share:.0%} of the pixels neither of the two most frequent", count=int(kinds), share=noise)))
    return seen


def strange(seen: Seen, names: Classes) -> list[int]:
    """Numbers in a mask that the list of classes does not have."""
    return [int(number) for number in np.nonzero(seen.counts)[0] if names and number not in names and number != VOID]


def tell_strange(numbers: list[int], mask: str, notes: Notes) -> None:
    notes.add("error", say("the mask has class numbers that are not in the list of classes"),
              say("add them to classes.txt, or draw the mask again ({void} means: no class)", void=VOID), mask,
              say("numbers {numbers}", numbers=", ".join(map(str, numbers[:8]))))


def tell_twice(these: list[tuple[str, str, str]], notes: Notes) -> None:
    """Pictures that are in two lists."""
    owner: dict[str, str] = {}
    for part, picture, _ in these:
        if owner.setdefault(picture, part) != part:
            notes.add("warning", say("a picture is in two lists, so the test is too easy"), say("remove it from one"), picture,
                      say("{name}, also in {part}", name=part, part=owner[picture]))


def _ids(opened, colours: dict[tuple[int, ...], int]) -> np.ndarray:
    """The class number of each pixel (at most 65,535); colours are looked up among those of classes.txt."""
    pixels = np.asarray(opened)
    if pixels.ndim == 2:
        return pixels if pixels.dtype == np.uint8 else pixels.astype(np.int64).clip(0, 65_535).astype(np.uint16)
    red = pixels[..., 0]
    if pixels.shape[-1] < 3 or ((red == pixels[..., 1]).all() and (red == pixels[..., 2]).all() and len(np.unique(red)) > 2):
        return red
    packed = red.astype(np.int32) << 16 | pixels[..., 1].astype(np.int32) << 8 | pixels[..., 2]
    ids, left = np.zeros(red.shape, np.uint16), np.ones(red.shape, bool)
    for (r, g, b), number in colours.items():
        same = packed == (r << 16) + (g << 8) + b
        ids[same] = min(number, 65_535)
        left &= ~same
    unknown = np.unique(packed[left]).tolist()
    if unknown:
        shown = ", ".join(f"#{one:06x}" for one in unknown[:5])
        raise Trouble(say("the mask holds colours, not class numbers"),
                      say("save it as a grey PNG whose values are the class numbers, or list each class with its colour in classes.txt: 1 ant 255 0 0"),
                      place=say("colours {colours}", colours=shown + (", …" if len(unknown) > 5 else "")))
    return ids


def _counts(ids: np.ndarray) -> np.ndarray:
    """Pixels of each number, without a copy of all of them in 64 bits."""
    flat, total = ids.ravel(), np.zeros(int(ids.max(initial=0)) + 1, np.int64)
    for start in range(0, len(flat), STRIP):
        total += np.bincount(flat[start:start + STRIP], minlength=len(total))
    return total
