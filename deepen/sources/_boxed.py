"""Sets of boxes as people have them: which file tells of which picture, and which boxes count. `check` and the sources read alike."""
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepen.core.words import say
from deepen.sources._boxes import Box, Boxed, read_coco, read_voc
from deepen.sources._finding import Notes, Trouble
from deepen.sources._form_file import of_json
from deepen.sources._looked import whole
from deepen.sources._pictures_at import Pictures, composed, leaves
from deepen.sources._pictures_at import sheet as bytes_of

LISTS = {"train": "train", "val": "valid", "valid": "valid", "trainval": "", "test": "test"}


def root_of(path: Path) -> Path:
    """The folder below which the pictures of a set lie: of a JSON the one above `annotations`."""
    if not path.is_file():
        return path
    return path.parent.parent if path.parent.name.lower() in ("annotations", "annotation") else path.parent


def read(form: str, path: Path, notes: Notes) -> tuple[list[Boxed], list[str], dict[str, Any]]:
    """Every entry of a set in the VOC or the COCO form: (entries, classes named in JSON, {"splits": …, "polygons": …})."""
    return (_voc if form == "voc" else _coco)(path, root_of(path), notes)


def _voc(path: Path, root: Path, notes: Notes) -> tuple[list[Boxed], list[str], dict[str, Any]]:
    told = []
    for sheet in sorted(root.rglob("*.xml")):
        file = composed(sheet.relative_to(root).as_posix())
        try:
            told.append(read_voc(whole(sheet), file, notes.add))
        except Trouble as trouble:
            notes.problem(trouble)
        except OSError as error:
            notes.add("error", say("it cannot be read ({reason})", reason=error.strerror or error), say("check its rights"), file)
    return told, [], {}


def _coco(path: Path, root: Path, notes: Notes) -> tuple[list[Boxed], list[str], dict[str, Any]]:
    told: list[Boxed] = []
    classes: dict[str, None] = {}
    splits, polygons = {}, 0
    for sheet in [path] if path.is_file() else sorted(root.rglob("*.json")):
        file = composed(sheet.relative_to(root).as_posix())
        try:
            if sheet != path and of_json(sheet).name == "captions":         # beside instances, as COCO itself has it
                continue
            these, names, shapes = read_coco(bytes_of(sheet, file), file, notes.add)
        except Trouble as trouble:
            notes.problem(trouble)
            continue
        except OSError as error:
            notes.add("error", say("it cannot be read ({reason})", reason=error.strerror or error), say("check its rights"), file)
            continue
        told += these
        classes |= dict.fromkeys(names)
        splits[file] = len(these)
        polygons += shapes
    return told, list(classes), {"splits": splits, "polygons": polygons}


def place(told: Sequence[Boxed], pictures: Pictures, notes: Notes) -> dict[int, str]:
    """Which picture each entry means: row -> path below the root."""
    placed: dict[int, str] = {}
    users: dict[tuple[str, str], list[str]] = defaultdict(list)
    for number, one in enumerate(told):
        where = " ".join(part for part in (one.place, one.picture) if part)
        if not one.picture:
            notes.add("error", say("an image has no file name"), say("write its file name"), one.file, one.place)
        elif leaves(one.picture):
            notes.add("error", say("the picture's name points out of the folder, where nothing is read"),
                      say("write its name below the folder"), one.file, where)
        elif found := pictures.find(one.picture, one.file):
            placed[number] = found
            users[found, "" if one.file.endswith(".xml") else one.file].append(one.file if one.file.endswith(".xml") else where)
        elif found := pictures.nearly(one.picture):
            placed[number] = found
            notes.add("warning", say("the picture's name is written with other capitals"),
                      say("write it alike: not every computer finds it"), one.file,
                      say("{name}, on the disk {found}", name=one.picture, found=found))
        else:
            notes.add("error", say("the picture it names does not exist"),
                      say("add the picture, or remove the entry"), one.file, where)
    for (picture, _), several in users.items():
        if len(several) > 1:
            notes.add("warning", say("more than one entry names the same picture"), say("put all its boxes into one"),
                      picture, ", ".join(several[:5]))
    return placed


