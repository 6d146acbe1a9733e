"""Pictures with boxes round things, in the VOC form and in the COCO form."""
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from deepen.core.data import Data
from deepen.core.kinds import Boxes, Image
from deepen.core.picture import place as placed_at
from deepen.core.recipe import Fraction
from deepen.core.words import Problem, say
from deepen.sources import _boxed
from deepen.sources._boxes import Box, Boxed
from deepen.sources._decoded import opened
from deepen.sources._form import recognise
from deepen.sources._labelled import all_train, examples, held, part_of, usual
from deepen.sources._pictures import Sides, kind_of, memory, tell_bad, tell_deep
from deepen.sources._pictures_at import Pictures, composed
from deepen.sources._told import Told, settle

LONGEST = 320                   # pixels of the longer side when no size is asked
LEAST = 0.25                    # share of a box that is left where fit=crop cuts; of less, it is not counted
Fit = Literal["stretch", "crop", "pad-white", "pad-noise", "pad-edge"]


def voc(path: str,                                              # folder with Annotations (XML) and JPEGImages
        size: Sides | None = None,                              # pixels of a side, or height x width: 240x320 (none: by the pictures)
        colour: Literal["rgb", "grey", "hsv"] = "rgb",          # red green blue, one channel, or hue saturation value
        fit: Fit = "pad-edge",                                  # how a picture becomes one of another shape
        valid: Fraction = 0.1,                                  # share held out for validation, where no list is for it
        test: Fraction = 0.1,                                   # share held out for the test, where no list is for it
        group: str | None = None,                               # never parted: name, folder, or a pattern: (p[0-9]+)_
        on_bad: Literal["stop", "skip"] = "stop",               # what to do with what cannot be learned from
        seed: int = 0) -> Data:                                 # seed of the shares
    """Boxes in the VOC form: an XML file for each picture.

    Inputs uint8 (N, 3 or 1, height, width), targets of the kind `Boxes`. The lists in ImageSets/Main are kept, or folders
    named train, valid and test. A picture without objects is one that nothing is to be found in. Corners count from 1 and
    include their pixels, as VOC's do, unless one in the set is below 1.
    M. Everingham et al.: The Pascal Visual Object Classes Challenge (2010).
    """
    return _boxes("voc", path, size, colour, fit, valid, test, group, on_bad, seed)


def coco(path: str,                                             # folder with JSON files and pictures, or one JSON
         size: Sides | None = None,                             # pixels of a side, or height x width: 240x320 (none: by the pictures)
         colour: Literal["rgb", "grey", "hsv"] = "rgb",         # red green blue, one channel, or hue saturation value
         fit: Fit = "pad-edge",                                 # how a picture becomes one of another shape
         valid: Fraction = 0.1,                                 # share held out for validation, where no file is for it
         test: Fraction = 0.1,                                  # share held out for the test, where no file is for it
         group: str | None = None,                              # never parted: name, folder, or a pattern: (p[0-9]+)_
         on_bad: Literal["stop", "skip"] = "stop",              # what to do with what cannot be learned from
         seed: int = 0) -> Data:                                # seed of the shares
    """Boxes (or captions) in the COCO form: a JSON file with images, annotations and categories.

    Inputs uint8 (N, 3 or 1, height, width), targets of the kind `Boxes`; a JSON of captions gives what `captions` gives.
    Files named …train…, …val… and …test… are the splits. Crowds are kept and not counted.
    T. Lin et al.: Microsoft COCO: Common Objects in Context (2014).
    """
    if recognise(Path(path)).name == "captions":
        from deepen.sources.captions import captions
        return captions(path, size, colour, fit, valid=valid, test=test, group=group, on_bad=on_bad, seed=seed)
    return _boxes("coco", path, size, colour, fit, valid, test, group, on_bad, seed)


def _boxes(form: str, path: str, size: int | str | None, colour: str, fit: str, valid: float, test: float,
           group: str | None, on_bad: str, seed: int) -> Data:
    given = recognise(Path(path))
    if given.name != form:
        raise Problem("{path} is not in the form that {source} reads: {why}", path=path, source=form, why=given.why)
    root, told, said = _boxed.root_of(given.path), Told(), list[str]()
    pictures = Pictures(root)
    entries, classes, _ = _boxed.read(form, given.path, told)
    placed = _boxed.place(entries, pictures, told)
    split = _splits(form, root, entries, placed, told, said)                # picture -> split
    settle(told, on_bad, given.path, said)
    names = sorted(split)
    if not names:
        raise Problem("no picture of {path} is left to learn from", path=given.path)
    split_of, files = all_train([split[name] for name in names], said), [pictures.files[name] for name in names]
    wanted = held(split_of, valid, test, split_of.count("train"), seed)
    kind = kind_of(size if size is not None else usual(files, LONGEST), colour, fit)
    found = opened(files, kind, memory(), said, exact=True)
    sizes = {row: (wide, high) for row, (wide, high) in enumerate(found.sizes.tolist()) if row not in found.bad}
    tell_bad(found, names, on_bad, said)
    tell_deep(found, said)
    kept = _kept(entries, placed, {name: row for row, name in enumerate(names)}, sizes, told, found.bad, split)
    settle(told, on_bad, given.path, said)
    known = tuple(sorted({composed(box.name) for boxes in kept.values() for box in boxes}))
    if not known:
        raise Problem("no picture of {path} has a box; check that the right files were given", path=given.path)
    first = 1.0 if form == "voc" and min(min(box.x0, box.y0) for boxes in kept.values() for box in boxes) >= 1 else 0.0
    target = [_target(kept.get(row, ()), known, sizes.get(row, (1, 1)), kind, first) for row in range(len(names))]
    splits = examples(found, target, split_of, names, root, files, group, wanted, seed, said)
    _tell_classes(splits, known, classes, said)
    more = f", group={group!r}" if group else ""
    return Data(splits, found.kind, Boxes(known), said=tuple(said),
                origin=f"{form}(path={str(path)!r}, size={kind.height}x{kind.width}, colour={colour}, fit={fit}, valid={valid:g}, test={test:g}{more}, on_bad={on_bad}, seed={seed})")


