"""Boxes round things (VOC, COCO): what is in them, and which would spoil what is learned."""
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepen.core.words import say
from deepen.engine.doctor.checked import Checked, Notes, middle, spread
from deepen.sources._boxes import Box, Boxed, read_coco, read_voc
from deepen.sources._finding import Trouble
from deepen.sources._form import Form
from deepen.sources._looked import whole
from deepen.sources._pictures_at import Pictures, composed, leaves, sizes

SHARES = (0.05, 0.1, 0.2, 0.4)          # of the picture's side, up to which boxes are counted together
LISTS = {"train": "train", "val": "valid", "valid": "valid", "trainval": "", "test": "test"}


def examine(form: Form, values: dict[str, Any], found: Checked) -> None:
    """Fill `found` with what a set of boxes in the VOC or COCO form holds and what is wrong in it."""
    root = form.path
    if root.is_file():
        root = root.parent.parent if root.parent.name.lower() in ("annotations", "annotation") else root.parent
    notes = Notes(found, values.get("on_bad") == "skip")
    pictures = Pictures(root)
    read = _voc if form.name == "voc" else _coco
    told, classes, more = read(form, root, notes)
    placed = _place(told, pictures, notes)
    known, broken = sizes(pictures, placed.values())
    for name, reason in broken.items():
        notes.add("error", reason, say("save it again or remove it, or leave it out with --on-bad skip"), name)
    good: list[tuple[Boxed, Box, tuple[int, int]]] = []
    for number, one in enumerate(told):
        size = known.get(placed.get(number, ""))
        _judge(one, size, notes)
        good += [(one, box, size or one.size or (0, 0)) for box in one.boxes if box.x1 > box.x0 and box.y1 > box.y0 and box.name.strip()]
    _names([box.name for _, box, _ in good], told, notes)
    _without(told, form, notes)
    if form.name == "voc":
        more["splits"] = _lists(root, {Path(one.file).stem for one in told}, notes)
        for name in sorted(set(pictures.files) - set(placed.values())) if told else ():
            notes.add("note", say("the picture has no XML file, so nothing is learned from it"), say("draw its boxes, or remove it"), name)
    counts = Counter(box.name for _, box, _ in good)
    found.summary = {"annotation_files": len({one.file for one in told}),
                     "pictures": len({placed.get(number, one.picture) for number, one in enumerate(told)}),
                     "readable": len(known),
                     "boxes": len(good), "classes": dict(sorted(((name, counts[name]) for name in {*classes, *counts}), key=lambda one: (-one[1], one[0]))),
                     "boxes_per_picture": middle([len(one.boxes) for one in told]),
                     "box_side_counts": _sizes(good), "sizes": spread(list(known.values())),
                     **{key: value for key, value in more.items() if value}}


def _voc(form: Form, root: Path, notes: Notes) -> tuple[list[Boxed], list[str], dict[str, Any]]:
    told = []
    for path in sorted(root.rglob("*.xml")):
        file = composed(path.relative_to(root).as_posix())
        try:
            told.append(read_voc(whole(path), file, notes.add))
        except Trouble as trouble:
            notes.problem(trouble)
        except OSError as error:
            notes.add("error", say("it cannot be read ({reason})", reason=error.strerror or error), say("check its rights"), file)
    return told, [], {}


def _coco(form: Form, root: Path, notes: Notes) -> tuple[list[Boxed], list[str], dict[str, Any]]:
    told: list[Boxed] = []
    classes: dict[str, None] = {}
    splits, polygons = {}, 0
    for path in [form.path] if form.path.is_file() else sorted(root.rglob("*.json")):
        file = composed(path.relative_to(root).as_posix())
        try:
            these, names, shapes = read_coco(whole(path), file, notes.add)
        except Trouble as trouble:
            notes.problem(trouble)
            continue
        told += these
        classes |= dict.fromkeys(names)
        splits[file] = len(these)
        polygons += shapes
    return told, list(classes), {"splits": splits, "polygons": polygons}


def _place(told: Sequence[Boxed], pictures: Pictures, notes: Notes) -> dict[int, str]:
    """Which picture each entry means: row -> path below the root."""
    placed: dict[int, str] = {}
    users: dict[tuple[str, str], list[str]] = defaultdict(list)
    for number, one in enumerate(told):
        where = " ".join(part for part in (one.place, one.picture) if part)
        if not one.picture:
            notes.add("error", say("an image has no file name"), say("write its file name"), one.file, one.place)
        elif leaves(one.picture):
            notes.add("error", say("the picture's name points out of the folder, where nothing is read"),
                      say("write its name below the folder"), one.file, where)
        elif found := pictures.find(one.picture, one.file):
            placed[number] = found
            users[found, "" if one.file.endswith(".xml") else one.file].append(one.file if one.file.endswith(".xml") else where)
        elif found := pictures.nearly(one.picture):
            placed[number] = found
            notes.add("warning", say("the picture's name is written with other capitals"),
                      say("write it alike: not every computer finds it"), one.file,
                      say("{name}, on the disk {found}", name=one.picture, found=found))
        else:
            notes.add("error", say("the picture it names does not exist"),
                      say("add the picture, or remove the entry"), one.file, where)
    files: dict[str, set[str]] = defaultdict(set)
    for number, picture in placed.items():
        files[picture].add(told[number].file)
    shared = sorted(set().union(*(those for those in files.values() if len(those) > 1 and not any(file.endswith(".xml") for file in those))))
    if shared:
        notes.add("note", say("several files tell of the same pictures, so their boxes are counted more than once: {names}", names=", ".join(shared[:5])),
                  say("give one of them to see it alone"))
    for (picture, _), several in users.items():
        if len(several) > 1:
            notes.add("warning", say("more than one entry names the same picture"), say("put all its boxes into one"),
                      picture, ", ".join(several[:5]))
    return placed