def shared(told: Sequence[Boxed], placed: dict[int, str]) -> list[str]:
    """Files of the COCO form that tell of the same pictures."""
    files: dict[str, set[str]] = defaultdict(set)
    for number, picture in placed.items():
        files[picture].add(told[number].file)
    return sorted(set().union(*(those for those in files.values() if len(those) > 1 and not any(file.endswith(".xml") for file in those))))


def judge(one: Boxed, size: tuple[int, int] | None, notes: Notes) -> list[Box] | None:
    """The boxes of one picture that count, against its real size (width, height); None where none can be trusted."""
    asked = one.size
    if asked and min(asked) <= 0:
        notes.add("warning", say("the picture's size is written as {width}×{height}", width=asked[0], height=asked[1]),
                  say("the size of the picture itself is used"), one.file, one.place)
    elif asked and size and asked != size:
        turned = asked == size[::-1]
        notes.add("error", say("the size written is not that of the picture, so the boxes may lie elsewhere"),
                  say("turn the picture for good, or the boxes with it") if turned else say("write the boxes for the picture as it is, or put back the original picture"),
                  one.file, say("{place}: written {width}×{height}, the picture has {real}", place=one.place or one.picture,
                                width=asked[0], height=asked[1], real=f"{size[0]}×{size[1]}"))
        return None
    return [box for box in one.boxes if _counts(one, box, size, notes)]


def _counts(one: Boxed, box: Box, size: tuple[int, int] | None, notes: Notes) -> bool:
    corners = f"{box.place} ({box.x0:g}, {box.y0:g}, {box.x1:g}, {box.y1:g})"
    named = bool(box.name.strip())
    if not named:
        notes.add("error", say("a box has no class: its name is empty"), say("write its name, or remove it"),
                  one.file, box.place)
    if box.x1 < box.x0 or box.y1 < box.y0:
        notes.add("warning", say("the corners of a box are swapped, or its width is negative"),
                  say("write the smaller corner first; it is left out"), one.file, corners)
        return False
    if box.x1 == box.x0 or box.y1 == box.y0:
        notes.add("warning", say("a box has no area"), say("draw it again or remove it; it is left out"), one.file, corners)
        return False
    if size and (box.x0 >= size[0] or box.y0 >= size[1] or box.x1 <= 0 or box.y1 <= 0):
        notes.add("error", say("a box lies outside the picture"), say("draw it again or remove it"), one.file, corners)
        return False
    if size and (box.x0 < -1 or box.y0 < -1 or box.x1 > size[0] + 1 or box.y1 > size[1] + 1):
        notes.add("warning", say("a box reaches beyond the picture"), say("only the part inside counts"), one.file,
                  f"{corners}, {size[0]}×{size[1]}")
    return named


def lists(root: Path, stems: set[str], notes: Notes) -> dict[str, list[str]]:
    """ImageSets/Main: the names of train, val and test; of trainval where there is no train."""
    parts: dict[str, list[str]] = {}
    for path in sorted(root.glob("ImageSets/Main/*.txt")):
        if path.stem in LISTS:
            names = [line.split()[0] for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.split()]
            file = path.relative_to(root).as_posix()
            for name in names:
                if composed(name) not in stems:
                    notes.add("error", say("the list names a picture that has no XML file"),
                              say("add it, or remove the line"), file, name)
            parts[path.stem] = [composed(name) for name in names]
    if "train" in parts:
        parts.pop("trainval", None)
    owner: dict[str, str] = {}
    for part, names in parts.items():
        for name in names:
            if owner.setdefault(name, part) != part and "trainval" not in (part, owner[name]):
                notes.add("warning", say("a picture is in two lists, so the test is too easy"),
                          say("remove it from one"), f"ImageSets/Main/{part}.txt",
                          say("{name}, also in {part}", name=name, part=owner[name]))
    return parts
