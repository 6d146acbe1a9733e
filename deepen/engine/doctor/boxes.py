"""Boxes round things (VOC, COCO): what is in them, and which would spoil what is learned."""
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepen.core.words import say
from deepen.engine.doctor.checked import Checked, Notes, middle, spread
from deepen.sources._boxed import judge, lists, place, read, root_of, shared
from deepen.sources._boxes import Box, Boxed
from deepen.sources._form import Form
from deepen.sources._pictures_at import Pictures, composed, sizes

SHARES = (0.05, 0.1, 0.2, 0.4)          # of the picture's side, up to which boxes are counted together


def examine(form: Form, values: dict[str, Any], found: Checked) -> None:
    """Fill `found` with what a set of boxes in the VOC or COCO form holds and what is wrong in it."""
    root = root_of(form.path)
    notes = Notes(found, values.get("on_bad") == "skip")
    pictures = Pictures(root)
    told, classes, more = read(form.name, form.path, notes)
    placed = place(told, pictures, notes)
    if twice := shared(told, placed):
        notes.add("note", say("several files tell of the same pictures, so their boxes are counted more than once: {names}", names=", ".join(twice[:5])),
                  say("give one of them to see it alone"))
    known, broken = sizes(pictures, placed.values())
    for name, reason in broken.items():
        notes.add("error", reason, say("save it again or remove it, or leave it out with --on-bad skip"), name)
    good: list[tuple[Boxed, Box, tuple[int, int]]] = []
    for number, one in enumerate(told):
        size = known.get(placed.get(number, ""))
        judge(one, size, notes)
        good += [(one, box, size or one.size or (0, 0)) for box in one.boxes if box.x1 > box.x0 and box.y1 > box.y0 and box.name.strip()]
    _names([box.name for _, box, _ in good], told, notes)
    _without(told, form, notes)
    if form.name == "voc":
        more["splits"] = {part: len(names) for part, names in lists(root, {Path(one.file).stem for one in told}, notes).items()}
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


def _sizes(good: Sequence[tuple[Boxed, Box, tuple[int, int]]]) -> dict[str, int]:
    """How many boxes have which side, as a share of the picture's: the square root of the share of its area."""
    counts = dict.fromkeys([*(f"≤ {share:.0%}" for share in SHARES), f"> {SHARES[-1]:.0%}"], 0)
    for _, box, (width, height) in good:
        if width > 0 and height > 0:
            side = ((box.x1 - box.x0) * (box.y1 - box.y0) / (width * height)) ** 0.5
            counts[next((f"≤ {share:.0%}" for share in SHARES if side <= share), f"> {SHARES[-1]:.0%}")] += 1
    return counts
