"""Pictures to paint with: one picture and the style it shall have, or many pictures and one style."""
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image
from deepen.core.picture import open_picture
from deepen.core.recipe import Count, Fraction, _field
from deepen.core.words import Problem, say
from deepen.sources._form_file import PICTURES
from deepen.sources._pictures import check_memory, decode, memory, tell_bad, tell_deep
from deepen.sources._split import shares
from deepen.sources._strokes import strokes

Side = Annotated[int, _field(ge=32, le=2048)]
Share = Annotated[float, _field(ge=0.25, le=4, allow_inf_nan=False)]
LEAST = 16                      # pixels of the shorter side: what looks at pictures halves them several times
SHIPPED = ("china.jpg", "flower.jpg")


def pair(content: Path | None = None,           # the picture to paint (none: a temple, of scikit-learn's)
         style: Path | None = None,             # the picture to paint like (none: brush strokes drawn for this)
         size: Side = 256,                      # pixels of the longer side of what is painted
         style_size: Share = 1.0) -> Data:      # longer side of the style picture, as a share of that: its strokes' size
    """One picture, and another whose style it shall have; any form and size, sides in their own proportion.

    Splits train and valid hold the content picture, uint8 (1, 3, H, W), style the other, uint8 (1, 3, h, w). There is
    nothing to hold out: what is painted is judged against these two.
    """
    what = _picture(content, size, _shipped(SHIPPED[0]) if content is None else None)
    how = _picture(style, round(size * style_size), _drawn() if style is None else None)
    said = []
    if content is None:
        said.append(say("the picture to paint is china.jpg of scikit-learn; give your own with data.content=PHOTO"))
    if style is None:
        said.append(say("the style is a picture of brush strokes drawn by this program, no painter's; give a painting with "
                        "data.style=PAINTING"))
    examples = Examples(what, None, [str(content or SHIPPED[0])])
    return Data({"train": examples, "valid": examples, "style": Examples(how, None, [str(style or "strokes")])},
                Image(3, *what.shape[2:]), said=tuple(said),
                origin=f"pair(content={_name(content)}, style={_name(style)}, size={size}, style_size={style_size:g})")


def photos(path: str | None = None,                     # a folder of pictures (none: cuts of two of scikit-learn's)
           style: Path | None = None,                   # the picture to paint like (none: brush strokes drawn for this)
           size: Side = 128,                            # pixels of a side of the pictures that are learned from
           style_size: Share = 2.0,                     # longer side of the style picture, as a share of that: its strokes' size
           valid: Fraction = 0.05,                      # share held out for validation
           count: Count = 400,                          # cuts, where no folder is given
           on_bad: Literal["stop", "skip"] = "stop",    # what to do when a picture cannot be read
           seed: int = 0) -> Data:                      # seed of the shares
    """Pictures of any kind, cut to squares, and one picture whose style they shall all get.

    Splits train and valid uint8 (N, 3, size, size), style uint8 (1, 3, h, w). Folders inside are looked through.
    """
    how = _picture(style, round(size * style_size), _drawn() if style is None else None)
    said: list[str] = []
    if path is None:
        pixels, names = _cuts(count, size, seed)
        said.append(say("{count} cuts of two photos of scikit-learn are learned from; give more kinds of pictures with "
                        "data.path=FOLDER", count=count))
    else:
        pixels, names = _folder(Path(path).expanduser(), size, on_bad, said)
    if style is None:
        said.append(say("the style is a picture of brush strokes drawn by this program, no painter's; give a painting with "
                        "data.style=PAINTING"))
    rows = shares(None, len(pixels), valid, 0, seed)
    splits = {name: Examples(pixels[mine], None, [names[row] for row in mine.tolist()]) for name, mine in rows.items() if len(mine)}
    return Data({**splits, "style": Examples(how, None, [str(style or "strokes")])}, Image(3, size, size, "crop"), said=tuple(said),
                origin=f"photos(path={_name(path)}, style={_name(style)}, size={size}, style_size={style_size:g}, valid={valid:g}, "
                       f"count={count}, on_bad={on_bad}, seed={seed})")


