"""Pictures with a mask each, whose pixels are class numbers: what is in them, and what would spoil what is learned."""
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from deepen.core.kinds import open_picture
from deepen.core.things import VOID
from deepen.core.words import Problem, carried, say
from deepen.engine.doctor.checked import Checked, Notes, spread
from deepen.sources._form import Form
from deepen.sources._looked import whole
from deepen.sources._masked import Classes, Seen, classes, colours_of, look, pairs, strange, tell_strange, tell_twice


def examine(form: Form, values: dict[str, Any], found: Checked) -> None:
    """Fill `found` with what pictures with masks hold and what is wrong in them."""
    root, notes = form.path, Notes(found, values.get("on_bad") == "skip")
    names = classes(root, notes)
    these = list(pairs(root, {key: values[key] for key in ("images", "masks") if values.get(key)}, notes))
    tell_twice(these, notes)
    colours = colours_of(names)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        looked = list(pool.map(carried(lambda pair: _look(root / pair[1], root / pair[2], colours)), these))
    total, blank = np.zeros(0, np.int64), []
    for (_, picture, mask), (seen, damage) in zip(these, looked, strict=True):
        if damage:
            notes.add("error", damage, say("save it again or remove it, or leave it out with --on-bad skip"), picture)
        for cause, mend, place in seen.problems:
            notes.add("error", cause, mend, mask, place)
        if seen.problems or not len(seen.counts):
            continue
        if numbers := strange(seen, names):
            tell_strange(numbers, mask, notes)
        if np.count_nonzero(seen.counts) == 1 and seen.counts[0]:
            blank.append(mask)
        total = _sum(total, seen.counts)
    if blank and len(blank) < len(these):
        notes.add("note", say("{count} masks hold the background only ({names})", count=len(blank), names=_some(blank)))
    elif blank:
        notes.add("error", say("every mask holds the background only"), say("check that the right folder of masks was given"))
    if not names and len(total):
        notes.add("note", say("there is no classes.txt: the masks hold the numbers {numbers}",
                              numbers=_some([str(one) for one in np.nonzero(total)[0]])),
                  say("write one, a line a class: number, blank, name"))
    found.summary = _summary(these, [seen for seen, _ in looked], total, names)


def _look(picture: Path, mask: Path, colours: dict[tuple[int, ...], int]) -> tuple[Seen, str]:
    """(the mask as seen, why its picture cannot be read or "")."""
    try:
        size = open_picture(whole(picture)).size
    except (Problem, OSError) as problem:
        return Seen(), str(problem).partition("; ")[0]
    seen = look(mask, size, colours)
    seen.ids = None                                         # the counts are enough: many masks are held at once
    return seen, ""


def _sum(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    total = np.zeros(max(len(first), len(second)), np.int64)
    total[:len(first)] += first
    total[:len(second)] += second
    return total


def _summary(these: list, looked: list[Seen], total: np.ndarray, names: Classes) -> dict[str, Any]:
    good = [seen for seen in looked if seen.size != (0, 0)]
    whole = max(1, int(total.sum()))
    counts = {names[number][0] if number in names else "void" if number == VOID else str(number): int(total[number])
              for number in np.nonzero(total)[0].tolist()}
    counts = dict(sorted(counts.items(), key=lambda one: -one[1]))
    return {"pictures": len(these), "readable": len(good), "splits": dict(Counter(part for part, _, _ in these)),
            "pixel_counts": counts,
            "class_shares": {name: round(count / whole, 4) for name, count in counts.items()},
            "sizes": spread([seen.size for seen in good])}


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
