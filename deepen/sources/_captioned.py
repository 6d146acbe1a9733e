"""Lists of pictures and captions as people have them. `check` and the source read alike."""
import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from deepen.core.words import Problem, say
from deepen.sources import _peek
from deepen.sources._encoding import decode
from deepen.sources._finding import Notes, Trouble
from deepen.sources._form_file import PICTURES
from deepen.sources._pictures_at import Pictures, composed, leaves, sheet

LONG = 1000         # characters of a caption that nobody says in one breath
Row = tuple[str, str, str]                                  # place, picture, caption


def root_of(path: Path) -> Path:
    return path.parent.parent if path.parent.name.lower() == "annotations" else path.parent


def rows_of(path: Path, notes: Notes) -> list[Row]:
    """(place, picture, caption) of a CSV, TSV or JSON; `Trouble` when it is none."""
    raw = sheet(path, path.name)
    return _json(raw, path.name) if path.suffix.lower() == ".json" else _list(raw, path.name, notes)


def gather(rows: list[Row], pictures: Pictures, file: str, notes: Notes) -> tuple[dict[str, list[str]], set[str]]:
    """(picture -> its captions, every picture that was named); empty captions are left out."""
    captions: dict[str, list[str]] = defaultdict(list)
    asked = set()
    for place, name, caption in rows:
        picture = _picture(pictures, name, file, place, notes)
        asked.add(picture or name)
        text = " ".join(caption.split())
        if not text:
            notes.add("warning", say("the caption is empty"), say("write one, or remove the line; it is left out"),
                      file, f"{place}, {name}")
            continue
        if len(text) > LONG:
            notes.add("warning", say("the caption is very long"), say("is it one caption? it will be cut"), file,
                      say("{place}, {count} characters", place=place, count=len(text)))
        if picture and text in captions[picture]:
            notes.add("warning", say("the same caption stands twice for a picture"), say("remove one"), file, f"{place}, {name}")
        if picture:
            captions[picture].append(text)
    return captions, asked


def _picture(pictures: Pictures, name: str, file: str, place: str, notes: Notes) -> str | None:
    if leaves(name):
        notes.add("error", say("the picture's name points out of the folder, where nothing is read"),
                  say("write its name below the folder"), file, f"{place}, {name}")
        return None
    if several := pictures.all_called(name, file):
        if len(several) > 1:
            notes.add("error", say("several pictures have this name"), say("write the folder before it"), file,
                      f"{place}, {name}: {', '.join(several[:3])}")
        return several[0] if len(several) == 1 else None
    if found := pictures.nearly(name):
        notes.add("warning", say("the picture's name is written with other capitals"),
                  say("write it alike: not every computer finds it"), file,
                  say("{name}, on the disk {found}", name=f"{place}, {name}", found=found))
        return found
    notes.add("error", say("the picture it names does not exist"), say("add the picture, or remove the entry"), file,
              f"{place}, {name}")
    return None


def _list(raw: bytes, file: str, notes: Notes) -> list[Row]:
    """A CSV or TSV: the column of pictures and the column of captions; a caption with bare commas is read to the line's end."""
    text, _ = decode(raw, file)
    columns = _peek.columns(_peek.words(raw[:_peek.HEAD]) or "", PICTURES)
    if columns is None or columns.picture is None or columns.text is None:
        raise Trouble(say("no column with names of pictures and one with captions were found"),
                      say("write two columns: image,caption"), file)
    from deepen.sources._sheet import sniff
    mark = "\t" if "\t" in text.partition("\n")[0] else sniff(text)
    reader, rows, width, began = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True), [], 0, 1
    try:
        for number, cells in enumerate(reader):
            place, began = say("line {line}", line=began), reader.line_num + 1
            width = width or len(cells)
            if not any(cell.strip() for cell in cells) or (number == 0 and columns.names):
                continue
            if len(cells) < width:
                notes.add("error", say("the line has too few cells"), say("write the picture's name and its caption"),
                          file, place)
                continue
            if len(cells) > width:
                notes.add("warning", say("the caption has a {mark} in it and no quotes round it: it is read to the end of the line", mark={"\t": "tab"}.get(mark, mark)),
                          say("put it into quotes: \"…\""), file, place)
            last = columns.text == width - 1
            caption = mark.join(cells[columns.text:]) if last else cells[columns.text]
            rows.append((place, re.sub(r"#\d+$", "", cells[columns.picture].strip()), caption))
    except csv.Error as error:
        raise Trouble(say("the list cannot be read ({reason})", reason=error), say("close every quote \""), file,
                      say("line {line}", line=began)) from None
    return rows


def _json(raw: bytes, file: str) -> list[Row]:
    """Captions as COCO writes them."""
    try:
        told = json.loads(raw)
        names = {one["id"]: str(one["file_name"]) for one in told["images"]}
        return [(say("annotation {number}", number=one["id"]), names.get(one["image_id"], ""),
                 str(one["caption"])) for one in told["annotations"]]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise Trouble(say("the JSON is damaged or cut off ({reason})", reason=error),
                      say("write or download it again"), file) from None


def lists(root: Path, pictures: Pictures, captioned: Collection[str], notes: Notes) -> tuple[dict[str, int], dict[str, str]]:
    """train.txt, val.txt, test.txt, a picture a line: (names in each list, picture -> its first list)."""
    counts: dict[str, int] = {}
    owner: dict[str, str] = {}
    for part in ("train", "val", "valid", "test"):
        path = root / f"{part}.txt"
        if not path.is_file():
            continue
        try:
            lines = [line.strip() for line in decode(path.read_bytes(), path.name)[0].splitlines() if line.strip()]
        except Problem as problem:
            notes.problem(problem)
            continue
        if not all(line.lower().endswith(PICTURES) for line in lines[:20]):
            continue
        counts[part] = len(lines)
        for line in map(composed, lines):
            found = next((one for one in pictures.all_called(line, path.name) if one in captioned), None)
            if not found:
                notes.add("error", say("the list names a picture that does not exist or has no caption"),
                          say("add it, or remove the line"), path.name, line)
            elif owner.setdefault(found, part) != part:
                notes.add("warning", say("a picture is in two lists, so the test is too easy"),
                          say("remove it from one"), path.name,
                          say("{name}, also in {part}", name=line, part=owner[found]))
    return counts, owner