def _name(path: Any) -> str:
    return "none" if path is None else repr(str(path))


def _picture(file: Path | None, size: int, given=None) -> Tensor:
    """A file (or a Pillow picture) as uint8 (1, 3, H, W), its longer side `size`, in its own proportion."""
    name = file or SHIPPED[0]
    opened = given if given is not None else open_picture(_bytes(Path(name).expanduser()))
    flat = Image(3, 1, 1).flat(opened)
    scale = size / max(flat.size)
    wide, high = (max(1, round(side * scale)) for side in flat.size)
    if min(wide, high) < LEAST:
        raise Problem("{file} is {width}×{height} pixels, and its shorter side would be {short} at size={size}; at least {least} are "
                      "needed: cut it, or give a larger size", file=name, width=flat.width, height=flat.height, short=min(wide, high),
                      size=size, least=LEAST)
    return _tensor(flat.resize((wide, high), _smooth()))[None]


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Problem("{file} cannot be read: {reason}", file=file, reason=error.strerror or error) from None


def _smooth():
    from PIL import Image as Pillow
    return Pillow.Resampling.LANCZOS


def _tensor(flat) -> Tensor:
    return torch.from_numpy(np.array(flat)).permute(2, 0, 1).contiguous()


def _drawn():
    return strokes()


def _shipped(name: str):
    """A photo that comes with scikit-learn."""
    home = find_spec("sklearn")         # found, not imported
    if home is None or home.origin is None:
        raise Problem("{file} comes with scikit-learn, which is not installed; run: pip install scikit-learn", file=name)
    return open_picture(_bytes(Path(home.origin).parent / "datasets" / "images" / name))


def _cuts(count: int, size: int, seed: int) -> tuple[Tensor, list[str]]:
    """Squares of any place and size out of the two photos, half of them mirrored: uint8 (count, 3, size, size)."""
    from PIL import ImageOps
    check_memory(count, Image(3, size, size), memory())
    dice, opened = np.random.default_rng(seed), [_shipped(name) for name in SHIPPED]
    made, names = torch.empty(count, 3, size, size, dtype=torch.uint8), []
    for row in range(count):
        whole = opened[row % len(opened)]
        side = int(dice.uniform(min(size, min(whole.size)), min(whole.size) + 1))
        left, top = (int(dice.integers(0, full - side + 1)) for full in whole.size)
        cut = whole.resize((size, size), _smooth(), (left, top, left + side, top + side))
        made[row] = _tensor(ImageOps.mirror(cut) if dice.random() < 0.5 else cut)
        names.append(f"{SHIPPED[row % len(opened)]} {left},{top} {side}×{side}")
    return made, names


def _folder(root: Path, size: int, on_bad: str, said: list[str]) -> tuple[Tensor, list[str]]:
    """Every picture in a folder, and in those inside it, cut to a square: uint8 (N, 3, size, size)."""
    if not root.is_dir():
        raise Problem("there is no folder {path}; check the spelling or give the full path", path=root)
    files = sorted(Path(folder) / name for folder, inner, names in os.walk(root) for name in names
                   if name.lower().endswith(PICTURES) and not name.startswith("."))
    if len(files) < 2:
        raise Problem("{path} holds {count} pictures; at least 2 are needed, some hundreds are better", path=root, count=len(files))
    kind = Image(3, size, size, "crop")
    check_memory(len(files), kind, memory())
    names = [file.relative_to(root).as_posix() for file in files]
    found = decode([file.read_bytes for file in files], kind)
    tell_bad(found, names, on_bad, said)
    tell_deep(found, said)
    good = [row for row in range(len(files)) if row not in found.bad]
    if len(good) < 2:
        raise Problem("{path} holds {count} pictures; at least 2 are needed, some hundreds are better", path=root, count=len(good))
    return found.pixels[good], [names[row] for row in good]
