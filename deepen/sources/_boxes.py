"""Boxes round things in pictures, as the VOC form (one XML a picture) and the COCO form (one JSON a set) write them."""
import json
import math
import re
import xml.etree.ElementTree as Tree
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepen.core.words import say
from deepen.sources._encoding import decode
from deepen.sources._finding import Level, Trouble

LARGEST = 20 << 20          # bytes of one XML file


@dataclass(frozen=True)
class Box:
    """Corners in pixels, as they are written: x0 may be right of x1."""
    place: str              # "object 3", "annotation 17"
    name: str
    x0: float
    y0: float
    x1: float
    y1: float
    crowd: bool = False     # one that is not counted: COCO's crowd, VOC's difficult


@dataclass
class Boxed:
    """A picture and its boxes, as one file tells them."""
    file: str                                   # the XML or JSON, relative to the root
    picture: str                                # the picture's name as it stands there
    place: str = ""                             # "image 17" in a JSON
    size: tuple[int, int] | None = None         # (width, height) as written
    boxes: list[Box] = field(default_factory=list)


Note = Callable[[Level, str, str, str, str], None]       # level, cause, mend, file, place


def read_voc(raw: bytes, file: str, note: Note) -> Boxed:
    """One XML of the VOC form. No entity is ever expanded or fetched: a file that declares any is refused (`Trouble`)."""
    if len(raw) > LARGEST:
        raise Trouble(say("an XML of {size} MB describes no picture", size=len(raw) >> 20), say("remove it"), file)
    root = _tree(raw, file)
    stem = Path(file).stem
    size = root.find("size")
    told = Boxed(file, _text(root, "filename") or stem)
    if size is not None:
        try:
            told.size = (int(float(_text(size, "width"))), int(float(_text(size, "height"))))
        except (ValueError, OverflowError):
            note("warning", say("the picture's size is no number"), say("the size of the picture itself is used"), file, "")
    for number, thing in enumerate(root.iter("object"), 1):
        place, name = say("object {number}", number=number), _raw(thing, "name")
        corners = [_number(_text(thing, f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")]
        if any(corner is None for corner in corners):
            note("error", say("a box has no four numbers"),
                 say("write xmin, ymin, xmax and ymax, or remove the object"), file, place)
        else:
            told.boxes.append(Box(place, name, *corners, crowd=_text(thing, "difficult") == "1"))      # type: ignore[arg-type, misc]
    return told


def _tree(raw: bytes, file: str) -> Tree.Element:
    declared = re.search(rb"""^\W*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""", raw[:300])
    encoding = declared[1].decode("ascii").lower() if declared else ""
    try:
        text, _ = decode(raw, file, "cp949" if encoding in ("euc-kr", "ks_c_5601-1987") else encoding)
    except Trouble as trouble:
        if not encoding or trouble.finding.cause == say("the file is empty"):
            raise
        text, _ = decode(raw, file)
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise Trouble(say("the XML declares entities of its own, which can read other files or grow without end"),
                      say("remove the <!DOCTYPE …> part; it is not read"), file)
    try:
        return Tree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except (Tree.ParseError, ValueError, RecursionError) as error:
        line = getattr(error, "position", (1, 0))[0]
        raise Trouble(say("the XML is damaged or cut off ({reason})", reason=str(error).partition(":")[0]),
                      say("write it again, or remove it"),
                      file, say("line {line}", line=line)) from None


def _text(tree: Tree.Element, path: str) -> str:
    return (tree.findtext(path) or "").strip()


def _raw(tree: Tree.Element, path: str) -> str:
    return tree.findtext(path) or ""


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def read_coco(raw: bytes, file: str, note: Note) -> tuple[list[Boxed], list[str], int]:
    """A JSON of the COCO form -> (its pictures with boxes, its classes, how many polygons). `Trouble` when it is none."""
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 0)
        raise Trouble(say("the JSON is damaged or cut off ({reason})", reason=error), say("write or download it again"), file,
                      say("line {line}", line=line) if line else "") from None
    parts = [told.get(key) if isinstance(told, dict) else None for key in ("images", "annotations", "categories")]
    if not all(isinstance(part, list) for part in parts):
        raise Trouble(say("the JSON has no lists named images, annotations and categories"),
                      say("give a file in the COCO form"), file)
    images, annotations, categories = ([one for one in part if isinstance(one, dict)] for part in parts if part is not None)
    for key, part in zip(("images", "annotations", "categories"), parts, strict=True):
        for row, one in enumerate(part or ()):
            if not isinstance(one, dict):
                note("error", say("an entry is no object with names and values"), say("write it again, or remove it"), file, f"{key}[{row}]")
    classes = _categories(categories, file, note)
    known = _images(images, file, note)
    seen: set[Any] = set()
    polygons = 0
    for row, one in enumerate(annotations):
        number = _key(one.get("id"))
        place = say("annotation {number}", number=row + 1 if number is None else number)
        if number is not None and number in seen:
            note("warning", say("the id of an annotation is used twice"),
                 say("give each annotation an id of its own"), file, place)
        seen.add(number)
        picture = known.get(_key(one.get("image_id")))
        if picture is None:
            note("error", say("a box belongs to no picture: there is no image with this image_id"),
                 say("add the image, or remove the annotation"),
                 file, f"{place}, image_id {str(one.get('image_id'))[:60]}")
        name = classes.get(_key(one.get("category_id")))
        if name is None:
            note("error", say("a box has no class: there is no category with this category_id"),
                 say("add the category, or remove the annotation"),
                 file, f"{place}, category_id {str(one.get('category_id'))[:60]}")
        box = _bbox(one.get("bbox"))
        if box is None:
            note("error", say("a box has no four numbers"),
                 say("write bbox as [x, y, width, height], or remove the annotation"), file, place)
        elif picture is not None and name is not None:
            x, y, width, height = box
            picture.boxes.append(Box(place, name, x, y, x + width, y + height, bool(one.get("iscrowd"))))
        polygons += _polygons(one.get("segmentation"), file, place, note)
    return list(known.values()), list(classes.values()), polygons


def _key(value: Any) -> Any:
    return value if isinstance(value, (int, str)) else None


def _bbox(box: Any) -> list[float] | None:
    if not isinstance(box, list) or len(box) != 4 or any(isinstance(side, bool) for side in box):
        return None
    sides = [_number(side) if isinstance(side, (int, float)) else None for side in box]
    return None if any(side is None for side in sides) else sides       # type: ignore[return-value]


def _polygons(shape: Any, file: str, place: str, note: Note) -> int:
    if not isinstance(shape, list):
        return 0
    if any(not isinstance(part, list) or len(part) < 6 or len(part) % 2 for part in shape):
        note("warning", say("a polygon has fewer than three corners, or an odd count of numbers"),
             say("draw it again, or remove it"), file, place)
    return len(shape)


def _categories(categories: list[dict], file: str, note: Note) -> dict[Any, str]:
    classes: dict[Any, str] = {}
    for one in categories:
        number, name = _key(one.get("id")), str(one.get("name") or "")
        if number in classes:
            note("error", say("the id of a category is used twice"), say("give each category an id of its own"), file,
                 say("category {number}", number=number))
            continue
        if name in classes.values():
            note("error", say("two categories have the same name"), say("make them one, or name them apart"), file,
                 say("class {name}", name=name))
        classes[number] = name
    return classes


def _images(images: list[dict], file: str, note: Note) -> dict[Any, Boxed]:
    known: dict[Any, Boxed] = {}
    for one in images:
        number = _key(one.get("id"))
        place = say("image {number}", number=one.get("id"))
        if number in known:
            note("error", say("the id of an image is used twice, so its boxes cannot be told apart"),
                 say("give each image an id of its own"),
                 file, f"{place}, {str(one.get('file_name'))[:200]}")
            continue
        width, height = _number(one.get("width")), _number(one.get("height"))
        known[number] = Boxed(file, str(one.get("file_name") or ""), place,
                              None if width is None or height is None else (int(width), int(height)))
    return known
