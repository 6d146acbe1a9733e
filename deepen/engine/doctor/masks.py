"""Pictures with a mask each, whose pixels are class numbers: what is in them, and what would spoil what is learned."""
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepen.core.kinds import open_picture
from deepen.core.words import Problem, carried, say
from deepen.engine.doctor.checked import Checked, Notes, spread
from deepen.sources._finding import Trouble
from deepen.sources._form import Form
from deepen.sources._form_file import PICTURES
from deepen.sources._looked import whole
from deepen.sources._pictures_at import composed, leaves

VOID = 255          # the pixels nobody says anything about: left out of the score
LISTS = {"train": "train", "val": "valid", "valid": "valid", "test": "test", "trainval": "train"}


@dataclass
class _Seen:
    """One mask, decoded."""
    size: tuple[int, int] = (0, 0)
    picture: tuple[int, int] = (0, 0)
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))       # pixels of each id
    problems: list[tuple[str, str, str, bool]] = field(default_factory=list)        # cause, mend, place, is it the picture's?


def examine(form: Form, values: dict[str, Any], found: Checked) -> None:
    """Fill `found` with what pictures with masks hold and what is wrong in them."""
    root, notes = form.path, Notes(found, values.get("on_bad") == "skip")
    names = _classes(root, notes)
    pairs = list(_pairs(root, form.given, notes))
    owner: dict[str, str] = {}
    for part, picture, _ in pairs:
        if owner.setdefault(picture, part) != part:
            notes.add("warning", say("a picture is in two lists, so the test is too easy"), say("remove it from one"), picture,
                      say("{name}, also in {part}", name=part, part=owner[picture]))
    colours = {colour: number for number, (_, colour) in names.items() if colour is not None}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        looked = list(pool.map(carried(lambda pair: _look(root / pair[1], root / pair[2], colours)), pairs))
    total, blank = np.zeros(0, np.int64), []
    for (_, picture, mask), seen in zip(pairs, looked, strict=True):
        for cause, mend, place, of_picture in seen.problems:
            notes.add("error", cause, mend, picture if of_picture else mask, place)
        if seen.problems or not len(seen.counts):
            continue
        strange = [int(number) for number in np.nonzero(seen.counts)[0] if names and number not in names and number != VOID]
        if strange:
            notes.add("error", say("the mask has class numbers that are not in the list of classes"),
                      say("add them to classes.txt, or draw the mask again ({void} means: no class)", void=VOID), mask,
                      say("numbers {numbers}", numbers=", ".join(map(str, strange[:8]))))
        if np.count_nonzero(seen.counts) == 1 and seen.counts[0]:
            blank.append(mask)
        total = _sum(total, seen.counts)
    if blank and len(blank) < len(pairs):
        notes.add("note", say("{count} masks hold the background only ({names})", count=len(blank), names=_some(blank)))
    elif blank:
        notes.add("error", say("every mask holds the background only"), say("check that the right folder of masks was given"))
    if not names and len(total):
        notes.add("note", say("there is no classes.txt: the masks hold the numbers {numbers}",
                              numbers=_some([str(one) for one in np.nonzero(total)[0]])),
                  say("write one, a line a class: number, blank, name"))
    found.summary = _summary(pairs, looked, total, names)


