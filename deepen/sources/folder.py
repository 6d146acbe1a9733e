"""A folder of pictures, one folder a class: what most people have."""
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import torch

from deepen.core.data import Data
from deepen.core.kinds import Label
from deepen.core.recipe import Amount, Fraction, _field
from deepen.core.words import Problem, say
from deepen.sources._decoded import check_room, opened, parts
from deepen.sources._grouped import dealt, grouped, plain, some
from deepen.sources._pictures import Decoded, Sides, kind_of, tell_bad, tell_deep
from deepen.sources._pictures import memory as _memory
from deepen.sources._split import shares

_PICTURES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm",
             ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".jp2", ".avif"}
_PACKED = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
_LITTER = {"thumbs.db", "desktop.ini", "__macosx"}          # left by Windows and macOS; nobody misses them
_SPLITS = {"train": "train", "training": "train", "val": "valid", "valid": "valid", "validation": "valid",
           "dev": "valid", "test": "test", "testing": "test"}
_Found = list[tuple[Path, str]]                             # (picture, class)
Folds = Annotated[int, _field(ge=0, le=1000)]


def folder(path: str,                                               # folder that has a folder for each class
           size: Sides = 64,                                        # pixels of a side the pictures get, or height x width: 48x96
           colour: Literal["rgb", "grey", "hsv"] = "rgb",           # red green blue, one channel, or hue saturation value
           fit: Literal["stretch", "crop", "pad-white", "pad-noise",
                        "pad-edge", "pad"] = "stretch",             # how a picture becomes one of another shape
           valid: Fraction = 0.1,                                   # share held out for validation
           test: Fraction = 0.1,                                    # share held out for the test
           group: str | None = None,                                # never parted: name, folder, or a pattern: (p[0-9]+)_
           folds: Folds = 0,                                        # cross-validation: parts, each of them valid once
           fold: Folds = 1,                                         # the part that is valid now
           white: Amount = 0,                                       # white of 16-bit pictures: 4095 (0: by the highest value)
           on_bad: Literal["stop", "skip"] = "stop",                # what to do when a picture cannot be read
           seed: int = 0) -> Data:                                  # seed of the shares
    """Your own pictures: a folder for each class, or train, val and test folders with the classes inside.

    Inputs uint8 (N, 3 or 1, height, width), target int64 (N,); `Examples.names` are the paths inside the folder.
    Folders named train, val and test keep their split; otherwise seeded shares are held out, and copies of a picture
    (exact and near) and pictures of one `group` stay in one split. `group` is `name` (the part of the file's name before
    the first _ - blank or bracket: patient12_3.jpg), `folder` (the folder inside the class), or a regular expression
    whose first bracket is the group.
    """
    root = Path(path).expanduser()
    said: list[str] = []
    given = _scan(root, said)
    names = tuple(sorted({name for _, name in given["train"]}))
    _check_classes(root, given, names)
    kind = replace(kind_of(size, colour, fit), white=white)
    files = [(split, file, name) for split in ("train", "valid", "test") for file, name in given.get(split, ())]
    check_room(len(files), kind, _memory())
    fixed = {split for split in ("valid", "test") if given.get(split)}
    held = (0 if "valid" in fixed else valid, 0 if fixed else test)
    shares(None, len(files) if folds else len(given["train"]), *held, seed, folds=folds, fold=fold)  # an impossible wish: now
    rules = grouped(files, root, group, said) if group else None
    found = opened([file for _, file, _ in files], kind, _memory(), said)
    shown = [plain(file.relative_to(root).as_posix()) for _, file, _ in files]
    tell_bad(found, shown, on_bad, said)
    _check_left(files, found, names)
    tell_deep(found, said)
    _tell_odd(files, shown, said)
    target = torch.tensor([names.index(name) for _, _, name in files], dtype=torch.int64)
    rows = dealt([split for split, _, _ in files], target, found, shown, rules, held, folds, fold, seed, said)
    if fixed and "test" not in fixed:
        said.append(say("there is no test folder: validate uses the validation pictures, "
                        "which training has already looked at"))
    elif held[1] > 0:
        said.append(say("no test folder was given: {test:.0%} of the pictures were held out for the test", test=held[1]))
    exact = [file.relative_to(root).as_posix() for _, file, _ in files]
    splits = parts(found, target, exact, rows)
    said += [say("class {name} has no picture in {split}", name=name, split=split)
             for split, examples in splits.items() for row, name in enumerate(names)
             if not (examples.target == row).any()]
    more = (f", white={white:g}" if white else "") + (f", group={group!r}" if group else "") + (f", folds={folds}, fold={fold}" if folds else "")
    return Data(splits, found.kind, Label(names), said=tuple(said),
                origin=f"folder(path={str(path)!r}, size={size}, colour={colour}, fit={fit}, "
                       f"valid={valid:g}, test={test:g}{more}, on_bad={on_bad}, seed={seed})")


def _tell_odd(files: list[tuple[str, Path, str]], shown: list[str], said: list[str]) -> None:
    """One GIF among a hundred JPEGs is seldom what it should be."""
    forms = [{".jpeg": ".jpg", ".tiff": ".tif"}.get(form, form) for form in (file.suffix.lower() for _, file, _ in files)]
    for form, count in Counter(forms).items():
        if count <= 3 and count < 0.01 * len(files):
            said.append(say("{names}: the only pictures of the form {form}; look whether they show their class",
                            names=some([name for name, own in zip(shown, forms, strict=True) if own == form], 3), form=form))


