"""What one file is: by its first bytes, then by its name."""
import json
import re
from pathlib import Path

from deepen.core.words import say
from deepen.sources import _archive, _peek
from deepen.sources._finding import Trouble
from deepen.sources._form import Form

PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".jp2", ".avif",
            ".jpe", ".jfif", ".pnm", ".tga", ".ico", ".heic", ".heif")
MODELS = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".npy", ".npz", ".onnx", ".safetensors", ".h5", ".hdf5", ".keras",
          ".pb", ".tflite", ".joblib", ".skops", ".gguf", ".mlmodel", ".bin")
TEXT = (".csv", ".tsv", ".txt", ".tab", ".dat", ".data", "")
SHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
FILMS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mp3", ".wav", ".flac", ".ogg", ".m4a")
PAPERS = (".pdf", ".doc", ".docx", ".ppt", ".pptx", ".hwp", ".hwpx", ".rtf", ".epub")
PACKED = (".zip", ".7z", ".rar", ".bz2", ".xz", ".zst", *_archive.TARS)


def of_file(path: Path) -> Form:
    """The form of one file; `Trouble` says what it is otherwise and what to give instead."""
    name, suffix = path.name, path.suffix.lower()
    if suffix in MODELS and not name.lower().endswith("_batch.bin"):
        raise Trouble(say("this is a model file or a file of arrays ({suffix}), not data", suffix=suffix),
                      say("give the data the model was trained on: a folder of pictures, a table, text; deepen's own models are used by their run"), name)
    if name.lower().endswith(PACKED) or _packed(path):
        return _of_archive(path)
    if suffix == ".gz":
        return _of_gz(path)
    if suffix == ".parquet":
        return _of_parquet(path)
    if suffix == ".sgf":
        return Form("games", say("{file} is a record of a game of go (SGF)", file=name), path, None)
    if suffix == ".json":
        return of_json(path)
    _refuse(path, suffix)
    raw = _peek.head(path)
    if b"version https://git-lfs" in raw[:40]:
        raise Trouble(say("this is a pointer of Git LFS, not the file itself"), say("fetch it with: git lfs pull"), name)
    if raw[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise Trouble(say("this is a web page, not data"), say("download the file itself"), name)
    if suffix in TEXT or suffix in (".md", ".log", ".text"):
        return _of_text(path, suffix, raw)
    raise Trouble(say("this is a {suffix} file, which deepen does not read", suffix=suffix),
                  say("give a folder of pictures, a table ({tables}) or text (.txt)", tables=".csv .tsv .parquet"), name)


def _refuse(path: Path, suffix: str) -> None:
    """What is plainly something else, each with its own way out."""
    name = path.name
    if suffix in PICTURES:
        raise Trouble(say("this is one picture, and nothing is learned from one"),
                      say("give the folder that holds a folder of pictures for each class"), name)
    if suffix in SHEETS:
        raise Trouble(say("this is a workbook of a spreadsheet program ({suffix})", suffix=suffix),
                      say("in Excel choose Save As, CSV UTF-8, and give that file"), name)
    if suffix in (".html", ".htm"):
        raise Trouble(say("this is a web page, not data"), say("download the file itself"), name)
    if suffix in PAPERS:
        raise Trouble(say("this is a document ({suffix}), not data", suffix=suffix),
                      say("for text save it as .txt (UTF-8), for a table as CSV"), name)
    if suffix in FILMS:
        raise Trouble(say("this is a film or a sound ({suffix}), which deepen does not read", suffix=suffix),
                      say("for pictures save single frames as .jpg in a folder for each class"), name)
    if suffix == ".xml":
        raise Trouble(say("this is one XML file"),
                      say("for boxes in the VOC form give the folder that holds Annotations and JPEGImages"), name)
    if suffix in (".jsonl", ".ndjson"):
        raise Trouble(say("this is one JSON object a line"), say("save it as CSV (UTF-8) or Parquet"), name)
    if suffix in (".db", ".sqlite", ".sqlite3", ".mdb"):
        raise Trouble(say("this is a database"), say("save the table you need as CSV (UTF-8) or Parquet"), name)
    if suffix in (".py", ".ipynb"):
        raise Trouble(say("this is a program, not data"),
                      say("give the data; a system of your own is trained with: deepen train {file}", file=name), name)


def _packed(path: Path) -> bool:
    with open(path, "rb") as file:
        start = file.read(6)
    return start.startswith((b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"Rar!")) and path.suffix.lower() not in (*SHEETS, *PAPERS)


def _of_archive(path: Path) -> Form:
    """Text in a ZIP, a folder for each class, is read as it is; any other archive is told what it holds."""
    name = path.name
    if not (path.suffix.lower() == ".zip" or _archive.is_tar(path) or _packed(path)) or path.suffix.lower() in (".7z", ".rar"):
        raise Trouble(say("this is a packed file ({suffix})", suffix=path.suffix),
                      say("unpack it, and give the file or the folder that comes out of it"), name)
    found = _archive.inside(path)
    if not found.sizes:
        raise Trouble(say("the archive holds no file"), say("check that the right file was given"), name)
    texts = [member for member in found.sizes if member.lower().endswith(".txt")]
    classes = {tuple(member.split("/")[:-1]) for member in texts if "/" in member}
    if not _archive.is_tar(path) and len(texts) >= 0.9 * len(found.sizes) and len(classes) > 1 and len(texts) > len(classes):
        return Form("text", say("{file} holds a folder of texts for each class: {names}", file=name,
                                names=", ".join(sorted("/".join(one[-1:]) for one in classes)[:5])), path, None)
    kinds: dict[str, int] = {}
    for member in found.sizes:
        kind = re.sub(r".*(\.\w+)$|.*", r"\1", member).lower() or say("without ending")
        kinds[kind] = kinds.get(kind, 0) + 1
    shown = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda one: -one[1])[:4])
    raise Trouble(say("this is an archive with {count} files ({kinds}): {names}", count=len(found.sizes), kinds=shown,
                      names=", ".join(list(found.sizes)[:3]) + (", …" if len(found.sizes) > 3 else "")),
                  say("unpack it, and give the folder that comes out of it"), name)