def _classes(root: Path, notes: Notes) -> dict[int, tuple[str, tuple[int, ...] | None]]:
    """classes.txt: `0 Sky 128 128 128`, or one name a line, numbered from 0."""
    file = next((root / name for name in ("classes.txt", "labels.txt", "label_colors.txt") if (root / name).is_file()), None)
    if file is None:
        return {}
    known: dict[int, tuple[str, tuple[int, ...] | None]] = {}
    lines = [line.strip() for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    for line in (line for line in lines if line and not line.startswith("#")):
        parts = re.split(r"[\s,]+", line)
        numbered = bool(re.fullmatch("[0-9]{1,6}", parts[0])) and len(parts) > 1
        number = int(parts[0]) if numbered else len(known)
        rest = parts[1:] if numbered else parts
        colour = tuple(map(int, rest[-3:])) if len(rest) > 3 and all(re.fullmatch("[0-9]{1,3}", part) for part in rest[-3:]) else None
        name = " ".join(rest[:-3] if colour else rest)
        if number in known:
            notes.add("error", say("a class number is used twice"), say("give each class a number of its own"),
                      file.name, say("class {name}", name=name))
        known[number] = (composed(name), colour)
    return known


def _pairs(root: Path, given: Mapping[str, Any], notes: Notes) -> Iterator[tuple[str, str, str]]:
    """(part, picture, mask) below the root; what has no partner is told."""
    listed = False
    for path in sorted(root.glob("*.txt")):
        lines = [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        if not lines or any(len(line) != 2 or not line[1].lower().endswith(PICTURES) for line in lines[:20]):
            continue
        listed = True
        for number, line in enumerate(lines, 1):
            place = say("line {line}", line=number)
            if len(line) != 2 or leaves(line[0]) or leaves(line[1]):
                notes.add("error", say("the line is not a picture and its mask below this folder"),
                          say("write two names with a blank between"), path.name, place)
                continue
            lacking = [name for name in line if not (root / name).is_file()]
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
        paths = sorted(path for path in (root / folder).rglob("*") if path.suffix.lower() in PICTURES and not path.name.startswith("."))
        return {composed(path.relative_to(root / folder).with_suffix("").as_posix()): path.relative_to(root).as_posix() for path in paths}
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


def _look(picture: Path, mask: Path, colours: dict[tuple[int, ...], int]) -> _Seen:
    seen = _Seen()
    again = say("save it again or remove it, or leave it out with --on-bad skip")
    try:
        seen.picture = open_picture(whole(picture)).size
    except (Problem, OSError) as problem:
        seen.problems.append((str(problem).partition("; ")[0], again, "", True))
        return seen
    try:
        raw = whole(mask)
        opened = open_picture(raw)
    except (Problem, OSError) as problem:
        seen.problems.append((str(problem).partition("; ")[0], again, "", False))
        return seen
    seen.size = opened.size
    if seen.size != seen.picture:
        seen.problems.append((say("the mask is not as large as its picture"),
                              say("save the mask in the size of the picture, without smoothing"),
                              f"{seen.size[0]}×{seen.size[1]}, {seen.picture[0]}×{seen.picture[1]}", False))
    try:
        seen.counts = _ids(opened, colours)
    except Trouble as trouble:
        seen.problems.append((trouble.finding.cause, trouble.finding.mend, trouble.finding.place, False))
        return seen
    kinds = np.count_nonzero(seen.counts)
    if raw[:2] == b"\xff\xd8" and kinds > 2:
        ordered = np.sort(seen.counts)[::-1]
        noise = 1 - ordered[:2].sum() / ordered.sum()
        seen.problems.append((say("the mask was saved as JPEG, which changes class numbers at the edges"),
                              say("save the original as PNG"),
                              say("{count} different numbers, {share:.0%} of the pixels neither of the two most frequent", count=int(kinds), share=noise), False))
    return seen


def _ids(opened, colours: dict[tuple[int, ...], int]) -> np.ndarray:
    """Pixels of each class number; colours are looked up among those of classes.txt."""
    pixels = np.asarray(opened)
    if pixels.ndim == 2:
        values = pixels.astype(np.int64).clip(0, 65_535).ravel()
        return np.bincount(values, minlength=1)
    channels = pixels[..., :3].reshape(-1, pixels.shape[-1] if pixels.shape[-1] < 3 else 3).astype(np.int64)        # (pixels, 3 or 1)
    if channels.shape[1] < 3 or ((channels[:, 0] == channels[:, 1]).all() and (channels[:, 1] == channels[:, 2]).all() and len(np.unique(channels[:, 0])) > 2):
        return np.bincount(channels[:, 0], minlength=1)
    packed, counts = np.unique(channels @ np.array([1 << 16, 1 << 8, 1]), return_counts=True)
    known = {(red << 16) + (green << 8) + blue: number for (red, green, blue), number in colours.items()}
    strange = [int(one) for one in packed if int(one) not in known]
    if strange:
        shown = ", ".join(f"#{one:06x}" for one in strange[:5])
        raise Trouble(say("the mask holds colours, not class numbers"),
                      say("save it as a grey PNG whose values are the class numbers, or list each class with its colour in classes.txt: 1 ant 255 0 0"),
                      place=say("colours {colours}", colours=shown + (", …" if len(strange) > 5 else "")))
    told = np.zeros(max(known.values()) + 1, np.int64)
    for one, count in zip(packed.tolist(), counts.tolist(), strict=True):
        told[known[one]] += count
    return told


def _sum(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    total = np.zeros(max(len(first), len(second)), np.int64)
    total[:len(first)] += first
    total[:len(second)] += second
    return total


def _summary(pairs: list, looked: list[_Seen], total: np.ndarray, names: Mapping[int, tuple[str, Any]]) -> dict[str, Any]:
    good = [seen for seen in looked if seen.size != (0, 0)]
    whole = max(1, int(total.sum()))
    counts = {names[number][0] if number in names else "void" if number == VOID else str(number): int(total[number])
              for number in np.nonzero(total)[0].tolist()}
    counts = dict(sorted(counts.items(), key=lambda one: -one[1]))
    return {"pictures": len(pairs), "readable": len(good), "splits": dict(Counter(part for part, _, _ in pairs)),
            "pixel_counts": counts,
            "class_shares": {name: round(count / whole, 4) for name, count in counts.items()},
            "sizes": spread([seen.size for seen in good])}


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
