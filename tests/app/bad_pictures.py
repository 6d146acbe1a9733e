"""Folders of pictures with one thing wrong in each."""
import io
import os
import struct
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bad_case import Case, noise
from PIL import Image

CLASSES, EACH = ("bees", "ants"), 10
FORMATS = {"jpg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "bmp": "BMP", "tif": "TIFF", "ppm": "PPM", "tga": "TGA",
           "jp2": "JPEG2000"}
_good: list[bytes] = []


def encoded(picture: Image.Image, form: str = "PNG", **how) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **how)
    return buffer.getvalue()


def good_folder(root: Path, classes=CLASSES, each: int = EACH) -> Path:
    """Class folders that nothing is wrong with."""
    while len(_good) < len(classes) * each:
        _good.append(encoded(noise(9000 + len(_good))))
    for i, name in enumerate(classes):
        (root / name).mkdir(parents=True, exist_ok=True)
        for j in range(each):
            (root / name / f"good{j}.png").write_bytes(_good[i * each + j])
    return root


def beside_good(name: str, content: bytes) -> Callable[[Path], Path]:
    """Good pictures, and this file in the class ants."""
    def make(folder: Path) -> Path:
        root = good_folder(folder / "photos")
        (root / "ants" / name).write_bytes(content)
        return root
    return make


def changed(change: Callable[[Path], None]) -> Callable[[Path], Path]:
    """Good pictures, and then a change of the folder."""
    def make(folder: Path) -> Path:
        root = good_folder(folder / "photos")
        change(root)
        return root
    return make


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_that_says(width: int, height: int, bits: int = 8, colour: int = 2, data: bytes = b"") -> bytes:
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def truncated() -> list[Case]:
    cases = []
    for suffix, form in FORMATS.items():
        whole = encoded(noise(101, (40, 40)), form)
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            cut = whole[: int(share * len(whole))]
            cases.append(Case(f"{suffix} cut at {share:.0%}", beside_good(f"cut.{suffix}", cut), "error", "ants/cut." + suffix))
        for count in (1, 4, 12):
            cases.append(Case(f"{suffix} of {count} bytes", beside_good(f"cut.{suffix}", whole[:count]), "error",
                              "ants/cut." + suffix))
    for share in (0.4, 0.8):
        whole = encoded(noise(102, (64, 64)), "JPEG", progressive=True)
        cases.append(Case(f"progressive jpg cut at {share:.0%}", beside_good("cut.jpg", whole[: int(share * len(whole))]),
                          "error", "ants/cut.jpg"))
    return cases


def not_pictures() -> list[Case]:
    contents = {"text": b"this is no picture\n" * 3, "html": b"<!doctype html><html><body>404</body></html>",
                "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "zip": b"PK\x03\x04" + b"\0" * 60, "gzip": b"\x1f\x8b\x08" + b"\0" * 60,
                "pdf": b"%PDF-1.7\n%\xe2\xe3\n1 0 obj", "json": b'{"error": "not found"}', "heic": b"\0\0\0\x18ftypheic" + b"\0" * 80,
                "mp4": b"\0\0\0\x18ftypisom" + b"\0" * 80, "zeros": bytes(500), "random": np.random.default_rng(5).bytes(700),
                "pickle": b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x02hi\x94.", "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
                b"(touched) (w) file closefile\nshowpage\n"}
    cases = [Case(f"{what} named {suffix}", beside_good(f"fake.{suffix}", content), "error", f"ants/fake.{suffix}")
             for what, content in contents.items() for suffix in ("jpg", "png")]
    cases += [Case(f"0 bytes named {suffix}", beside_good(f"empty.{suffix}", b""), "error", f"ants/empty.{suffix}", "empty|0 bytes")
              for suffix in FORMATS]
    return cases