def _of_gz(path: Path) -> Form:
    raw, inner = _peek.head(path), Path(path.stem)
    if raw[:2] == b"\0\0" or "ubyte" in path.name:
        raise Trouble(say("this is one file of a set in the IDX form"),
                      say("give the folder that holds all four of them"), path.name)
    if raw[:2] == b"\x1f\x8b":
        raise Trouble(say("the packed file is damaged"), say("download or copy it again"), path.name)
    if inner.suffix.lower() in TEXT:
        form = _of_text(path, inner.suffix.lower(), raw)
        if form.name in ("text", "corpus"):
            return form
    raise Trouble(say("this is a packed file ({suffix})", suffix=path.suffix),
                  say("unpack it, and give the file or the folder that comes out of it"), path.name)


def _of_parquet(path: Path) -> Form:
    if picture_columns(path):
        return Form("packed", say("{file} is a Parquet file with pictures in it", file=path.name), path, "cifar")
    return Form("table", say("{file} is a table in the Parquet form", file=path.name), path, "table")


def picture_columns(path: Path) -> list[str]:
    """Columns of a Parquet file that hold pictures: bytes, or the pair of bytes and path that data sets come in."""
    import pyarrow as pa
    from pyarrow import parquet
    try:
        schema = parquet.read_schema(path)
    except (pa.ArrowException, OSError):
        return []                                           # the reader of tables says what is wrong with it
    def holds(kind) -> bool:
        if pa.types.is_struct(kind):
            return kind.get_field_index("bytes") >= 0
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return [one.name for one in schema if holds(one.type)]


def of_json(path: Path) -> Form:
    """COCO, by its keys at the beginning and the end of the file."""
    with open(path, "rb") as file:
        raw = file.read(1 << 16)
        size = path.stat().st_size
        file.seek(max(len(raw), size - (1 << 16)))
        tail = file.read()
    keys = {key for key in (b"images", b"annotations", b"categories", b"bbox", b"image_id", b"file_name", b"caption")
            if re.search(rb'"' + key + rb'"\s*:', raw + tail)}
    if b"caption" in keys and b"annotations" in keys and b"bbox" not in keys:
        return Form("captions", say("{file} has images and annotations with captions, as COCO has", file=path.name), path, "captions")
    if len(keys & {b"images", b"annotations", b"categories"}) >= 2 or (b"images" in keys and b"file_name" in keys):
        return Form("coco", say("{file} has images, annotations and categories: the COCO form", file=path.name), path, "coco")
    try:
        json.loads(raw + tail if size <= 1 << 17 else b"0")
    except (ValueError, RecursionError) as error:
        raise Trouble(say("the JSON is damaged ({reason})", reason=error), say("write or download it again"), path.name) from None
    raise Trouble(say("this JSON is not in a form that deepen reads (COCO: images, annotations, categories)"),
                  say("save a table as CSV (UTF-8) or Parquet, boxes in the COCO form"), path.name)


def _of_text(path: Path, suffix: str, raw: bytes) -> Form:
    """A table, sentences with labels, captions, or plain text."""
    name, table = path.name, suffix in (".csv", ".tsv", ".tab")
    as_table = Form("table", say("{file} ends in {suffix}, which is a table", file=name, suffix=suffix), path, "table")
    corpus = Form("corpus", say("{file} is plain text", file=name), path, None)
    text = _peek.words(raw)
    if not text or not text.strip():
        if table or text is not None or not raw.strip(b"\0 \t\r\n"):
            return as_table if table else corpus
        return corpus if suffix == ".txt" or path.suffix == ".gz" else _unreadable(path, suffix)
    if columns := _peek.columns(text, PICTURES):
        if columns.picture is not None and columns.text is not None:
            return Form("captions", say("{file} lists pictures with a caption each", file=name), path, "captions")
        if columns.picture is not None:
            raise Trouble(say("this is a list of pictures with their classes"),
                          say("put the pictures into a folder for each class, and give the folder above"), name)
        if columns.text is not None and (table or "\t" in text[:10_000]):
            return Form("text", say("{file} has a column of sentences and a column of labels", file=name), path, None,
                        {"text": columns.text, "label": columns.label})
    if table:
        return as_table
    if _peek.numbers(text):
        return Form("table", say("every line of {file} has equally many cells, so it is a table", file=name), path, "table")
    return corpus


def _unreadable(path: Path, suffix: str) -> Form:
    raise Trouble(say("this is not text, not a table and not a picture"),
                  say("give a folder of pictures, a table ({tables}) or text (.txt)", tables=".csv .tsv .parquet"), path.name)
