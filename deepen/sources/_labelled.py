"""What sources of labelled pictures have in common: a size that suits, which split a name means, and the splits themselves."""
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image as Pillow
from torch import Tensor

from deepen.core.data import Examples
from deepen.core.words import Problem, say
from deepen.sources._decoded import parts
from deepen.sources._grouped import dealt, grouped
from deepen.sources._pictures import Decoded
from deepen.sources._split import shares

SPLITS = {"train": "train", "training": "train", "val": "valid", "valid": "valid", "validation": "valid", "dev": "valid",
          "test": "test", "testing": "test"}
LOOKED = 200                    # pictures whose size is looked at
STEP = 16                       # a side is a multiple of it: nets halve a picture four times


def usual(files: Sequence[Path], longest: int) -> str:
    """height x width for pictures like these: their middle size, where it is larger made so small that the longer side is
    `longest`, and in sixteens unless most are of one size."""
    sides = []
    for file in filter(Path.is_file, files[::max(1, len(files) // LOOKED)]):       # a pipe would be waited on for ever
        try:
            with Pillow.open(file) as picture:
                turned = picture.getexif().get(0x0112, 1) > 4               # a photo that is stored lying on its side
                sides.append(picture.size[::-1] if turned else picture.size)
        except Exception:                                                   # any decoder's complaint: named when it is read
            continue
    if not sides:
        return f"{longest}x{longest}"
    width, height = sorted(sides, key=lambda size: size[0] / size[1])[len(sides) // 2]
    if max(width, height) <= longest and 2 * sides.count((width, height)) > len(sides):
        return f"{height}x{width}"                                          # as they are
    scale = min(1, longest / max(width, height))
    return "x".join(str(max(STEP, int(side * scale / STEP + 0.5) * STEP)) for side in (height, width))


def part_of(path: str) -> str | None:
    """The split that a name speaks of: instances_val2017.json, valid/7.jpg; None when it speaks of none."""
    words = [word for word in re.split(r"[^a-z]+", path.lower()) if word]
    return next((SPLITS[word] for word in reversed(words) if word in SPLITS), None)


def held(split_of: Sequence[str], valid: float, test: float, count: int, seed: int) -> tuple[float, float]:
    """The shares for valid and test that are still to be taken from train; an impossible wish is told before anything is read."""
    fixed = {"valid", "test"} & set(split_of)
    wanted = (0 if "valid" in fixed else valid, 0 if fixed else test)
    shares(None, max(1, count), *wanted, seed)
    return wanted


def all_train(split_of: Sequence[str], said: list[str]) -> list[str]:
    """Where nothing is named train, what there is is learned from, and that is said."""
    if "train" in split_of:
        return list(split_of)
    if split_of:
        said.append(say("nothing here is named train, so what is named {names} is learned from", names=", ".join(sorted(set(split_of)))))
    return ["train"] * len(split_of)


def examples(found: Decoded, target: Tensor | list, split_of: list[str], names: list[str], root: Path, files: list[Path],
             group: str | None, wanted: tuple[float, float], seed: int, said: list[str]) -> Mapping[str, Examples]:
    """The pictures that can be used, in their splits; copies and groups are never parted."""
    rules = None
    if group:
        first = [file.relative_to(root).parts[0] if len(file.relative_to(root).parts) > 1 else "" for file in files]
        rules = grouped([(split, file, name) for split, file, name in zip(split_of, files, first, strict=True)], root, group, said)
    if not any(row not in found.bad for row, split in enumerate(split_of) if split == "train"):
        raise Problem("no picture of {path} is left to learn from", path=root)
    rows = dealt(split_of, torch.zeros(len(split_of), dtype=torch.int64), found, names, rules, wanted, 0, 1, seed, said)
    fixed = {"valid", "test"} & set(split_of)
    if fixed and "test" not in fixed:
        said.append(say("no pictures are given for the test: validate uses the validation pictures, which training has already looked at"))
    elif wanted[1] > 0:
        said.append(say("no pictures are given for the test: {test:.0%} of all were held out for it", test=wanted[1]))
    return parts(found, target, names, rows)
