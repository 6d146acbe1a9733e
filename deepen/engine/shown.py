"""What a maker paints while it learns: the same noise at every judgement, so that the pictures can be told as a film."""
import io
import os
from pathlib import Path

from deepen.core.words import Failure
from deepen.engine.charts import grid

COUNT, SEED = 36, 0


def paint(folder: Path, system, step: int) -> Path:
    """Write what a system with `sample` makes now as `folder/samples-STEP.png`, whole or not at all."""
    from PIL import Image
    sheet = grid(system.sample(COUNT, seed=SEED).cpu()).numpy()
    told, file = io.BytesIO(), folder / f"samples-{step:07d}.png"
    Image.fromarray(sheet[0] if len(sheet) == 1 else sheet.transpose(1, 2, 0)).save(told, "PNG")
    beside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        folder.mkdir(exist_ok=True)
        beside.write_bytes(told.getvalue())
        beside.replace(file)
    except OSError as error:
        raise Failure("{path} cannot be written: {reason}", path=file, reason=error.strerror or error) from None
    return file
