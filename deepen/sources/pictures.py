"""A folder of pictures without classes: what a system that makes pictures learns from."""
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from deepen.core.data import Data, Examples
from deepen.core.recipe import Amount, Fraction
from deepen.core.words import Problem, say
from deepen.sources._decoded import check_room, opened, parts
from deepen.sources._grouped import dealt, grouped, plain
from deepen.sources._labelled import part_of
from deepen.sources._pictures import Sides, kind_of, memory, tell_bad, tell_deep
from deepen.sources._pictures_at import Pictures
from deepen.sources._split import shares

FITS = {"cover": "crop", "contain": "pad-white"}


def pictures(path: str,                                             # folder with pictures in it, at any depth
             size: Sides = 64,                                      # pixels of a side the pictures get, or height x width: 48x96
             colour: Literal["rgb", "grey"] = "rgb",                # red green blue (grey ones become so), or one channel
             fit: Literal["cover", "contain"] = "cover",            # the middle of each picture, or all of it with white beside
             valid: Fraction = 0.1,                                 # share held out for validation
             test: Fraction = 0.1,                                  # share held out for the test
             group: str | None = None,                              # never parted: name, folder, or a pattern: (p[0-9]+)_
             white: Amount = 0,                                     # white of 16-bit pictures: 4095 (0: by the highest value)
             on_bad: Literal["stop", "skip"] = "stop",              # what to do when a picture cannot be read
             seed: int = 0) -> Data:                                # seed of the shares
    """Your own pictures without classes, of any sizes: for systems that make pictures.

    Inputs uint8 (N, 3 or 1, height, width), no target; `Examples.names` are the paths inside the folder. Grey pictures among
    coloured ones become coloured. Folders named train, valid and test keep their split; otherwise seeded shares are held
    out, and copies of a picture (exact and near) and pictures of one `group` stay in one split.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise Problem("{path} is no folder; give one with pictures in it", path=root)
    files = Pictures(root).files                                    # name -> path
    names, said = list(files), list[str]()
    if not names:
        raise Problem("there is no picture in {path}, nor in the folders inside; put some into it, as .jpg or .png", path=root)
    split_of = [part_of(name.partition("/")[0]) if "/" in name else None for name in names]
    given = [split or "train" for split in split_of] if "train" in split_of else ["train"] * len(names)
    fixed = set(given) - {"train"}
    held = (0 if "valid" in fixed else valid, 0 if fixed else test)
    learned = given.count("train")
    if learned < 1 + sum(share > 0 for share in held):
        raise Problem("{path} holds too few pictures to hold some out for validation and for the test: {count}; add some, or "
                      "learn from all of them with data.valid=0 data.test=0", path=root, count=learned)
    kind = replace(kind_of(size, colour, FITS[fit]), white=white)
    check_room(len(names), kind, memory())
    shares(None, learned, *held, seed)                                              # an impossible wish: now
    rules = grouped([(split, files[name], "") for split, name in zip(given, names, strict=True)], root, group, said) if group else None
    found = opened(list(files.values()), kind, memory(), said)
    shown = [plain(name) for name in names]
    tell_bad(found, shown, on_bad, said)
    if not any(row not in found.bad for row, split in enumerate(given) if split == "train"):
        raise Problem("none of the pictures in {path} that could be learned from can be read", path=root)
    tell_deep(found, said)
    alike = torch.zeros(len(names), dtype=torch.int64)                              # one class: shares by chance alone
    rows = dealt(given, alike, found, shown, rules, held, 0, 1, seed, said)
    if fixed and "test" not in fixed:
        said.append(say("there is no test folder: validate uses the validation pictures, "
                        "which training has already looked at"))
    elif held[1] > 0:
        said.append(say("no test folder was given: {test:.0%} of the pictures were held out for the test", test=held[1]))
    splits = {name: Examples(one.inputs, None, one.names) for name, one in parts(found, alike, names, rows).items()}
    more = (f", white={white:g}" if white else "") + (f", group={group!r}" if group else "")
    return Data(splits, found.kind, None, said=tuple(said),
                origin=f"pictures(path={str(path)!r}, size={size}, colour={colour}, fit={fit}, valid={valid:g}, "
                       f"test={test:g}{more}, on_bad={on_bad}, seed={seed})")
