"""Answers about pictures as files that others read: drawn pictures, COCO JSON, VOC XML, masks of numbers, CSV."""
import csv
import io
import json
import xml.etree.ElementTree as Tree
from pathlib import Path
from typing import Any

import numpy as np

from deepen.core.things import Boxes, Mask, Text
from deepen.core.words import Failure, Problem
from deepen.engine import drawn
from deepen.engine.photo import Photo

FORMS = ("coco", "voc")


class Results:
    """A folder that answers are written into, one picture after another; `finish` writes what belongs to all of them.

    Of each picture NAME.png, with the answer drawn on it. Of boxes also boxes.json (COCO, every box with its score) or
    NAME.xml (VOC, those sure enough), of masks masks/NAME.png (numbers of classes, with their colours), of sentences
    captions.csv."""

    def __init__(self, kind, folder: Path, form: str | None):
        if form is not None and form not in FORMS:
            raise Problem("--as {form} is not known; choose {names}", form=form, names=", ".join(FORMS))
        if form is not None and not isinstance(kind, Boxes):
            raise Problem("--as is for boxes; this model answers with {kind}", kind=type(kind).__name__.lower())
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise Problem("the folder {path} is not empty; give --out a new one", path=folder)
        self.kind, self.folder, self.form = kind, folder, form or "coco"
        self.names: set[str] = set()
        self.pictures: list[dict[str, Any]] = []
        self.boxes: list[dict[str, Any]] = []
        self.lines: list[tuple[str, str]] = []

    def add(self, file: Path, one: Any) -> Path:
        """Write one picture's answer; returns where it is drawn."""
        name = self._free(file.stem)
        made = self._put(f"{name}.png", drawn.encoded(one.drawn()))
        if isinstance(self.kind, Mask):
            self._put(f"masks/{name}.png", drawn.encoded(drawn.indexed(one.answer, self.kind)))
        elif isinstance(self.kind, Boxes) and self.form == "voc":
            self._put(f"{name}.xml", voc(one, file))
        elif isinstance(self.kind, Boxes):
            self.pictures.append({"id": len(self.pictures) + 1, "file_name": file.name, "width": one.size[0], "height": one.size[1]})
            for left, top, right, bottom, kind, sure in one.answer.tolist():
                sides = [round(side, 2) for side in (left, top, right - left, bottom - top)]
                self.boxes.append({"id": len(self.boxes) + 1, "image_id": len(self.pictures), "category_id": int(kind) + 1, "bbox": sides,
                                   "area": round((right - left) * (bottom - top), 2), "iscrowd": 0, "score": round(sure, 6)})
        elif isinstance(self.kind, Text):
            self.lines.append((file.name, one.answer))
        return made

    def finish(self) -> None:
        """Write what belongs to all pictures."""
        if isinstance(self.kind, Boxes) and self.form == "coco":
            told = {"images": self.pictures, "annotations": self.boxes,
                    "categories": [{"id": place + 1, "name": name} for place, name in enumerate(self.kind.names)]}
            self._put("boxes.json", json.dumps(told, ensure_ascii=False).encode())
        elif isinstance(self.kind, Mask):
            self._put("masks/classes.txt", "".join(f"{name}\n" for name in self.kind.names).encode())
        elif isinstance(self.kind, Text):
            text = io.StringIO()
            csv.writer(text).writerows([("file", "text"), *self.lines])
            self._put("captions.csv", text.getvalue().encode("utf-8-sig"))      # so that a spreadsheet reads Hangul

    def _free(self, stem: str) -> str:
        """A name of its own: a.png and a.jpg become a and a-2."""
        name = next(name for name in (stem, *(f"{stem}-{k}" for k in range(2, 10**6))) if name.casefold() not in self.names)
        self.names.add(name.casefold())
        return name

    def _put(self, name: str, raw: bytes) -> Path:
        file = self.folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(raw)
        except OSError as error:
            raise Failure("{path} cannot be written: {reason}", path=file, reason=error.strerror or error) from None
        return file


def voc(one: Photo, file: Path) -> bytes:
    """The boxes that are sure enough as Pascal VOC's XML: whole pixels, counted from 1, the last ones inside."""
    root = Tree.Element("annotation")
    Tree.SubElement(root, "folder").text = file.resolve().parent.name
    Tree.SubElement(root, "filename").text = file.name
    _children(root, "size", width=one.size[0], height=one.size[1], depth=3)
    for left, top, right, bottom, kind, sure in one.boxes.tolist():
        thing = Tree.SubElement(root, "object")
        for tag, value in {"name": one.kind.names[int(kind)], "difficult": 0, "truncated": 0, "score": f"{sure:.6f}"}.items():
            Tree.SubElement(thing, tag).text = str(value)
        corners = np.array([left, top, right, bottom]).round().astype(int)
        corners[2:] = np.maximum(corners[2:], corners[:2] + 1)
        _children(thing, "bndbox", xmin=corners[0] + 1, ymin=corners[1] + 1, xmax=corners[2], ymax=corners[3])
    Tree.indent(root)
    return Tree.tostring(root, encoding="utf-8", xml_declaration=True)


def _children(parent, name: str, **values) -> None:
    made = Tree.SubElement(parent, name)
    for tag, value in values.items():
        Tree.SubElement(made, tag).text = str(value)
