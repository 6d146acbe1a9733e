"""A folder of pictures, one folder a class: what most people have."""
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.recipe import Fraction, Size
from deepen.core.words import Problem, say
from deepen.sources._progress import show
from deepen.sources._split import shares

_PICTURES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm",
             ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".jp2", ".avif"}
_LITTER = {"thumbs.db", "desktop.ini", "__macosx"}          # left by Windows and macOS; nobody misses them
_SPLITS = {"train": "train", "training": "train", "val": "valid", "valid": "valid", "validation": "valid",
           "dev": "valid", "test": "test", "testing": "test"}
_Found = list[tuple[Path, str]]                             # (picture, class)


def folder(path: str,                                               # folder that has a folder for each class
           size: Size = 64,                                         # pixels of a side the pictures get
           colour: Literal["rgb", "grey"] = "rgb",                  # three channels or one
           fit: Literal["stretch", "crop", "pad"] = "stretch",      # how a picture becomes a square
           valid: Fraction = 0.1,                                   # share held out for validation
           test: Fraction = 0.1,                                    # share held out for the test
           on_bad: Literal["stop", "skip"] = "stop",                # what to do when a picture cannot be read
           seed: int = 0) -> Data:                                  # seed of the shares
    """Your own pictures: a folder for each class, or train, val and test folders with the classes inside.

    Inputs uint8 (N, 3 or 1, size, size), target int64 (N,); `Examples.names` are the paths inside the folder.
    Folders named train, val and test keep their split; otherwise seeded shares are held out.
    """
    root = Path(path).expanduser()
    said: list[str] = []
    given = _scan(root, said)
    names = tuple(sorted({name for _, name in given["train"]}))
    _check_classes(root, given, names)
    kind = Image(1 if colour == "grey" else 3, size, size, fit)
    _check_memory(sum(map(len, given.values())), kind)
    targets = {split: torch.tensor([names.index(name) for _, name in found], dtype=torch.int64)
               for split, found in given.items()}
    plan = _plan(targets, valid, test, seed, said)
    splits, bad = {}, []
    for name, (source, rows) in plan.items():
        found = given[source] if rows is None else [given[source][row] for row in rows.tolist()]
        target = targets[source] if rows is None else targets[source][rows]
        splits[name], failed = _read(root, found, target, kind)
        bad += failed
    show()
    if bad:
        _tell_bad(bad, sum(map(len, targets.values())), on_bad, said)
        _check_left(splits["train"], names)
    said += [say("class {name} has no picture in {split}", name=name, split=split)
             for split, examples in splits.items() for row, name in enumerate(names)
             if not (examples.target == row).any()]
    return Data(splits, kind, Label(names), said=tuple(said),
                origin=f"folder(path={str(path)!r}, size={size}, colour={colour}, fit={fit}, "
                       f"valid={valid:g}, test={test:g}, on_bad={on_bad}, seed={seed})")


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
                said.append(say("folder {name} beside train is not used", name=_plain(folder.name)))
    else:
        found["train"] = list(_classes(folders, other, said))
    if not found["train"]:
        raise Problem("{path} has no class folders with pictures ({loose} files lie in it); make it "
                      "{path}/cats/1.jpg, {path}/dogs/2.jpg, or {path}/train/cats/1.jpg with val and test "
                      "beside train", path=root, loose=len(loose))
    _tell_stray(root, loose, other, said)
    if other:
        kinds_left = ", ".join(f"{count} {suffix}" for suffix, count in other.most_common(5))
        said.append(say("{count} files are no pictures and are left out: {kinds}", count=other.total(),
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
                yield file, _plain(folder.name)
            else:
                other[file.suffix.lower() or say("without ending")] += 1
        if not count:
            said.append(say("folder {name} has no pictures and is no class", name=_plain(folder.name)))


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
                        name=_plain(folder.name)))
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


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)       # macOS stores 나비 as ㄴㅏㅂㅣ: one class, two spellings


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


def _check_memory(count: int, kind: Image) -> None:
    need, memory = count * kind.channels * kind.height * kind.width, _memory()
    if need > memory / 2:
        side = int((memory / 2 / count / kind.channels) ** 0.5)
        raise Problem("{count} pictures of {size}×{size} need {need:.1f} GB, more than half of this "
                      "machine's {memory:.1f} GB; give a smaller size, at most size={side}", count=count,
                      size=kind.height, need=need / 1e9, memory=memory / 1e9, side=side)


def _memory() -> int:
    """Bytes of memory this machine (or the container it is) has."""
    known = hasattr(os, "sysconf")          # not on Windows
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if known else 8 << 30]
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        limits.append(int(text))
    return min(limits)


def _plan(targets: dict[str, Tensor], valid: float, test: float, seed: int, said: list[str]):
    """split -> (where its pictures come from, which of them; None: all)."""
    target = targets["train"]
    fixed = {name: (name, None) for name in ("valid", "test") if name in targets and len(targets[name])}
    own = shares(target, len(target), 0 if fixed.get("valid") else valid, 0 if fixed else test, seed)
    if fixed and "test" not in fixed:
        said.append(say("there is no test folder: validate uses the validation pictures, "
                        "which training has already looked at"))
    elif not fixed and test > 0:
        said.append(say("no test folder was given: {test:.0%} of the pictures were held out for the test",
                        test=test))
    plan = {name: ("train", rows) for name, rows in own.items()} | fixed
    return {name: plan[name] for name in ("train", "valid", "test") if name in plan}


def _read(root: Path, found: _Found, target: Tensor, kind: Image) -> tuple[Examples, list[tuple[str, str]]]:
    """Decode the pictures of one split in a pool of threads; (examples, [(name, reason) of what failed])."""
    pixels = torch.empty(len(found), *kind.shape, dtype=torch.uint8)
    names = [file.relative_to(root).as_posix() for file, _ in found]

    def read(row: int) -> Exception | None:
        try:
            pixels[row] = kind.read(found[row][0].read_bytes())
        except (Problem, OSError) as error:
            return error
        return None

    good, bad = [], []
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        for row, error in enumerate(pool.map(read, range(len(found)))):
            if error is None:
                good.append(row)
            else:
                bad.append((_plain(names[row]), getattr(error, "strerror", None) or str(error)))
            if row % 100 == 99:
                show(say("reading pictures: {done} of {total}", done=row + 1, total=len(found)))
    examples = Examples(pixels, target, names)
    return (examples.part(torch.tensor(good, dtype=torch.int64)) if bad else examples), bad


def _tell_bad(bad: list[tuple[str, str]], total: int, on_bad: str, said: list[str]) -> None:
    shown = "; ".join(f"{name}: {reason}" for name, reason in bad[:5]) + ("; …" if len(bad) > 5 else "")
    if on_bad == "stop":
        raise Problem("{count} of {total} pictures cannot be read ({shown}); mend or remove them, or leave "
                      "them out with on_bad=skip", count=len(bad), total=total, shown=shown)
    said.append(say("{count} of {total} pictures cannot be read and are left out ({shown})",
                    count=len(bad), total=total, shown=shown))


def _check_left(train: Examples, names: tuple[str, ...]) -> None:
    for row, name in enumerate(names):
        if not (train.target == row).any():
            raise Problem("no picture of class {name} that could be learned from can be read; add some or "
                          "remove its folder", name=name)
