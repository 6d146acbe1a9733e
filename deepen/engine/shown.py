"""What a maker paints while it learns: from the same seed at every judgement, so that the pictures can be told as a film. A
system that makes sentences leaves these."""
import io
import os
import time
from pathlib import Path

import torch
from torch import Tensor

from deepen.core.words import Failure
from deepen.engine.charts import grid

COUNTS, SEED = (36, 16, 4, 1), 0
SHARE = 0.05                    # of the time painting may take in all, as saving may
FREE = 1.0                      # seconds that are spent without asking
PIXELS = 2_000_000              # of a sheet

Made = Tensor | list[str]       # pictures uint8 (N, C, H, W), or texts


class Album:
    """The folder of what was painted at judgements. It holds to its share of the time: the first sheet chooses how many
    pictures there can be, and where even these cost too much, judgements go by without one; never the last."""

    def __init__(self, folder: Path):
        self.folder, self.count, self.spent, self.step = folder, 0, 0.0, -1

    def paint(self, system, step: int, seconds: float, last: bool = False) -> None:
        """Write what a system with `sample` makes now, `seconds` after it began; others leave nothing."""
        if not hasattr(system, "sample") or step == self.step or (self.spent > max(FREE, SHARE * seconds) and not last):
            return
        began = time.monotonic()
        if self.count:
            made = system.sample(self.count, seed=SEED)
        else:
            made = some(system, COUNTS, max(FREE, SHARE * seconds) / 2, PIXELS)
            self.count = len(made)
        paint(self.folder, made, step)
        self.spent, self.step = self.spent + time.monotonic() - began, step


def some(system, counts: tuple[int, ...], seconds: float, pixels: int = 1 << 62) -> Made:
    """The largest of `counts` (falling) that `system.sample` will make in about that time and that many pixels; the smallest is
    made however long it takes. What four take is measured first; who makes fewer has no more."""
    few = min(4, counts[0])
    began = time.monotonic()
    made = system.sample(few, seed=SEED)
    if len(made) < few:
        return made
    each = (time.monotonic() - began) / few
    large = made.shape[-1] * made.shape[-2] if isinstance(made, Tensor) else 1
    count = next((one for one in counts if one * each <= seconds and one * large <= pixels), counts[-1])
    return made[:count] if count <= few else system.sample(count, seed=SEED)


def paint(folder: Path, made: Made, step: int) -> Path:
    """Write pictures as `folder/samples-STEP.png` (texts: `.txt`), whole or not at all."""
    if isinstance(made, Tensor):
        return whole(folder / f"samples-{step:07d}.png", png(grid(made.cpu())))
    return whole(folder / f"samples-{step:07d}.txt", ("\n\n".join(made) + "\n").encode())


def png(sheet: Tensor) -> bytes:
    """uint8 (C, H, W) as the bytes of a PNG."""
    from PIL import Image
    pixels, told = sheet.cpu().numpy(), io.BytesIO()
    Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(told, "PNG")
    return told.getvalue()


def whole(file: Path, told: bytes) -> Path:
    """Write a file whole or not at all; a `Failure` says why not."""
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(told)
        beside.replace(file)
    except OSError as error:
        raise Failure("{path} cannot be written: {reason}", path=file, reason=error.strerror or error) from None
    return file


def film(folder: Path) -> tuple[list[int], list[Tensor]]:
    """(steps, sheets (C, H, W)) that were painted in a run's `shown/`, of one size, oldest first."""
    import numpy as np
    from PIL import Image
    steps, sheets = [], []
    for file in sorted(folder.glob("samples-*.png")):
        with Image.open(file) as image:
            pixels = torch.from_numpy(np.array(image.convert("L" if image.mode == "L" else "RGB")))
        steps.append(int(file.stem.rpartition("-")[2]))
        sheets.append(pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1))
    alike = [i for i, sheet in enumerate(sheets) if sheet.shape == sheets[-1].shape]
    return [steps[i] for i in alike], [sheets[i] for i in alike]