def flipped() -> list[Case]:
    cases, random_numbers = [], np.random.default_rng(7)
    png = encoded(noise(103, (40, 40)))
    body = png.index(b"IDAT") + 4
    for i in range(6):
        raw = bytearray(png)
        raw[int(random_numbers.integers(body, len(png) - 16))] ^= 1 << int(random_numbers.integers(8))
        cases.append(Case(f"png with a flipped bit {i}", beside_good("flip.png", bytes(raw)), "error", "ants/flip.png"))
    for at, what in ((0, "signature"), (18, "width"), (24, "bit depth"), (30, "checksum")):
        raw = bytearray(png)
        raw[at] ^= 0xFF
        cases.append(Case(f"png with a broken {what}", beside_good("flip.png", bytes(raw)), "error", "ants/flip.png"))
    for suffix, form in (("jpg", "JPEG"), ("gif", "GIF"), ("webp", "WEBP"), ("tif", "TIFF"), ("bmp", "BMP")):
        whole = encoded(noise(104, (40, 40)), form)
        for i in range(3):
            raw = bytearray(whole)
            for at in random_numbers.integers(4, len(raw), 5):
                raw[at] ^= 0x55
            cases.append(Case(f"{suffix} with five changed bytes {i}", beside_good(f"flip.{suffix}", bytes(raw)), "any"))
    return cases


def bombs() -> list[Case]:
    jpeg = bytearray(encoded(noise(1), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at: at + 4] = struct.pack(">HH", 65500, 65500)
    gif = bytearray(encoded(noise(1), "GIF"))
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    bmp = bytearray(encoded(noise(1), "BMP"))
    bmp[18:26] = struct.pack("<ii", 200_000, 200_000)
    tall = encoded(Image.new("1", (12_000, 12_000)), "PNG")
    lies = {"png": png_that_says(60_000, 60_000), "jpg": bytes(jpeg), "gif": bytes(gif), "bmp": bytes(bmp),
            "ppm": b"P6\n60000 60000\n255\n" + bytes(300), "pgm": b"P5\n99999999 99999999\n255\n" + bytes(30)}
    cases = [Case(f"{suffix} that says it is huge", beside_good(f"bomb.{suffix}", raw), "error", f"ants/bomb.{suffix}",
                  "million|damaged|large|cut") for suffix, raw in lies.items()]
    cases.append(Case("png of 144 million pixels in a few bytes", beside_good("bomb.png", tall), "error", "ants/bomb.png", "million"))
    cases += [Case(f"png that says {width}x{height}", beside_good("odd.png", png_that_says(width, height)), "error", "ants/odd.png")
              for width, height in ((0, 0), (0, 9), (2**31 - 1, 1), (2**32 - 1, 2**32 - 1), (9, 9))]
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(30 << 20), 9))
    whole = encoded(noise(1))
    cases.append(Case("png with a text of 30 MB packed small", beside_good("text.png", whole[:33] + text + whole[33:]), "loads|error"))
    return cases


