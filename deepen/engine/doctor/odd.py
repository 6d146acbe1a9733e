"""Pictures that can be read but are not what most pictures are: how each is read is said aloud."""
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deepen.core.words import say
from deepen.engine.doctor.copies import Picture, names_of
from deepen.sources._finding import Finding, Level
from deepen.sources._looked import Looked

STRIP = 10              # times one side is longer than the other from which on a picture is a strip
TINY = 8                # pixels of the shorter side of a picture that shows nothing
BLANK = 2               # steps of grey between the brightest and the darkest place of a blank picture


def of_odd(good: Sequence[Picture], files: Sequence[Path], looked: Looked) -> list[Finding]:
    """Findings about pictures that can be read; equal cases are told together, with their number and the first names."""
    rows = looked.rows[[picture.row for picture in good]]
    return [_together(level, [good[at] for at in which], cause, mend)
            for level, which, cause, mend in (*_of_shape(rows), *_of_colours(rows), *_of_form(rows, good, files)) if len(which)]


def _together(level: Level, pictures: list[Picture], cause: str, mend: str) -> Finding:
    if len(pictures) == 1:
        return Finding(level, cause, mend, pictures[0].name, say("class {name}", name=pictures[0].label))
    return Finding(level, say("{count} pictures: {what} ({names})", count=len(pictures), what=cause, names=names_of(pictures)), mend)


def _of_shape(rows: np.ndarray):
    least, most = np.minimum(rows["width"], rows["height"]), np.maximum(rows["width"], rows["height"])
    tiny = (least < TINY) & (most < STRIP * TINY) & (np.median(least) >= 2 * TINY)
    strip = most >= STRIP * least.astype(np.int64)
    dark = rows["print"].max(1).astype(int) - rows["print"].min(1)
    blank = rows["print"].any(1) & (dark <= BLANK)
    yield ("warning", np.flatnonzero(tiny), say("so small that it shows nothing"), say("take it out, or find a larger one"))
    yield ("warning", np.flatnonzero(strip & ~tiny), say("a strip, far from a square: made square it shows little"),
           say("cut out what matters, or take it out"))
    yield ("warning", np.flatnonzero(blank), say("blank: one shade all over"), say("look whether it shows its class"))
    yield ("note", np.flatnonzero(rows["turned"]), say("turned upright as its EXIF says, in training and in use"), "")
    yield ("note", np.flatnonzero(rows["frames"] != 1), say("moves or has several pages; only the first picture is used"),
           say("save the others as files of their own, if they matter"))


def _of_colours(rows: np.ndarray):
    mode = rows["mode"]
    deep = rows["white"] > 0
    coloured = (mode == b"RGB").any()
    yield ("note", np.flatnonzero(np.isin(mode, (b"CMYK", b"YCCK"))), say("inks of a printer (CMYK), read as red, green, blue"), "")
    yield ("note", np.flatnonzero(np.isin(mode, (b"P", b"PA"))), say("colours from a palette, read as red, green, blue"), "")
    yield ("note", np.flatnonzero(rows["clear"]), say("has a channel for what is see-through, which becomes white"), "")
    yield ("note", np.flatnonzero(mode == b"1"), say("black and white alone (1 bit), read as grey 0 and 255"), "")
    if coloured:
        yield ("note", np.flatnonzero(np.isin(mode, (b"L", b"LA"))), say("grey among coloured ones, read as three equal channels"), "")
    for white in np.unique(rows["white"][deep]).tolist():
        yield ("note", np.flatnonzero(rows["white"] == white),
               say("more than 8 bits a pixel, scaled so that {white:g} is white", white=white), "")


def _of_form(rows: np.ndarray, good: Sequence[Picture], files: Sequence[Path]):
    """Pictures whose ending says another form than their bytes."""
    from PIL import Image as Pillow
    meant = Pillow.registered_extensions()
    wrong: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, (picture, form) in enumerate(zip(good, rows["format"].tolist(), strict=True)):
        suffix = files[picture.row].suffix.lower()
        if meant.get(suffix, "") not in (form.decode(), ""):
            wrong[suffix, form.decode()].append(at)
    for (suffix, form), which in sorted(wrong.items()):
        yield ("note", np.array(which), say("named {suffix} but is {form}; read as what it is", suffix=suffix, form=form), "")
    for form, count in zip(*np.unique(rows["format"], return_counts=True), strict=True):
        if count <= 3 and count < 0.01 * len(rows):         # one GIF among a hundred photos is seldom what it should be
            yield ("note", np.flatnonzero(rows["format"] == form), say("the only {form} here", form=form.decode()),
                   say("look whether it shows its class"))
