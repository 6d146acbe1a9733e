"""Pictures one after another as a GIF that stays small: few colours well chosen, every frame if there is room."""
import io
import math
from collections.abc import Sequence

from torch import Tensor

REST = 1600             # milliseconds that the last frame stands
SAMPLED = 6             # frames that the colours are chosen from
LEAST = 6               # frames that stay however small the room is


def gif(frames: Sequence[Tensor], milliseconds: int = 100, most: int = 12_000_000) -> bytes:
    """uint8 frames (C, H, W) of one size, grey or RGB -> a looping GIF of at most `most` bytes, that rests on its last
    frame. Where it would be larger, frames between are left out first, then all are made smaller."""
    kept, scale = list(frames), 1.0
    while True:
        made = _encoded([_opened(frame, scale) for frame in kept], milliseconds * (len(frames) - 1) / max(1, len(kept) - 1))
        if len(made) <= most or (len(kept) <= LEAST and min(kept[0].shape[1:]) * scale < 16):
            return made
        room = 0.9 * most / len(made)
        if len(kept) > LEAST:
            kept = evenly(kept, max(LEAST, int(len(kept) * room)))
        else:
            scale *= math.sqrt(room)


def evenly(frames: Sequence, most: int) -> list:
    """At most `most` of them at even steps, the first and the last among them."""
    if len(frames) <= most:
        return list(frames)
    return [frames[round(i * (len(frames) - 1) / (most - 1))] for i in range(most)] if most > 1 else [frames[-1]]


def _opened(frame: Tensor, scale: float):
    from PIL import Image
    array = frame.cpu().numpy()
    image = Image.fromarray(array[0] if len(array) == 1 else array.transpose(1, 2, 0))
    if scale < 1:
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BILINEAR)
    return image


def _encoded(images, milliseconds: float) -> bytes:
    """Grey stays exact; of colours, the 256 that suit frames from all through the film, without dither: noise on flat
    places would double the file and flicker."""
    from PIL import Image
    if images[0].mode != "L":
        some = evenly(images, SAMPLED)
        wall = Image.new("RGB", (some[0].width, some[0].height * len(some)))
        for place, image in enumerate(some):
            wall.paste(image, (0, place * image.height))
        palette = wall.quantize(256, Image.Quantize.MEDIANCUT)
        images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    each = max(20, round(milliseconds / 10) * 10)                   # GIF counts in hundredths
    told = io.BytesIO()
    images[0].save(told, "GIF", save_all=True, append_images=images[1:], loop=0, disposal=1, optimize=False,
                   duration=[each] * (len(images) - 1) + [max(each, REST)])
    return told.getvalue()