def odd_but_good() -> list[Case]:
    deep = Image.fromarray(np.random.default_rng(8).integers(0, 65535, (20, 20), dtype=np.uint16))
    floats = Image.fromarray(np.random.default_rng(9).random((20, 20), dtype=np.float32))
    holes = Image.fromarray(np.array([[np.nan, np.inf], [-np.inf, 0.5]], np.float32).repeat(9, 0).repeat(9, 1))
    palette = noise(11).quantize(8)
    exif = Image.Exif()
    exif[0x0112] = 6
    strange = Image.Exif()
    strange[0x0112] = 77
    files = {"cmyk.jpg": encoded(noise(12, mode="CMYK"), "JPEG"), "deep.png": encoded(deep), "deep.tif": encoded(deep, "TIFF"),
             "float.tif": encoded(floats, "TIFF"), "nan.tif": encoded(holes, "TIFF"), "palette.png": encoded(palette, transparency=b"\0\x40\xff"),
             "palette.gif": encoded(palette, "GIF"), "alpha.png": encoded(noise(13, mode="RGBA")), "greyalpha.png": encoded(noise(14, mode="LA")),
             "onebit.png": encoded(noise(15, mode="1")), "grey.jpg": encoded(noise(16, mode="L"), "JPEG"), "lab.tif": encoded(noise(17, mode="LAB"), "TIFF"),
             "alpha.webp": encoded(noise(18, mode="RGBA"), "WEBP"), "turned.jpg": encoded(noise(19), "JPEG", exif=exif),
             "strange-exif.jpg": encoded(noise(20), "JPEG", exif=strange), "garbage-after.jpg": encoded(noise(21), "JPEG") + b"garbage" * 60,
             "png-named.jpg": encoded(noise(22)), "jpeg-named.png": encoded(noise(23), "JPEG"), "gif-named.webp": encoded(noise(24), "GIF"),
             "UPPER.PNG": encoded(noise(25)), "one.png": encoded(noise(26, (1, 1))), "strip.png": encoded(noise(27, (3000, 2))),
             "column.png": encoded(noise(28, (2, 3000))), "two dots..jpg": encoded(noise(29), "JPEG"),
             "animated.gif": encoded(noise(30), "GIF", save_all=True, append_images=[noise(31), noise(32)]),
             "animated.webp": encoded(noise(33), "WEBP", save_all=True, append_images=[noise(34)]),
             "pages.tif": encoded(noise(35), "TIFF", save_all=True, append_images=[noise(36)]),
             "animated.png": encoded(noise(37), "PNG", save_all=True, append_images=[noise(38)])}
    return [Case(name, beside_good(name, raw), "loads", f"ants/{name}") for name, raw in files.items()]


def names() -> list[Case]:
    """Names that a terminal, a page or a file system may stumble over: a good picture loads, a bad one is told safely."""
    safe = {"escape": "evil\x1b[31mred\x1b[2J.png", "newline": "two\nlines.png", "return": "back\rward.png", "tab": "a\ttab.png",
            "bell": "ring\x07.png", "delete": "del\x7f\x08\x08.png", "c1": "csi\x9b31m.png", "bidi": "bidi\u202egnp.exe.png",
            "isolate": "iso\u2066late\u2069.png", "zero width": "zero\u200bwidth.png", "korean": "꿀벌 사진 (1) 사본.png", "emoji": "bee😀🐝.png",
            "nfd": unicodedata.normalize("NFD", "꿀벌그림.png"), "html": "<img src=x onerror=alert(1)>.png", "script": "<script>alert(1)<⁄script>.png",
            "markup": "[bold red]markup[⁄].png", "braces": "{finding} {0} %s {x.__class__}.png", "quote": "it's \"quoted\" `id` $(id).png",
            "dash": "--json.png", "star": "*?.png", "long": "긴" * 80 + ".png", "blank": "  blank  .png"}
    parts = {"escape": "evil", "newline": "two", "return": "back", "tab": "a", "bell": "ring", "delete": "del", "c1": "csi", "bidi": "bidi",
             "isolate": "iso", "zero width": "zero", "nfd": "꿀벌그림", "blank": "blank", "long": "긴긴긴"}
    cases = []
    for what, name in safe.items():
        cases.append(Case(f"good picture with {what} in its name", beside_good(name, encoded(noise(50))), "loads"))
        cases.append(Case(f"bad picture with {what} in its name", beside_good(name, b"no picture"), "error", parts.get(what, name)))
    for what in ("escape", "newline", "html", "braces", "bidi", "korean", "nfd"):
        name = safe[what].removesuffix(".png")

        def add(root: Path, name: str = name) -> None:
            good_folder(root, (*CLASSES, name), EACH)
        cases.append(Case(f"class with {what} in its name", changed(add), "loads"))

        def spoil(root: Path, name: str = name) -> None:
            (root / name).mkdir()
        cases.append(Case(f"empty class with {what} in its name", changed(spoil), "warning", parts.get(what, name).removesuffix(".png")))

        def single(root: Path, name: str = name) -> None:
            (root / name).mkdir()
            (root / name / "only.png").write_bytes(encoded(noise(60)))
        cases.append(Case(f"class of one with {what} in its name", changed(single), "error", parts.get(what, name).removesuffix(".png")))
    return cases