def _scan(root: Path, said: list[str]) -> dict[str, _Found]:
    """Every picture under the root with its class, by split; what is left out is counted in `said`."""
    if not root.exists():
        raise Problem("there is no folder {path}; check the spelling or give the full path", path=root)
    if not root.is_dir():
        raise Problem("{path} is a file; give the folder that holds a folder of pictures for each class",
                      path=root)
    folders, loose = _entries(root)
    if not folders and not loose:
        raise Problem("folder {path} is empty; put a folder of pictures for each class into it", path=root)
    splits = {folder: _SPLITS.get(folder.name.casefold()) for folder in folders}
    halves = {folder: split for folder, split in splits.items() if split and _is_half(folder)}
    if halves and "train" not in halves.values() and len(halves) == len(folders):
        raise Problem("{path} has {names} but no train folder; name the folder to learn from train",
                      path=root, names=", ".join(folder.name for folder in halves))
    other: Counter[str] = Counter()
    found: dict[str, _Found] = {}
    if "train" in halves.values():
        for folder in folders:
            if folder in halves:
                inside, stray = _entries(folder)
                _tell_stray(folder, stray, other, said)
                found.setdefault(halves[folder], []).extend(_classes(inside, other, said))
            else:
                said.append(say("folder {name} beside train is not used", name=plain(folder.name)))
    else:
        found["train"] = list(_classes(folders, other, said))
    packed = [file.name for file in loose if file.suffix.lower() in _PACKED]
    if not found["train"] and packed:
        raise Problem("{path} holds only what is packed ({names}); unpack it, then give the folder that comes out",
                      path=root, names=some(packed, 3))
    if not found["train"]:
        raise Problem("{path} has no class folders with pictures ({loose} files lie in it); make it "
                      "{path}/cats/1.jpg, {path}/dogs/2.jpg, or {path}/train/cats/1.jpg with val and test "
                      "beside train", path=root, loose=len(loose))
    _tell_stray(root, loose, other, said)
    if other:
        kinds_left = ", ".join(f"{count} {suffix}" for suffix, count in other.most_common(5))
        said.append(say("{count} files hold no picture and are left out: {kinds}", count=other.total(),
                        kinds=kinds_left))
    if other[".heic"] + other[".heif"]:
        said.append(say("pictures of the form HEIC cannot be read; save them as JPEG to use them"))
    return found


def _classes(folders: list[Path], other: Counter, said: list[str]) -> Iterator[tuple[Path, str]]:
    for folder in folders:
        count = 0
        for file in _walk(folder, set(), said):
            if file.suffix.lower() in _PICTURES:
                count += 1
                yield file, plain(folder.name)
            else:
                other[file.suffix.lower() or say("without ending")] += 1
        if not count:
            said.append(say("folder {name} has no pictures and is no class", name=plain(folder.name)))


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Folders and files directly in a folder, by name; hidden ones and litter are passed over."""
    try:
        seen = sorted(entry for entry in folder.iterdir()
                      if not entry.name.startswith(".") and entry.name.casefold() not in _LITTER)
    except OSError as error:
        raise Problem("folder {path} cannot be opened ({reason}); change its rights or move it away",
                      path=folder, reason=error.strerror) from None
    return [entry for entry in seen if entry.is_dir()], [entry for entry in seen if not entry.is_dir()]


def _walk(folder: Path, been: set[Path], said: list[str]) -> Iterator[Path]:
    """Every file under a folder; a link that leads up or to a folder already read is not followed."""
    real, above = folder.resolve(), folder.parent.resolve()
    if real in been or real == above or real in above.parents:
        said.append(say("link {name} leads back to a folder above it or already read and is not followed",
                        name=plain(folder.name)))
        return
    been.add(real)
    folders, files = _entries(folder)
    yield from files
    for inner in folders:
        yield from _walk(inner, been, said)


def _is_half(folder: Path) -> bool:
    """Is this `train` a part of the data, not a class of locomotives: folders inside, no pictures?"""
    folders, files = _entries(folder)
    return bool(folders) and not any(file.suffix.lower() in _PICTURES for file in files)


def _tell_stray(folder: Path, files: list[Path], other: Counter, said: list[str]) -> None:
    pictures = sum(file.suffix.lower() in _PICTURES for file in files)
    other.update(file.suffix.lower() or say("without ending") for file in files
                 if file.suffix.lower() not in _PICTURES)
    if pictures:
        said.append(say("{count} pictures lie in {folder} outside every class folder and are not used",
                        count=pictures, folder=folder.name or folder))


def _check_classes(root: Path, given: dict[str, _Found], names: tuple[str, ...]) -> None:
    if len(names) == 1:
        raise Problem("{path} has only one class, {name}; a classifier needs two or more: give each class "
                      "its own folder, or give the folder one level deeper if its classes are inside {name}",
                      path=root, name=names[0])
    counts = Counter(name for _, name in given["train"])
    single = [name for name in names if counts[name] == 1]
    if single and not given.get("valid"):
        raise Problem("class {name} has only one picture, so it cannot be both learned and validated; add "
                      "pictures or move its folder out of {path}", name=", ".join(single[:5]), path=root)
    for split, found in given.items():
        strange = sorted({name for _, name in found} - set(names))
        if strange:
            raise Problem("class {name} is in {split} but not in train; name the class folders alike",
                          name=", ".join(strange[:5]), split=split)


def _check_left(files: list[tuple[str, Path, str]], found: Decoded, names: tuple[str, ...]) -> None:
    left = {name for row, (split, _, name) in enumerate(files) if split == "train" and row not in found.bad}
    for name in names:
        if name not in left:
            raise Problem("no picture of class {name} that could be learned from can be read; add some or "
                          "remove its folder", name=name)
