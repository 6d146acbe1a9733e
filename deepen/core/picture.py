"""Pictures of any kind as 8-bit ones of one size: opening, deep grey values, transparency, fitting."""
import io
import math
import zlib

from deepen.core.words import Problem

PIXELS = 64_000_000     # larger pictures are refused before they are decoded
FITS = ("stretch", "crop", "pad-white", "pad-noise", "pad-edge")
DEPTHS = (255, 4095, 65535)             # the white of 8, 12 and 16 bits


def open_picture(raw: bytes, least: int | None = None):
    """Bytes -> a fully decoded Pillow picture, turned as its EXIF says; `Problem` when it is no whole picture.

    A JPEG much larger than `least` pixels a side is decoded at a half, a quarter or an eighth: up to 7 times faster.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps, UnidentifiedImageError
    if not raw:
        raise Problem("the file is empty (0 bytes)")
    try:
        picture = Pillow.open(io.BytesIO(raw))
        if picture.width * picture.height > PIXELS:
            raise Problem("the picture says it is {width}×{height}, more than {limit} million pixels; make it smaller",
                          width=picture.width, height=picture.height, limit=PIXELS // 1_000_000)
        if least:
            picture.draft(None, (least, least))     # both sides stay at least so long
        picture.load()
        ImageOps.exif_transpose(picture, in_place=True)
        return picture
    except UnidentifiedImageError:
        raise Problem("this is not a picture that can be read (it begins with {start})", start=raw[:8]) from None
    except Pillow.DecompressionBombError:
        raise Problem("the picture asks for more than {limit} million pixels; make it smaller",
                      limit=PIXELS // 1_000_000) from None
    except (Problem, MemoryError):
        raise
    except Exception as error:          # a decoder may raise anything on damaged bytes: RuntimeError, struct.error, …
        raise Problem("the picture is damaged or cut short ({reason}); save it again or remove it",
                      reason=error) from None


def size_of(raw: bytes) -> tuple[int, int]:
    """(width, height) of the picture in these bytes as an eye sees it, turned as its EXIF says. It must be a whole one."""
    from PIL import Image as Pillow
    with Pillow.open(io.BytesIO(raw)) as picture:
        turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        return (picture.height, picture.width) if turned else (picture.width, picture.height)


def is_deep(picture) -> bool:
    """Does the picture hold more than 8 bits a value: 16 or 32 bits, or floats?"""
    return picture.mode.startswith("I") or picture.mode == "F"


def white_of(picture) -> float:
    """The value that is white in a deep picture, by its own highest value: the end of the next depth in bits.

    The highest value itself would make a night as bright as a day. Floats up to 1 end at 1.
    """
    highest = float(_finite(picture).max())
    if picture.mode == "F" and highest <= 1:
        return 1
    return next((white for white in DEPTHS if highest <= white), 2.0 ** math.ceil(math.log2(highest + 1)) - 1)


def eight_bits(picture, white: float = 0):
    """A deep picture -> grey of 8 bits: 0 stays black, `white` becomes 255 (0: `white_of` it).

    Where many pictures belong together one white is for all of them, the largest: `Image.white`."""
    import numpy as np
    from PIL import Image as Pillow
    own = white_of(picture)
    top = own if own == 1 else white or own
    return Pillow.fromarray((_finite(picture) * (255 / top)).clip(0, 255).round().astype(np.uint8))


def _finite(picture):
    import numpy as np
    return np.nan_to_num(np.asarray(picture, dtype=np.float64), nan=0, posinf=0, neginf=0)


def on_white(picture):
    """What is transparent becomes white."""
    if "transparency" not in picture.info and picture.mode not in ("LA", "La", "RGBA", "RGBa", "PA"):
        return picture
    from PIL import Image as Pillow
    return Pillow.alpha_composite(Pillow.new("RGBA", picture.size, "white"), picture.convert("RGBA"))


def fitted(picture, size: tuple[int, int], fit: str):
    """A grey or RGB Pillow picture of any size -> one of `size` (width, height).

    stretch     each side by itself, so circles may become ellipses
    crop        the shorter side fits, what is too long is cut off evenly
    pad-white   the longer side fits, the rest is white
    pad-edge    … the rest repeats the pixels of the border
    pad-noise   … the rest is noise, so that a net cannot learn from the border; seeded by the pixels, so that a picture
                is the same whenever it is read
    """
    from PIL import Image as Pillow
    from PIL import ImageOps
    if picture.size == size:
        return picture
    if fit == "stretch":
        return picture.resize(size, Pillow.Resampling.BILINEAR)
    if fit == "crop":
        return ImageOps.fit(picture, size)
    scale = min(size[0] / picture.width, size[1] / picture.height)
    inside = (min(size[0], max(1, round(picture.width * scale))), min(size[1], max(1, round(picture.height * scale))))
    return _padded(picture.resize(inside, Pillow.Resampling.BICUBIC), size, fit)


def place(given: tuple[int, int], size: tuple[int, int], fit: str) -> tuple[float, float, float, float]:
    """Where `fitted` puts the pixels of a picture of `given` (width, height): (across, down, right, below), so that a
    corner (x, y) lies at (across · x + right, down · y + below) afterwards."""
    if given == size:
        return 1.0, 1.0, 0.0, 0.0
    if fit == "stretch":
        return size[0] / given[0], size[1] / given[1], 0.0, 0.0
    if fit == "crop":
        scale = max(size[0] / given[0], size[1] / given[1])
        return scale, scale, (size[0] - scale * given[0]) / 2, (size[1] - scale * given[1]) / 2
    scale = min(size[0] / given[0], size[1] / given[1])
    wide, high = (min(side, max(1, round(one * scale))) for side, one in zip(size, given, strict=True))
    return wide / given[0], high / given[1], (size[0] - wide) // 2, (size[1] - high) // 2


def fitted_mask(mask, size: tuple[int, int], fit: str, void: int = 255):
    """A mask (Pillow, one number a pixel) -> one of `size`, as `fitted` does with its picture; by the nearest pixel, so
    that no new class appears; what is added is `void`."""
    from PIL import Image as Pillow
    if mask.size == size:
        return mask
    across, down, right, below = place(mask.size, size, fit)
    return mask.transform(size, Pillow.Transform.AFFINE, (1 / across, 0, -right / across, 0, 1 / down, -below / down),
                          Pillow.Resampling.NEAREST, fillcolor=void)


def _padded(picture, size: tuple[int, int], fit: str):
    import numpy as np
    from PIL import Image as Pillow
    pixels = np.asarray(picture)                                            # (H, W) or (H, W, 3)
    left, top = (size[0] - picture.width) // 2, (size[1] - picture.height) // 2
    around = [(top, size[1] - picture.height - top), (left, size[0] - picture.width - left), (0, 0)][:pixels.ndim]
    if fit == "pad-edge":
        return Pillow.fromarray(np.pad(pixels, around, mode="edge"))
    canvas = np.full((size[1], size[0], *pixels.shape[2:]), 255, np.uint8)
    if fit == "pad-noise":                          # raw words of a named generator: the same in every version of numpy
        words = np.random.PCG64(zlib.crc32(pixels.tobytes())).random_raw(canvas.size // 8 + 1)
        canvas = words.view(np.uint8)[:canvas.size].reshape(canvas.shape)
    canvas[top:top + picture.height, left:left + picture.width] = pixels
    return Pillow.fromarray(canvas)