def undecodable(root: Path) -> None:
    """A name that is no UTF-8: what old Korean Linux and unzip leave behind."""
    with open(os.fsencode(root / "ants") + b"/\xb2\xdc\xb9\xfa.png", "wb") as file:
        file.write(b"no picture")


def structures() -> list[Case]:
    def empty(folder: Path) -> Path:
        (folder / "photos").mkdir()
        return folder / "photos"

    def only(*files: str):
        def make(folder: Path) -> Path:
            for name in files:
                (folder / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / "photos" / name).write_bytes(encoded(noise(zlib.crc32(name.encode()) % 1000)) if name.endswith("png") else b"text")
            return folder / "photos"
        return make

    def halves(train, valid=(), test=(), each=6):
        def make(folder: Path) -> Path:
            seed = 0
            for half, classes in (("train", train), ("val", valid), ("test", test)):
                for name in classes:
                    (folder / "photos" / half / name).mkdir(parents=True)
                    for i in range(each):
                        seed += 1
                        (folder / "photos" / half / name / f"{i}.png").write_bytes(encoded(noise(seed)))
            return folder / "photos"
        return make

    def copy_in(half_from: str, half_to: str, same: bool = True):
        def make(folder: Path) -> Path:
            root = halves(CLASSES, (), CLASSES)(folder)
            raw = (root / half_from).read_bytes()
            (root / half_to).write_bytes(raw)
            return root
        return make

    def one_class(folder: Path) -> Path:
        return good_folder(folder / "photos", ("bees",))

    def nested_one(folder: Path) -> Path:
        return good_folder(folder / "photos" / "all", CLASSES).parent

    def deep(root: Path) -> None:
        (root / "ants" / "a" / "b" / "c").mkdir(parents=True)
        (root / "ants" / "a" / "b" / "c" / "deep.png").write_bytes(b"no picture")

    def spoilt(root: Path) -> None:
        for file in (root / "ants").iterdir():
            file.write_bytes(b"")

    def both_spellings(root: Path) -> None:
        for form in ("NFC", "NFD"):
            folder = root / unicodedata.normalize(form, "나비")
            folder.mkdir(exist_ok=True)
            for i in range(6):
                (folder / f"{form}{i}.png").write_bytes(encoded(noise(200 + i + 10 * (form == "NFC"))))

    def few(count: int, name: str = "wasps"):
        def change(root: Path) -> None:
            (root / name).mkdir()
            for i in range(count):
                (root / name / f"{i}.png").write_bytes(encoded(noise(300 + i)))
        return change

    def link(name: str, to: str):
        return lambda root: os.symlink(to, root / name)

    def write(name: str, raw: bytes):
        def change(root: Path) -> None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(raw)
        return change

    def duplicate(root: Path) -> None:
        (root / "ants" / "copy.png").write_bytes((root / "bees" / "good0.png").read_bytes())

    def recompressed(root: Path) -> None:
        Image.open(root / "bees" / "good0.png").resize((48, 48)).save(root / "ants" / "again.jpg", quality=85)

    png = encoded(noise(70))
    return [
        Case("good folder", changed(lambda root: None), "fine"),
        Case("empty folder", empty, "error", "photos", "empty|nothing|no "),
        Case("only hidden files", only(".a", ".DS_Store"), "error", "photos"),
        Case("only litter", only("Thumbs.db", "__MACOSX/._a.png"), "error", "photos"),
        Case("only texts", only("a/b.doc", "c/d.doc"), "error", "photos"),
        Case("loose pictures", only("a.png", "b.png", "c.png"), "error", "photos"),
        Case("pictures beside the classes", changed(write("loose.png", png)), "note|warning", "photos"),
        Case("one class", one_class, "error", "bees", "one class"),
        Case("classes one level deeper", nested_one, "loads"),
        Case("class with one picture", changed(few(1)), "error", "wasps", "one picture"),
        Case("class with three pictures", changed(few(3)), "warning", "wasps", "3 pictures|few"),
        Case("empty class", changed(lambda root: (root / "wasps").mkdir()), "warning", "wasps"),
        Case("class without a picture", changed(write("wasps/readme.md", b"x")), "warning", "wasps"),
        Case("every picture of a class is spoilt", changed(spoilt), "error", "ants/good3.png"),
        Case("every picture of a class is spoilt, skipped", changed(spoilt), "error", "ants", "", ("--on-bad", "skip")),
        Case("one spoilt picture, skipped", beside_good("bad.png", b"no"), "warning", "ants/bad.png", "", ("--on-bad", "skip")),
        Case("a spoilt picture deep down", changed(deep), "error", "ants/a/b/c/deep.png"),
        Case("a spoilt picture whose name is no UTF-8", changed(undecodable), "error", "ants/"),
        Case("val without train", halves((), CLASSES, CLASSES), "error", "train"),
        Case("a class of the test that train has not", halves(CLASSES, (), (*CLASSES, "wasps")), "error", "wasps", "train"),
        Case("a class of train that val has not", halves((*CLASSES, "wasps"), CLASSES, ()), "note|warning", "wasps"),
        Case("train with one class", halves(("bees",), ("bees",)), "error", "bees"),
        Case("train with empty classes", halves(CLASSES, (), (), 0), "error", "train|photos"),
        Case("a folder beside train", lambda folder: _beside(halves(CLASSES, CLASSES)(folder)), "note|warning", "extra"),
        Case("copy in another class", changed(duplicate), "warning|error", "ants/copy.png", "same|copy|copies"),
        Case("near copy in another class", changed(recompressed), "warning|error|note", "ants/again.jpg", "same|copy|copies|alike|near"),
        Case("copy in the test", copy_in("train/bees/0.png", "test/bees/copy.png"), "warning|error", "copy.png", "same|copy|copies"),
        Case("link to the folder itself", changed(link("ants/loop", "..")), "note|warning", "loop", "link"),
        Case("link to itself", changed(link("ants/self.png", "self.png")), "error|warning", "ants/self.png"),
        Case("two links in a ring", changed(lambda root: (os.symlink("two.png", root / "ants/one.png"), os.symlink("one.png", root / "ants/two.png"))),
             "error|warning", "ants/one.png"),
        Case("dangling link", changed(link("ants/gone.png", "/nowhere/gone.png")), "error|warning", "ants/gone.png"),
        Case("a pipe named like a picture", changed(lambda root: os.mkfifo(root / "ants" / "pipe.png")), "error|warning", "ants/pipe.png"),
        Case("a folder named like a picture", changed(lambda root: (root / "ants" / "folder.png").mkdir()), "loads"),
        Case("HEIC pictures", changed(write("ants/iphone.heic", b"\0\0\0\x18ftypheic" + bytes(99))), "note|warning|error", "", "HEIC"),
        Case("one class in two spellings", changed(both_spellings), "loads"),
        Case("litter of two systems", changed(lambda root: (write("ants/Thumbs.db", b"x")(root), write("ants/.DS_Store", b"x")(root),
                                                            write("__MACOSX/ants/._good0.png", b"x")(root))), "fine"),
        Case("shares that leave nothing", changed(lambda root: None), "error", "", "valid", ("data.valid=0.6", "data.test=0.5")),
        Case("a setting nobody knows", changed(lambda root: None), "error", "data.sise", "size", ("data.sise=32",)),
        Case("a size of zero", changed(lambda root: None), "error", "data.size", "", ("data.size=0",)),
        Case("a folder nobody may open", changed(lambda root: (root / "ants").chmod(0)), "error", "ants"),
        Case("a picture nobody may read", changed(lambda root: (root / "ants" / "good1.png").chmod(0)), "error", "ants/good1.png")]


def _beside(root: Path) -> Path:
    (root / "extra").mkdir()
    (root / "extra" / "x.png").write_bytes(encoded(noise(80)))
    return root


def pictures() -> list[Case]:
    return [*truncated(), *not_pictures(), *flipped(), *bombs(), *odd_but_good(), *names(), *structures()]
