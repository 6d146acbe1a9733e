"""Pictures asked of models that answer with boxes, masks or sentences: what the browser draws on them; and their worst ones."""
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image as Pillow

from deepen.app.studio.ask_runs import png
from deepen.core.kinds import Image
from deepen.core.picture import open_picture
from deepen.core.things import VOID, Boxes, Mask
from deepen.core.words import Problem, say
from deepen.engine import drawn
from deepen.engine.photo import Photo, parted, photo
from deepen.engine.report_scenes import figures, texts_sentence
from deepen.engine.run import Run
from deepen.engine.scenes import Seen, sees
from deepen.engine.start import with_words
from deepen.engine.validate import with_data
from deepen.engine.worst import worst

SIDE, BYTES = 1024, 240_000         # of a picture that goes to the browser
LEAST = 0.05                        # boxes less sure are not sent; the slider begins here


def card(system) -> dict[str, Any] | None:
    """What Try it draws a form from, where the system takes pictures and answers so; else None."""
    inputs, target = system.data.inputs, system.data.target
    if not isinstance(inputs, Image) or not sees(system):
        return None
    return {"takes": "picture", "shape": list(inputs.shape), "unit": target.unit}


def picture(system, raw: bytes) -> dict[str, Any]:
    """What is said about a picture file, in shares of its sides, with the picture itself at most 1,024 pixels large."""
    x = system.data.inputs.read(raw)[None]
    return _told(photo(system, raw, *with_words(system, x)[0], LEAST), png(system.data.inputs.seen(x[0])))


def example(run: str, number: int) -> dict[str, Any]:
    """The same about picture `number` of the run's validation data, with its truth."""
    system = _opened(run, (Path(run) / "model").lstat().st_mtime)
    split = "valid" if len(system.data.splits.get("valid", ())) else "train"
    examples = system.data.split(split)
    if not len(examples) or not sees(system):
        raise Problem("this data has no pictures to look at")
    row = number % len(examples)
    x, y = examples[torch.tensor([row])]
    image = drawn.opened(system.data.inputs.seen(x[0]))
    told = _told(photo(system, drawn.encoded(image), *with_words(system, x)[0], LEAST), None)
    where = examples.names[row] if getattr(examples, "names", None) else say("row {row} of {split}", row=row, split=split)
    return {**told, "where": where, "truth": list(y[0]) if told["unit"] == "texts" else system.data.target.show(y[0])}


@lru_cache(maxsize=1)
def _opened(run: str, written: float):
    """Kept while its model stays the same."""
    return with_data(Run(run))


def _told(one: Photo, seen: str | None) -> dict[str, Any]:
    wide, high = one.size
    told: dict[str, Any] = {"unit": one.kind.unit, "size": [wide, high], "seen": seen, "said": one.lines()[0]}
    image = Image(3, 1, 1).flat(open_picture(one.raw, SIDE))
    image, _ = drawn.sized(image, 1, SIDE)
    told["picture"] = drawn.address(image, BYTES)
    if isinstance(one.kind, Boxes):
        told["boxes"] = [{"name": one.kind.names[int(row[4])], "colour": _hex(drawn.colour(int(row[4]))), "sure": row[5],
                          "box": [row[0] / wide, row[1] / high, row[2] / wide, row[3] / high]} for row in one.boxes.tolist()]
    elif isinstance(one.kind, Mask):
        told["mask"] = _clear(one, image.size)
        told["classes"] = [{"name": name, "share": share, "colour": _hex(drawn.colour(one.kind.names.index(name), one.kind.colours))}
                           for name, share in one.shares()]
    else:
        told["text"], told["words"] = one.answer, [list(word) for word in parted(one.words)]
    return told


def _clear(one: Photo, size: tuple[int, int]) -> str:
    """The mask as a picture to lay over another, clear where nothing is said."""
    mask = np.asarray(Pillow.fromarray(one.answer).resize(size, Pillow.Resampling.NEAREST))
    pixels = np.dstack([drawn.palette(len(one.kind.names), one.kind.colours)[mask], np.where(mask == VOID, 0, 255).astype(np.uint8)])
    return drawn.address(Pillow.fromarray(pixels), 1 << 30)


def _hex(colour: drawn.Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def errors(system, split: str, found: Seen, most: int) -> dict[str, Any]:
    """The figures of the classes and the worst pictures, for the page of a run."""
    head, rows = figures(found)
    return {"split": split, "examples": len(found.scores), "unit": found.kind.unit, "head": head, "rows": rows,
            "said": "" if head else texts_sentence(found),
            "mistakes": [{"was": one.was, "said": one.said, "sure": None, "score": one.score, "where": one.where,
                          "picture": drawn.address(drawn.opened(one.input), 60_000)} for one in worst(system, split, found, most)]}
