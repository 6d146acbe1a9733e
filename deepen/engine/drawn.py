"""What is said about a picture, drawn on it: boxes with names, masks laid over, where a mask errs, its borders, a caption.

One hand draws for the report, `predict` and the Studio. Pictures are Pillow's, RGB.
"""
import base64
import io
import math
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib import resources

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from deepen.core.things import VOID

Colour = tuple[int, int, int]
# apart for every kind of colour-blindness: Okabe & Ito 2008 first, then Tol's muted ones
COLOURS: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167), (136, 34, 85),
    (68, 170, 153), (51, 34, 136), (153, 153, 51), (170, 68, 153), (221, 204, 119), (17, 119, 51), (136, 204, 238), (204, 102, 119))
RIGHT, WRONG, UNKNOWN = (60, 66, 76), (255, 140, 0), (120, 150, 200)        # of an error map; void is hatched too
CROWD = 12                                                                  # more boxes than this: colours without names
TRUE, SAID = (86, 180, 233), (255, 140, 0)                                  # borders of a truth and of an answer


def colour(place: int, own: Sequence[Colour] = ()) -> Colour:
    """The colour of class `place`: its `own` one if the data gives it, else one of sixteen, then their darker and lighter
    sisters."""
    if place < len(own):
        return tuple(own[place])        # type: ignore[return-value]
    base, turn = COLOURS[place % len(COLOURS)], place // len(COLOURS) % 3
    return base if not turn else tuple(one * 5 // 9 if turn == 1 else 255 - (255 - one) * 5 // 9 for one in base)   # type: ignore


@cache
def font(size: int):
    """Letters with Hangul in them: NanumGothic, as koreanize-matplotlib carries it."""
    file = resources.files("koreanize_matplotlib").joinpath("fonts/NanumGothic.ttf")
    return ImageFont.truetype(str(file), size)


def opened(pixels: Tensor) -> Image.Image:
    """uint8 (C, H, W), grey or RGB -> a Pillow picture, RGB."""
    array = pixels.cpu().numpy()
    return Image.fromarray(array[0] if len(array) == 1 else array.transpose(1, 2, 0)).convert("RGB")


def sized(image: Image.Image, least: int = 256, most: int = 1024) -> tuple[Image.Image, float]:
    """(the picture so large that names on it can be read and no larger than `most` a side, how many times as large)."""
    side = max(image.size)
    times = math.ceil(least / side) if side < least else min(1.0, most / side)
    if times == 1:
        return image, 1.0
    size = (max(1, round(image.width * times)), max(1, round(image.height * times)))
    return image.resize(size, Image.Resampling.NEAREST if times > 1 else Image.Resampling.BILINEAR), times


def boxes(image: Image.Image, rows, names: Sequence[str], least: float | None = 0.5, times: float = 1.0) -> Image.Image:
    """Boxes (n, 6) with name and score of those at least `least` sure; `least` None: of a truth, whose uncounted ones are
    thin and grey. `times`: by how much the picture was enlarged. In a crowd names would hide the things: a key tells them."""
    made = image.copy()
    pen, letters = ImageDraw.Draw(made), font(max(11, min(28, round(max(made.size) / 26))))
    wide = max(2, round(max(made.size) / 200))
    shown = [row for row in (list(map(float, one)) for one in rows) if least is None or row[5] >= least]
    for left, top, right, bottom, place, last in reversed(shown):                                           # the surest on top
        uncounted = least is None and last > 0.5
        ink = (150, 150, 150) if uncounted else colour(int(place))
        corners = [round(left * times), round(top * times), round(right * times) - 1, round(bottom * times) - 1]
        corners[2:] = max(corners[0], corners[2]), max(corners[1], corners[3])
        pen.rectangle(corners, outline=(0, 0, 0), width=wide + 2)
        pen.rectangle(corners, outline=ink, width=1 if uncounted else wide)
        if len(shown) > CROWD:
            continue
        told = names[int(place)] if int(place) < len(names) else str(int(place))
        _tab(pen, letters, corners[0], corners[1], told if least is None else f"{told} {last * 100:.0f}", ink, made.size)
    return made


def _tab(pen, letters, x: int, y: int, text: str, ink: Colour, size: tuple[int, int]) -> None:
    """A name on a tab above (or inside, where there is no room) the corner of its box."""
    x0, _, x1, y1 = pen.textbbox((0, 0), text, font=letters)
    wide, high = x1 - x0 + 6, y1 + 4
    left, top = max(0, min(x, size[0] - wide)), y - high if y >= high else y
    pen.rectangle([left, top, left + wide, top + high], fill=ink)
    pen.text((left + 3, top + 1), text, font=letters, fill=_readable(ink))


def _readable(ground: Colour) -> Colour:
    return (0, 0, 0) if 0.299 * ground[0] + 0.587 * ground[1] + 0.114 * ground[2] > 110 else (255, 255, 255)


def palette(count: int, own: Sequence[Colour] = ()) -> np.ndarray:
    """The colours of a mask's numbers: uint8 (256, 3); void is white, numbers of no class black."""
    table = np.zeros((256, 3), np.uint8)
    table[:count] = [colour(place, own) for place in range(count)]
    table[VOID] = 255
    return table


def indexed(mask: np.ndarray, kind) -> Image.Image:
    """A mask (H, W) as a picture of numbers with the colours of its classes, as VOC's are."""
    made = Image.fromarray(np.ascontiguousarray(mask, dtype=np.uint8))      # its mode is set by the palette
    made.putpalette(palette(len(kind.names), kind.colours).flatten().tolist())
    return made


def overlay(image: Image.Image, mask: np.ndarray, kind, opacity: float = 0.6) -> Image.Image:
    """A mask (H, W), of any size, laid over the picture in grey in the colours of its classes; void is left clear."""
    mask = _as_large(mask, image)
    paint = palette(len(kind.names), kind.colours)[mask].astype(np.float32)
    pixels = np.asarray(image.convert("L").convert("RGB"), np.float32)
    share = np.where(mask == VOID, 0, opacity)[..., None]
    return Image.fromarray((pixels * (1 - share) + paint * share).round().astype(np.uint8))


def errors(image: Image.Image, said: np.ndarray, truth: np.ndarray) -> Image.Image:
    """Where a mask is right (dark), wrong (bright) and not counted (hatched)."""
    said, truth = _as_large(said, image), _as_large(truth, image)
    down, across = np.indices(truth.shape)
    void = truth == VOID
    made = np.where((said == truth)[..., None], RIGHT, WRONG)
    made = np.where((void & ((down + across) // 3 % 2 == 0))[..., None], UNKNOWN, np.where(void[..., None], RIGHT, made))
    grey = np.asarray(image.convert("L"), np.float32)[..., None]
    return Image.fromarray((0.75 * made + 0.25 * grey).clip(0, 255).astype(np.uint8))


def borders(image: Image.Image, said: np.ndarray, truth: np.ndarray) -> Image.Image:
    """Where the classes meet in the truth and in the answer, on the picture in grey; where both do, white."""
    made = np.repeat(np.asarray(image.convert("L"), np.float32)[..., None] * 0.45, 3, 2)
    true, own = (_edges(_as_large(mask, image)) for mask in (truth, said))
    for where, ink in ((true, TRUE), (own, SAID), (_wider(true) & own, (255, 255, 255))):
        made[where] = ink
    return Image.fromarray(made.astype(np.uint8))


def _edges(mask: np.ndarray) -> np.ndarray:
    """Pixels whose right or lower neighbour is of another class, two wide; void ends nothing."""
    found = np.zeros(mask.shape, bool)
    found[:, :-1] |= (mask[:, 1:] != mask[:, :-1]) & (mask[:, 1:] != VOID) & (mask[:, :-1] != VOID)
    found[:-1] |= (mask[1:] != mask[:-1]) & (mask[1:] != VOID) & (mask[:-1] != VOID)
    return _wider(found) if min(mask.shape) > 128 else found


def _wider(found: np.ndarray) -> np.ndarray:
    made = found.copy()
    made[1:] |= found[:-1]
    made[:, 1:] |= found[:, :-1]
    return made


def _as_large(mask: np.ndarray, image: Image.Image) -> np.ndarray:
    mask = np.asarray(mask, np.uint8)
    if mask.shape == (image.height, image.width):
        return mask
    return np.asarray(Image.fromarray(mask).resize(image.size, Image.Resampling.NEAREST))


def beside(images: Sequence[Image.Image], gap: int = 6) -> Image.Image:
    """Pictures of one height side by side."""
    wide = sum(image.width for image in images) + gap * (len(images) - 1)
    sheet, x = Image.new("RGB", (wide, max(image.height for image in images)), "white"), 0
    for image in images:
        sheet.paste(image, (x, 0))
        x += image.width + gap
    return sheet


def captioned(image: Image.Image, text: str) -> Image.Image:
    """The picture with a sentence below it, in as many lines as it needs."""
    letters = font(max(13, min(30, image.width // 24)))
    lines, room = [""], image.width - 12
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        lines = [*lines[:-1], longer] if letters.getlength(longer) <= room or not lines[-1] else [*lines, word]
    high = round(letters.size * 1.45)
    made = Image.new("RGB", (image.width, image.height + high * len(lines) + 10), "white")
    made.paste(image, (0, 0))
    pen = ImageDraw.Draw(made)
    for place, line in enumerate(lines):
        pen.text((6, image.height + 4 + place * high), line, font=letters, fill=(20, 24, 32))
    return made


def keyed(image: Image.Image, kind, places: Iterable[int]) -> Image.Image:
    """The picture with the names of its classes `places` and their colours below it."""
    letters, x = font(max(13, min(26, image.width // 28))), 6
    rows: list[list[tuple[int, int]]] = [[]]
    high = round(letters.size * 1.5)
    for place in places:
        wide = round(letters.getlength(kind.names[place])) + high + 12
        if x + wide > image.width and rows[-1]:
            x, rows = 6, [*rows, []]
        rows[-1].append((x, place))
        x += wide
    made = Image.new("RGB", (image.width, image.height + high * len(rows) + 8), "white")
    made.paste(image, (0, 0))
    pen = ImageDraw.Draw(made)
    for line, row in enumerate(rows):
        for x, place in row:
            y = image.height + 5 + line * high
            pen.rectangle([x, y + 2, x + high - 8, y + high - 6], fill=colour(place, getattr(kind, "colours", ())), outline=(0, 0, 0))
            pen.text((x + high - 2, y), kind.names[place], font=letters, fill=(20, 24, 32))
    return made


def key(kind, places: Iterable[int] | None = None) -> str:
    """The names of classes with their colours, for a page."""
    shown = range(len(kind.names)) if places is None else places
    own = getattr(kind, "colours", ())
    return "<p class=key>" + "".join(
        f'<span><i style="background:rgb{colour(place, own)}"></i>{escape(kind.names[place])}</span>' for place in shown) + "</p>"


def encoded(image: Image.Image, form: str = "PNG", quality: int = 82) -> bytes:
    """The picture as the bytes of a file."""
    told = io.BytesIO()
    image.save(told, form, **({"quality": quality} if form == "JPEG" else {"optimize": True}))
    return told.getvalue()


def address(image: Image.Image, most: int = 48_000) -> str:
    """The picture as an address to put into a page: exact if that takes few bytes, else with as little loss as `most` bytes allow."""
    found, form = encoded(image), "png"
    for quality in (85, 70, 50, 30):
        if len(found) <= most:
            break
        found, form = encoded(image, "JPEG", quality), "jpeg"
    return f"data:image/{form};base64,{base64.b64encode(found).decode()}"