def _splits(form: str, root: Path, entries: Sequence[Boxed], placed: dict[int, str], told: Told, said: list[str]) -> dict[str, str]:
    """Picture -> train, valid or test. A picture that two name is of the first."""
    if form == "voc":
        listed = _boxed.lists(root, {Path(one.file).stem for one in entries}, told)
        order = [(_boxed.LISTS[part] or "train", set(names)) for part, names in
                 sorted(listed.items(), key=lambda one: ("train", "val", "valid", "test", "trainval").index(one[0]))]
        rest = None if any(part == "train" for part, _ in order) else "train"
        split: dict[str, str] = {}
        for row, picture in placed.items():
            stem = Path(entries[row].file).stem
            mine = next((part for part, names in order if stem in names), rest) if order else part_of(picture) or "train"
            if mine:
                split.setdefault(picture, mine)
        left = len(set(placed.values()) - set(split))
        if left:
            said.append(say("{count} pictures are in no list of ImageSets/Main and are not used", count=left))
        return split
    told_of: dict[str, set[str]] = {}
    for row, picture in placed.items():
        told_of.setdefault(entries[row].file, set()).add(picture)
    split, taken = {}, dict[str, str]()
    for file in sorted(told_of, key=lambda file: (("train", "valid", "test").index(part_of(file) or "train"), len(file), file)):
        mine = part_of(file) or "train"
        if any(taken.get(picture) == mine for picture in told_of[file]):    # instances_… and instances_poly_…
            said.append(say("{file} tells of pictures that another file tells of too, and is not used", file=file))
            for row in [row for row in placed if entries[row].file == file]:
                del placed[row]
            continue
        twice = {picture for picture in told_of[file] if split.get(picture, mine) != mine}
        for row in [row for row, picture in placed.items() if entries[row].file == file and picture in twice]:
            del placed[row]
        if twice:
            said.append(say("{count} pictures of {file} are in a list of learning too and stay there", count=len(twice), file=file))
        for picture in told_of[file]:
            taken[picture] = mine
            split.setdefault(picture, mine)
    return split


def _kept(entries: Sequence[Boxed], placed: dict[int, str], rows: dict[str, int], sizes: dict[int, tuple[int, int]],
          told: Told, bad: dict[int, str], split: dict[str, str]) -> dict[int, list[Box]]:
    """Row -> the boxes that count. A picture that has boxes, of which none counts, would be learned as empty: it is left out."""
    kept: dict[int, list[Box]] = {}
    lost: set[int] = set()
    for number, picture in placed.items():
        row = rows.get(picture)
        if row is None or row in bad:
            continue
        good = _boxed.judge(entries[number], sizes[row], told)
        kept.setdefault(row, []).extend(good or ())
        if good is None or (entries[number].boxes and not good):
            lost.add(row)
    for row in lost:
        if not kept.get(row):
            bad[row] = say("none of its boxes can be used")
    return kept


def _target(boxes: Sequence[Box], names: tuple[str, ...], size: tuple[int, int], kind: Image, first: float) -> Tensor:
    """float32 (n, 6) in the pixels of the fitted picture. `first` is the number of the first pixel, 1 in VOC, where corners
    include their pixels."""
    if not boxes:
        return torch.zeros(0, 6)
    across, down, right, below = placed_at(size, (kind.width, kind.height), kind.fit)
    given = torch.tensor([[box.x0 - first, box.y0 - first, box.x1, box.y1] for box in boxes], dtype=torch.float64)
    given = torch.minimum(given.clamp(min=0), torch.tensor([*size, *size], dtype=torch.float64))
    moved = given * torch.tensor([across, down] * 2) + torch.tensor([right, below] * 2)
    inside = torch.minimum(moved.clamp(min=0), torch.tensor([kind.width, kind.height] * 2, dtype=torch.float64))
    area, left = ((one[:, 2] - one[:, 0]).clamp(min=0) * (one[:, 3] - one[:, 1]).clamp(min=0) for one in (moved, inside))
    more = torch.tensor([[names.index(composed(box.name)), float(box.crowd)] for box in boxes], dtype=torch.float64)
    more[:, 1] = torch.maximum(more[:, 1], (left < LEAST * area).double())
    return torch.cat([inside, more], 1)[left > 0].float()


def _tell_classes(splits, names: tuple[str, ...], asked: Sequence[str], said: list[str]) -> None:
    spare = [name for name in asked if composed(name) not in names]
    if spare:
        said.append(say("{count} categories have no box and are no classes here ({names})", count=len(spare), names=_some(spare)))
    seen = {name: {int(number) for boxes in split.target for number in boxes[:, 4]} for name, split in splits.items()}
    for split, numbers in seen.items():
        lacking = [name for number, name in enumerate(names) if number in numbers - seen["train"]]
        if lacking:
            said.append(say("no picture to learn from has {names}, which {split} has: it cannot be learned", names=_some(lacking), split=split))
    empty = sum(len(boxes) == 0 for boxes in splits["train"].target)
    if empty:
        said.append(say("{count} pictures to learn from have no box: they are learned as background", count=empty))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
