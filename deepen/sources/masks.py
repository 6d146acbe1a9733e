"""Pictures with a mask each, whose pixels are class numbers or colours."""
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image as Pillow

from deepen.core.data import Data
from deepen.core.kinds import Image, Mask
from deepen.core.picture import fitted_mask
from deepen.core.recipe import Fraction
from deepen.core.things import VOID
from deepen.core.words import Problem, carried, say
from deepen.sources import _masked
from deepen.sources._decoded import opened
from deepen.sources._form import recognise
from deepen.sources._labelled import SPLITS, all_train, examples, held, usual
from deepen.sources._masked import Classes
from deepen.sources._pictures import Decoded, Sides, check_memory, kind_of, memory, tell_bad, tell_deep
from deepen.sources._pictures_at import composed
from deepen.sources._told import Told, settle

LONGEST = 256                   # pixels of the longer side when no size is asked
VOIDS = ("void", "ignore", "ignored", "unlabelled", "unlabeled", "unknown")


def masks(path: str,                                            # folder of pictures and masks, with lists of pairs or two folders
          size: Sides | None = None,                            # pixels of a side, or height x width: 180x240 (none: by the pictures)
          colour: Literal["rgb", "grey", "hsv"] = "rgb",        # red green blue, one channel, or hue saturation value
          fit: Literal["stretch", "crop", "pad-white", "pad-noise",
                       "pad-edge"] = "pad-edge",                # how a picture becomes one of another shape
          images: str | None = None,                            # folder of the pictures (none: found)
          masks: str | None = None,                             # folder of the masks (none: found)
          valid: Fraction = 0.1,                                # share held out for validation, where no list is for it
          test: Fraction = 0.1,                                 # share held out for the test, where no list is for it
          group: str | None = None,                             # never parted: name, folder, or a pattern: (p[0-9]+)_
          on_bad: Literal["stop", "skip"] = "stop",             # what to do with what cannot be learned from
          seed: int = 0) -> Data:                               # seed of the shares
    """Pictures with a mask each: a class for every pixel.

    Inputs uint8 (N, 3 or 1, height, width), target uint8 (N, height, width), 255 where nothing is said. train.txt, val.txt and
    test.txt pair pictures with masks, or their names do. classes.txt names the numbers (and colours); a class called void is
    not counted. What is added round a picture is void.
    """
    given = recognise(Path(path))
    if given.name != "masks":
        raise Problem("{path} is not in the form that {source} reads: {why}", path=path, source="masks", why=given.why)
    root, told, said = given.path, Told(), list[str]()
    names = _masked.classes(root, told)
    folders = {key: value or given.given.get(key) for key, value in (("images", images), ("masks", masks))}
    these = list(_masked.pairs(root, {key: value for key, value in folders.items() if value}, told))
    _masked.tell_twice(these, told)
    settle(told, on_bad, root, said)
    first: dict[str, tuple[str, str]] = {}                                  # picture -> (split, mask); of two lists the first
    for part, picture, mask in sorted(these, key=lambda one: ("train", "valid", "test").index(SPLITS.get(one[0], "train"))):
        first.setdefault(picture, (SPLITS.get(part, "train"), mask))
    if not first:
        raise Problem("no picture of {path} is left to learn from", path=root)
    shown, files = [composed(picture) for picture in first], [root / picture for picture in first]
    split_of, of = all_train([part for part, _ in first.values()], said), [mask for _, mask in first.values()]
    wanted = held(split_of, valid, test, split_of.count("train"), seed)
    kind = kind_of(size if size is not None else usual(files, LONGEST), colour, fit)
    check_memory(len(files), Image(1, kind.height, kind.width), memory())   # the masks; pictures may be read from a file
    found = opened(files, kind, memory(), said, exact=True)
    target = torch.full((len(files), kind.height, kind.width), VOID, dtype=torch.uint8)
    dense, kept = _numbers(names)
    used = np.zeros(256, bool)
    problems: dict[int, Told] = {}
    read = partial(_read, root, of, names, dense, (kind.width, kind.height), kind.fit, target, used, problems, found.sizes)
    with ThreadPoolExecutor(max(1, min(os.cpu_count() or 1, 16, memory() // 2**30))) as pool:
        list(pool.map(carried(read), [row for row in range(len(files)) if row not in found.bad]))
    tell_bad(found, shown, on_bad, said)
    tell_deep(found, said)
    _leave_out(problems, found, told)
    settle(told, on_bad, root, said)
    if names:
        said += [say("class {name} is not counted: its pixels are void", name=name) for number, (name, _) in sorted(names.items()) if number not in kept]
    else:
        kept, target = _found(target, used, said)
    if len(kept) < 2:
        raise Problem("the masks of {path} hold only one class; check that the right folder of masks was given", path=root)
    splits = examples(found, target, split_of, shown, root, files, group, wanted, seed, said)
    labels = tuple(names[number][0] if names else str(number) for number in kept)
    for name, split in splits.items():
        if name != "train" and (lacking := _classes_in(split.target) - _classes_in(splits["train"].target)):
            said.append(say("no picture to learn from has {names}, which {split} has: it cannot be learned",
                            names=", ".join(labels[number] for number in sorted(lacking)), split=name))
    colours = tuple(names[number][1] for number in kept) if names else ()
    more = (f", images={images!r}, masks={masks!r}" if images or masks else "") + (f", group={group!r}" if group else "")
    return Data(splits, found.kind, Mask(labels, kind.height, kind.width, colours if all(colours) else ()), said=tuple(said),       # type: ignore[arg-type]
                origin=f"masks(path={str(path)!r}, size={kind.height}x{kind.width}, colour={colour}, fit={fit}{more}, valid={valid:g}, "
                       f"test={test:g}, on_bad={on_bad}, seed={seed})")


def _numbers(names: Classes) -> tuple[np.ndarray, list[int]]:
    """(number in a mask -> number of the class, uint8 (65536,), which numbers are classes): in order, without gaps, void as 255."""
    kept = [number for number, (name, _) in sorted(names.items()) if name.casefold() not in VOIDS and number != VOID and number < 65_536]
    dense = np.full(65_536, VOID, np.uint8)
    if not names:
        dense[:VOID] = np.arange(VOID)
    if len(kept) > VOID:
        raise Problem("{count} classes are more than a mask can hold, which is {most}", count=len(kept), most=VOID)
    dense[kept] = np.arange(len(kept))
    return dense, kept


def _read(root: Path, of: list[str], names: Classes, dense: np.ndarray, size: tuple[int, int], fit: str,
          target: torch.Tensor, used: np.ndarray, problems: dict[int, Told], sizes: np.ndarray, row: int) -> None:
    """Read the mask of one picture, and fit it as its picture is fitted."""
    told = Told()
    wide, high = sizes[row].tolist()
    seen = _masked.look(root / of[row], (wide, high), _masked.colours_of(names))
    for cause, mend, place in seen.problems:
        told.add("error", cause, mend, of[row], place)
    if not told.findings and (numbers := _masked.strange(seen, names)):
        _masked.tell_strange(numbers, of[row], told)
    if not names and seen.ids is not None and (seen.ids > VOID).any():
        _masked.tell_strange([int(seen.ids.max())], of[row], told)
    if told.findings:
        problems[row] = told
        return
    assert seen.ids is not None
    numbers = dense[seen.ids]
    used[np.unique(numbers)] = True
    target[row] = torch.from_numpy(np.array(fitted_mask(Pillow.fromarray(numbers), size, fit, VOID)))


def _leave_out(problems: dict[int, Told], found: Decoded, told: Told) -> None:
    for row, theirs in sorted(problems.items()):
        if row not in found.bad:
            found.bad[row] = theirs.findings[0].cause
            told.findings += theirs.findings


def _found(target: torch.Tensor, used: np.ndarray, said: list[str]) -> tuple[list[int], torch.Tensor]:
    """Without classes.txt the classes are the numbers that are met."""
    kept = [number for number in range(VOID) if used[number]]
    said.append(say("there is no classes.txt: the numbers in the masks are the classes ({numbers})",
                    numbers=", ".join(map(str, kept[:8])) + (", …" if len(kept) > 8 else "")))
    dense = torch.full((256,), VOID, dtype=torch.uint8)
    dense[torch.tensor(kept, dtype=torch.int64)] = torch.arange(len(kept), dtype=torch.uint8)
    for start in range(0, len(target), 256):                                # in place: no second copy of all masks
        target[start:start + 256] = dense[target[start:start + 256].long()]
    return kept, target


def _classes_in(target: torch.Tensor) -> set[int]:
    met = torch.zeros(256, dtype=torch.int64)
    for start in range(0, len(target), 256):
        met += target[start:start + 256].flatten().bincount(minlength=256)
    return {number for number in met.nonzero()[:, 0].tolist() if number != VOID}