def _judge(one: Boxed, size: tuple[int, int] | None, notes: Notes) -> None:
    """The boxes of one picture against its real size (width, height)."""
    asked = one.size
    if asked and min(asked) <= 0:
        notes.add("warning", say("the picture's size is written as {width}×{height}", width=asked[0], height=asked[1]),
                  say("the size of the picture itself is used"), one.file, one.place)
    elif asked and size and asked != size:
        turned = asked == size[::-1]
        notes.add("error", say("the size written is not that of the picture, so the boxes may lie elsewhere"),
                  say("turn the picture for good, or the boxes with it") if turned else say("write the boxes for the picture as it is, or put back the original picture"),
                  one.file, say("{place}: written {width}×{height}, the picture has {real}", place=one.place or one.picture,
                                width=asked[0], height=asked[1], real=f"{size[0]}×{size[1]}"))
        return
    for box in one.boxes:
        corners = f"{box.place} ({box.x0:g}, {box.y0:g}, {box.x1:g}, {box.y1:g})"
        if not box.name.strip():
            notes.add("error", say("a box has no class: its name is empty"), say("write its name, or remove it"),
                      one.file, box.place)
        if box.x1 < box.x0 or box.y1 < box.y0:
            notes.add("warning", say("the corners of a box are swapped, or its width is negative"),
                      say("write the smaller corner first; it is left out"), one.file, corners)
        elif box.x1 == box.x0 or box.y1 == box.y0:
            notes.add("warning", say("a box has no area"), say("draw it again or remove it; it is left out"), one.file, corners)
        elif size and (box.x0 >= size[0] or box.y0 >= size[1] or box.x1 <= 0 or box.y1 <= 0):
            notes.add("error", say("a box lies outside the picture"), say("draw it again or remove it"), one.file, corners)
        elif size and (box.x0 < -1 or box.y0 < -1 or box.x1 > size[0] + 1 or box.y1 > size[1] + 1):
            notes.add("warning", say("a box reaches beyond the picture"), say("only the part inside counts"), one.file,
                      f"{corners}, {size[0]}×{size[1]}")


def _names(names: Sequence[str], told: Sequence[Boxed], notes: Notes) -> None:
    """ant, Ant and ' ant ' are three classes to a computer."""
    written: dict[str, Counter] = defaultdict(Counter)
    for name in names:
        if name.strip():
            written[" ".join(composed(name).casefold().split())][name] += 1
    for spellings in written.values():
        if len(spellings) > 1:
            least = spellings.most_common()[-1][0]
            file, place = next((one.file, box.place) for one in told for box in one.boxes if box.name == least)
            notes.add("warning", say("class names differ in capitals or blanks only: {names}",
                                     names=", ".join(f"“{name}” ({count})" for name, count in spellings.most_common())),
                      say("write them alike, or they are learned as different classes"), file, place)


def _without(told: Sequence[Boxed], form: Form, notes: Notes) -> None:
    empty = [one for one in told if not one.boxes]
    if empty and len(empty) < len(told):
        shown = ", ".join(one.picture for one in empty[:5]) + (", …" if len(empty) > 5 else "")
        notes.add("note", say("{count} pictures have no box: they are learned as background ({names})",
                              count=len(empty), names=shown))
    elif told and len(empty) == len(told):
        notes.add("error", say("no picture has a box"), say("check that the right files were given"), "")


def _lists(root: Path, stems: set[str], notes: Notes) -> dict[str, int]:
    """ImageSets/Main: which picture is to learn from and which to test."""
    parts: dict[str, list[str]] = {}
    for path in sorted(root.glob("ImageSets/Main/*.txt")):
        if path.stem in LISTS:
            names = [line.split()[0] for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.split()]
            file = path.relative_to(root).as_posix()
            for name in names:
                if name not in stems:
                    notes.add("error", say("the list names a picture that has no XML file"),
                              say("add it, or remove the line"), file, name)
            if LISTS[path.stem]:
                parts[path.stem] = names
    owner: dict[str, str] = {}
    for part, names in parts.items():
        for name in names:
            if owner.setdefault(name, part) != part:
                notes.add("warning", say("a picture is in two lists, so the test is too easy"),
                          say("remove it from one"), f"ImageSets/Main/{part}.txt",
                          say("{name}, also in {part}", name=name, part=owner[name]))
    return {part: len(names) for part, names in parts.items()}


def _sizes(good: Sequence[tuple[Boxed, Box, tuple[int, int]]]) -> dict[str, int]:
    """How many boxes have which side, as a share of the picture's: the square root of the share of its area."""
    counts = dict.fromkeys([*(f"≤ {share:.0%}" for share in SHARES), f"> {SHARES[-1]:.0%}"], 0)
    for _, box, (width, height) in good:
        if width > 0 and height > 0:
            side = ((box.x1 - box.x0) * (box.y1 - box.y0) / (width * height)) ** 0.5
            counts[next((f"≤ {share:.0%}" for share in SHARES if side <= share), f"> {SHARES[-1]:.0%}")] += 1
    return counts
