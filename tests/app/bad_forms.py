"""Boxes, masks, captions and texts with one thing wrong in each."""
import json
import os
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from bad_case import Case, file_with, noise
from bad_pictures import encoded
from PIL import Image

COUNT = 12


def jpegs(folder: Path, count: int = COUNT, size=(64, 48), stem: str = "im") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        (folder / f"{stem}{i}.jpg").write_bytes(encoded(noise(i, size), "JPEG"))


def thing(name: str = "cell", box=(4, 5, 30, 40)) -> str:
    corners = "".join(f"<{key}>{value}</{key}>" for key, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{escape(name)}</name><difficult>0</difficult><bndbox>{corners}</bndbox></object>"


def page(file: str, *things: str, size=(64, 48)) -> str:
    return (f"<annotation><filename>{file}</filename><size><width>{size[0]}</width><height>{size[1]}</height>"
            f"<depth>3</depth></size>{''.join(things)}</annotation>")


def voc(content: str | bytes | None, file: str = "bad.xml", more: Callable[[Path], object] | None = None) -> Callable[[Path], Path]:
    """Good annotations, and one more file of them that speaks of im11.jpg (None: there is none)."""
    def make(folder: Path) -> Path:
        root = folder / "boxes"
        jpegs(root / "JPEGImages")
        (root / "Annotations").mkdir()
        for i in range(COUNT - 1):
            (root / "Annotations" / f"im{i}.xml").write_text(page(f"im{i}.jpg", thing(("cell", "dot")[i % 2], (3 + i, 4, 30 + i, 40))))
        if content is not None:
            (root / "Annotations" / file).write_bytes(content.encode() if isinstance(content, str) else content)
        if more:
            more(root)
        return root
    return make


def boxes() -> list[Case]:
    bomb = ('<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefg", "bcdefgh", strict=True))
            + "]><annotation><filename>im11.jpg</filename>" + thing("x").replace(">x<", ">&h;<") + "</annotation>")
    secret = '<!DOCTYPE a [<!ENTITY s SYSTEM "file:///etc/passwd">]>' + page("im11.jpg", thing("x").replace(">x<", ">&s;<"))
    said = "error|warning"
    cases = {
        "a box beyond the picture": (page("im11.jpg", thing(box=(10, 10, 900, 40))), said, "outside|beyond|clip|picture"),
        "a box before the picture": (page("im11.jpg", thing(box=(-20, 10, 30, 40))), said, "outside|beyond|clip|picture"),
        "a box wholly outside": (page("im11.jpg", thing(box=(900, 900, 950, 950))), said, "outside|beyond|clip|picture"),
        "a box of no width": (page("im11.jpg", thing(box=(10, 10, 10, 40))), said, "area|width|empty"),
        "a box of no area": (page("im11.jpg", thing(box=(10, 10, 10, 10))), said, "area|width|empty"),
        "corners swapped": (page("im11.jpg", thing(box=(40, 40, 10, 10))), said, ""),
        "a corner that is no number": (page("im11.jpg", thing(box=("ten", 1, 30, 40))), said, ""),
        "a corner that is nan": (page("im11.jpg", thing(box=("nan", 1, 30, 40))), said, ""),
        "a corner that is inf": (page("im11.jpg", thing(box=(1, 1, "inf", 40))), said, ""),
        "a corner missing": (page("im11.jpg", thing().replace("<xmax>30</xmax>", "")), said, ""),
        "no box in an object": (page("im11.jpg", "<object><name>cell</name></object>"), said, ""),
        "no name": (page("im11.jpg", thing("")), said, "name|class"),
        "a blank name": (page("im11.jpg", thing("   ")), said, "name|class"),
        "the wrong size": (page("im11.jpg", thing(), size=(640, 480)), said, "size|64"),
        "a picture that is not there": (page("gone.jpg", thing()), said, "gone.jpg|picture"),
        "a picture outside the folder": (page("../../../../etc/passwd", thing()), said, ""),
        "XML cut off": (page("im11.jpg", thing())[:90], said, "XML|read|cut"),
        "XML that is empty": ("", said, ""),
        "XML of another kind": ("<html><body>404</body></html>", said, ""),
        "text named xml": ("no XML at all", said, ""),
        "bytes named xml": (bytes(range(256)), said, ""),
        "an entity from a file": (secret, said, ""),
        "entities that grow": (bomb, said, "")}
    made = [Case(f"VOC: {what}", voc(content), level, "bad.xml", about) for what, (content, level, about) in cases.items()]
    fine = {"no object": page("im11.jpg"), "half pixels": page("im11.jpg", thing(box=(3.5, 4.25, 30.75, 40))),
            "a size of zero": page("im11.jpg", thing(), size=(0, 0)), "names in Korean": page("im11.jpg", thing("세포"))}
    made += [Case(f"VOC: {what}", voc(content), "loads") for what, content in fine.items()]
    made.append(Case("VOC: EUC-KR", voc(('<?xml version="1.0" encoding="euc-kr"?>' + page("im11.jpg", thing("세포"))).encode("euc-kr")), "loads"))
    made.append(Case("VOC: good", voc(page("im11.jpg", thing()), "im11.xml"), "fine"))
    made.append(Case("VOC: a spoilt picture", voc(page("im11.jpg", thing()), "im11.xml", lambda root: (root / "JPEGImages/im3.jpg").write_bytes(b"x")),
                     said, "im3"))
    made.append(Case("VOC: a picture without annotation", voc(None), "warning|note", "im11.jpg"))
    made.append(Case("VOC: an escape in the class", voc(page("im11.jpg", thing("evil\x9b31m", (9, 9, 9, 9)))), said, "bad.xml"))
    made.append(Case("VOC: a picture is a pipe", voc(page("pipe.jpg", thing()), "pipe.xml", lambda root: os.mkfifo(root / "JPEGImages/pipe.jpg")), said, "pipe"))
    made.append(Case("VOC: an annotation is a pipe", voc(None, more=lambda root: os.mkfifo(root / "Annotations/pipe.xml")), said, "pipe.xml"))
    made.append(Case("VOC: no annotation at all", voc(None, more=lambda root: [file.unlink() for file in (root / "Annotations").iterdir()]), said, "Annotations|boxes|JPEGImages"))
    return made


def coco(change: Callable[[dict], object] | None = None, raw: bytes | None = None) -> Callable[[Path], Path]:
    """COCO boxes beside their pictures, changed; or these bytes in place of the JSON."""
    def make(folder: Path) -> Path:
        root = folder / "coco"
        jpegs(root / "images")
        told = {"images": [{"id": i, "file_name": f"im{i}.jpg", "width": 64, "height": 48} for i in range(COUNT)],
                "annotations": [{"id": i, "image_id": i, "category_id": 1 + i % 2, "bbox": [3 + i, 4, 20, 30], "area": 600, "iscrowd": 0} for i in range(COUNT)],
                "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "dot"}]}
        if change:
            change(told)
        (root / "instances.json").write_bytes(json.dumps(told).encode() if raw is None else raw)
        return root
    return make


def coco_cases() -> list[Case]:
    def box(*numbers):
        return lambda told: told["annotations"][5].update(bbox=list(numbers))

    def one(list_name: str, **values):
        return lambda told: told[list_name][5].update(values)
    said = "error|warning"
    changes = {
        "a box of negative width": box(10, 10, -5, 20), "a box of no area": box(10, 10, 0, 0), "a box of three numbers": box(0, 0, 5),
        "a box with null": box(0, 0, None, 5), "a box of words": box("a", "b", "c", "d"), "a box beyond the picture": box(10, 10, 500, 20),
        "a box that is no list": one("annotations", bbox="whole"), "no box": lambda told: told["annotations"][5].pop("bbox"),
        "a category nobody named": one("annotations", category_id=42), "a picture nobody named": one("annotations", image_id=99),
        "two pictures of one id": one("images", id=4), "a file that is not there": one("images", file_name="gone.jpg"),
        "a path that leaves the folder": one("images", file_name="../../outside.jpg"), "the wrong size": one("images", width=640, height=480),
        "two categories of one id": lambda told: told["categories"][1].update(id=1), "a category without a name": lambda told: told["categories"][1].pop("name"),
        "no annotations": lambda told: told.pop("annotations"), "no pictures": lambda told: told.update(images=[]),
        "pictures that are no list": lambda told: told.update(images={"a": 1}), "an annotation that is a number": lambda told: told["annotations"].append(7)}
    made = [Case(f"COCO: {what}", coco(change), said, "instances.json|im5.jpg|gone.jpg|outside.jpg|im4.jpg") for what, change in changes.items()]
    raws = {"cut off": b'{"images": [{"id": 1, "file', "empty": b"", "a list": b"[]", "null": b"null", "a number": b"7", "deep": b"[" * 100_000,
            "no JSON": b"<html>", "NaN": b'{"images": NaN, "annotations": [], "categories": []}', "huge number": b'{"images": 1' + b"0" * 5000 + b"}"}
    made += [Case(f"COCO: JSON {what}", coco(raw=raw), said, "instances.json|coco") for what, raw in raws.items()]
    return [*made, Case("COCO: good", coco(), "fine")]


def masks(change: Callable[[Path], object]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        root = folder / "masked"
        jpegs(root / "images")
        (root / "masks").mkdir()
        for i in range(COUNT):
            ids = (np.random.default_rng(i).random((6, 8)) > 0.5).astype(np.uint8).repeat(8, 0).repeat(8, 1)
            Image.fromarray(ids).save(root / "masks" / f"im{i}.png")
        (root / "classes.txt").write_text("0 background\n1 cell\n")
        change(root)
        return root
    return make


def mask_cases() -> list[Case]:
    def put(picture: Image.Image, name: str = "im5.png"):
        return lambda root: picture.save(root / "masks" / name)
    ids = np.zeros((48, 64), np.uint8)
    ids[8:20, 8:20] = 1
    strange = ids.copy()
    strange[30:40, 30:40] = 37
    void = ids.copy()
    void[:2] = 255
    edges = Image.fromarray(ids * 255).resize((16, 12)).resize((64, 48))
    said = "error|warning"
    return [
        Case("masks: good", masks(lambda root: None), "fine"),
        Case("masks: void is 255", masks(put(Image.fromarray(void))), "loads"),
        Case("masks: an id nobody named", masks(put(Image.fromarray(strange))), said, "im5.png", "37"),
        Case("masks: half the size", masks(put(Image.fromarray(ids[::2, ::2]))), said, "im5.png", "size|32"),
        Case("masks: in colour", masks(put(Image.fromarray((ids * 255)[:, :, None].repeat(3, 2)))), f"{said}|note", "im5.png"),
        Case("masks: saved as JPEG", masks(lambda root: ((root / "masks/im5.png").unlink(), edges.save(root / "masks/im5.jpg", quality=30))), said, "im5.jpg"),
        Case("masks: one is missing", masks(lambda root: (root / "masks/im5.png").unlink()), said, "im5"),
        Case("masks: one without a picture", masks(lambda root: (root / "images/im5.jpg").unlink()), f"{said}|note", "im5"),
        Case("masks: one is spoilt", masks(lambda root: (root / "masks/im5.png").write_bytes(b"\x89PNG\r\n")), said, "im5.png"),
        Case("masks: one is empty", masks(lambda root: (root / "masks/im5.png").write_bytes(b"")), said, "im5.png"),
        Case("masks: one is a pipe", masks(lambda root: (os.mkfifo(root / "masks/pipe.png"), (root / "images/pipe.jpg").write_bytes((root / "images/im1.jpg").read_bytes()))), said, "pipe"),
        Case("masks: a picture is spoilt", masks(lambda root: (root / "images/im5.jpg").write_bytes(b"x")), said, "im5.jpg"),
        Case("masks: none at all", masks(lambda root: [file.unlink() for file in (root / "masks").iterdir()]), said, "masks|masked|im"),
        Case("masks: one says it is huge", masks(lambda root: (root / "masks/im5.png").write_bytes(
            __import__("bad_pictures").png_that_says(60_000, 60_000, 8, 0))), said, "im5.png")]


def captions(lines: list[str] | None, raw: bytes | None = None) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        root = folder / "told"
        jpegs(root / "images", stem="c")
        good = ["image,caption", *(f"c{i}.jpg,a picture of number {word}" for i, word in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]))]
        (root / "captions.csv").write_bytes(raw if raw is not None else "\n".join([*good, *(lines or [])]).encode())
        return root
    return make


def caption_cases() -> list[Case]:
    said = "error|warning"
    head = "image,caption\n"
    return [
        Case("captions: good", captions([]), "fine"),
        Case("captions: one is empty", captions(["c3.jpg,"]), said, "line 14|c3.jpg"),
        Case("captions: one is blank", captions(['c3.jpg,"   "']), said, "line 14|c3.jpg"),
        Case("captions: a picture that is not there", captions(["nowhere.jpg,a lost one"]), said, "nowhere.jpg|line 14"),
        Case("captions: commas without quotes", captions(["c3.jpg,one, two, three"]), said, "line 14|c3.jpg"),
        Case("captions: a path that leaves the folder", captions(["../../../etc/hosts,a secret"]), said, "line 14|hosts"),
        Case("captions: a name in capitals", captions(["C4.JPG,shouted"]), f"{said}|note|loads", "C4.JPG|line 14"),
        Case("captions: the same twice", captions(["c3.jpg,a picture of number four"]), f"{said}|note", "line 14|c3.jpg|captions.csv"),
        Case("captions: 10,000 letters", captions(["c3.jpg," + "very " * 2000]), f"{said}|note|loads", "line 14|c3.jpg|captions.csv"),
        Case("captions: a quote never closed", captions(['c3.jpg,"open', "c4.jpg,more"]), said, "line 14"),
        Case("captions: emoji alone", captions(["c3.jpg,😀😀"]), "loads"),
        Case("captions: half CP949", captions(None, (head + "c0.jpg,하나\nc1.jpg,둘\n").encode() + "c2.jpg,꽃 위의 벌\nc3.jpg,나비\n".encode("cp949")), said, "captions.csv"),
        Case("captions: only names", captions(None, head.encode()), said, "captions.csv"),
        Case("captions: an empty file", captions(None, b""), said, "captions.csv"),
        Case("captions: an escape", captions(["\x1b[31mgone\x07.jpg,lost"]), said, "gone|line 14"),
        Case("captions: a picture is a pipe", lambda folder: (root := captions(["pipe.jpg,a pipe"])(folder), os.mkfifo(root / "images/pipe.jpg"))[0], said, "pipe.jpg"),
        Case("captions: the list is a pipe", lambda folder: (root := captions([])(folder), (root / "captions.csv").unlink(), os.mkfifo(root / "captions.csv"),
                                                            os.rename(root / "captions.csv", root / "pipe.csv"))[0], "error|warning|note|loads"),
        Case("captions: a spoilt picture", lambda folder: (root := captions([])(folder), (root / "images/c3.jpg").write_bytes(b"x"))[0], said, "c3.jpg")]


def text_cases() -> list[Case]:
    prose = "동해 물과 백두산이 마르고 닳도록 하느님이 보우하사 우리나라 만세.\n" * 40
    utf8 = prose.encode()
    return [
        Case("text: good", file_with("book.txt", utf8), "fine"),
        Case("text: CP949", file_with("book.txt", prose.encode("cp949")), "loads"),
        Case("text: UTF-16", file_with("book.txt", prose.encode("utf-16")), "loads"),
        Case("text: one line", file_with("book.txt", utf8.replace(b"\n", b" ") * 20), "loads"),
        Case("text: 0 bytes", file_with("book.txt", b""), "error", "book.txt", "empty"),
        Case("text: blanks", file_with("book.txt", b"  \n\t \n"), "error", "book.txt", "empty|blank|words"),
        Case("text: three words", file_with("book.txt", "세 낱말 뿐".encode()), "error|warning", "book.txt"),
        Case("text: spoilt bytes", file_with("book.txt", utf8[:900] + b"\xff\xfe\xc3\x28" + utf8[900:]), "error|warning", "book.txt"),
        Case("text: half CP949", file_with("book.txt", utf8 + prose.encode("cp949")), "error|warning", "book.txt"),
        Case("text: a NUL", file_with("book.txt", utf8[:99] + b"\0" + utf8[99:]), "error|warning", "book.txt"),
        Case("text: NUL alone", file_with("book.txt", bytes(500)), "error", "book.txt"),
        Case("text: noise", file_with("book.txt", np.random.default_rng(6).bytes(5000)), "error", "book.txt"),
        Case("text: a picture", file_with("book.txt", encoded(noise(2))), "error", "book.txt"),
        Case("text: a ZIP", file_with("book.txt", b"PK\x03\x04" + bytes(500)), "error", "book.txt"),
        Case("text: marks that turn the line", file_with("book.txt", ("\u202e숨은 글\u202c\u200b " + prose).encode()), "loads|warning|note"),
        Case("text: escapes", file_with("book.txt", ("\x1b[31m빨강\x1b[2J " + prose).encode()), "loads|warning|note")]


def forms() -> list[Case]:
    return [*boxes(), *coco_cases(), *mask_cases(), *caption_cases(), *text_cases()]
