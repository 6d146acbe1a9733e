"""Pictures packed together in files: Parquet tables with a column of pictures, and the binary files of CIFAR-10."""
import json
import re
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from deepen.core.data import Data
from deepen.core.kinds import Label
from deepen.core.picture import open_picture
from deepen.core.recipe import Fraction
from deepen.core.words import Problem, say
from deepen.sources._download import places
from deepen.sources._grouped import dealt
from deepen.sources._pictures import Sides, check_memory, decode, kind_of, memory, parts, tell_bad, tell_deep
from deepen.sources._split import shares

LARGEST = 64                            # pixels a side pictures keep when no size is asked
LABELS = ("label", "labels", "class", "target", "y", "fine_label")
SPLITS = {"train": "train", "training": "train", "val": "valid", "valid": "valid", "validation": "valid", "dev": "valid",
          "test": "test", "testing": "test", "t10k": "test", "data_batch": "train", "test_batch": "test"}
RECORD = 1 + 3 * 32 * 32                # bytes: label, red, green, blue
_Read = Callable[[], bytes]


def cifar(path: str | None = None,                                  # folder of .parquet or .bin files, or one file (none: cifar10)
          size: Sides | None = None,                                # pixels of a side, or height x width (none: as it is, at most 64)
          colour: Literal["rgb", "grey", "hsv"] = "rgb",            # red green blue, one channel, or hue saturation value
          fit: Literal["stretch", "crop", "pad-white", "pad-noise",
                       "pad-edge"] = "stretch",                     # how a picture becomes one of another shape
          image: str | None = None,                                 # column of pictures (none: the first that holds bytes)
          label: str | None = None,                                 # column of classes (none: label, class, target or y)
          valid: Fraction = 0.1,                                    # share held out for validation
          test: Fraction = 0.1,                                     # share held out for the test, where no file is for it
          on_bad: Literal["stop", "skip"] = "stop",                 # what to do when a picture cannot be read
          seed: int = 0) -> Data:                                   # seed of the shares
    """Pictures in Parquet files, as the Hugging Face hub stores them, or in CIFAR-10's binary files.

    Inputs uint8 (N, 3 or 1, height, width), target int64 (N,). Files named train…, valid… and test… keep their split.
    A class's name is from the file, from classes.txt beside it, or its number.
    A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images (2009).
    """
    place = Path(path).expanduser() if path else _kept()
    said: list[str] = []
    raws: list[_Read] = []
    labels: list[Any] = []
    split_of: list[str] = []
    shown: list[str] = []
    names: tuple[str, ...] = ()
    for file in _files(place):
        split = _split(file)
        pictures, classes, known = _binary(file) if file.suffix == ".bin" else _parquet(file, image, label)
        names = names or known
        raws += pictures
        labels += classes
        split_of += [split] * len(pictures)
        shown += [say("{file}, row {row}", file=file.name, row=row) for row in range(1, len(pictures) + 1)]
    if set(split_of) == {"test"} or set(split_of) == {"valid"}:         # one file was given, whatever it is called
        split_of = ["train"] * len(split_of)
    if "train" not in split_of:
        raise Problem("{path} has no pictures to learn from; a file of them is named train….parquet", path=place)
    names, target = _classes(labels, names, place if place.is_dir() else place.parent)
    kind = kind_of(size if size is not None else _usual(raws), colour, fit)
    check_memory(len(raws), kind, memory())
    fixed = {"valid", "test"} & set(split_of)
    held = (0 if "valid" in fixed else valid, 0 if fixed else test)
    shares(None, split_of.count("train"), *held, seed)                  # an impossible wish: now
    found = decode(raws, kind)
    tell_bad(found, shown, on_bad, said)
    tell_deep(found, said)
    rows = dealt(split_of, target, found, shown, None, held, 0, 1, seed, said)
    if "test" not in fixed:
        said.append(say("there is no test file: validate uses the validation pictures, which training has already looked at")
                    if fixed else say("there is no test file: {test:.0%} of the pictures were held out for the test", test=test))
    splits = parts(found, target, shown, rows)
    sides = f"{kind.height}" if kind.height == kind.width else f"{kind.height}x{kind.width}"
    return Data(splits, found.kind, Label(names), said=tuple(said),
                origin=f"cifar(path={str(path or place)!r}, size={sides}, colour={colour}, fit={fit}, valid={valid:g}, test={test:g}, "
                       f"on_bad={on_bad}, seed={seed})")


def _kept() -> Path:
    """Where CIFAR-10 lies when nobody says: the folder cifar10 of $DEEPEN_DATA or of the cache."""
    folders = places("cifar10")
    for folder in folders:
        for inside in (folder, folder / "cifar-10-batches-bin"):
            if any(inside.glob("*.parquet")) or any(inside.glob("*_batch*.bin")):
                return inside
    raise Problem("CIFAR-10 is not in {folders}; unpack {address} there, or give the folder of your own pictures with path=",
                  folders=", ".join(map(str, folders)), address="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz")


def _files(place: Path) -> list[Path]:
    """The files to read, train before valid before test."""
    if not place.exists():
        raise Problem("there is nothing at {path}; check the spelling, or give the full path", path=place)
    files = [place] if place.is_file() else [
        file for ending in ("*.parquet", "*_batch*.bin") for folder in (place, *place.glob("data/")) for file in sorted(folder.glob(ending))]
    wanted = [file for file in files if file.suffix == ".parquet"] or files
    if not wanted or wanted[0].suffix not in (".parquet", ".bin"):
        raise Problem("{path} holds no .parquet and no data_batch_1.bin; give the folder that does", path=place)
    size = sum(file.stat().st_size for file in wanted)
    if size > memory() / 2:
        raise Problem("the files of {path} hold {size:.1f} GB, more than half of this machine's {memory:.1f} GB; give one of "
                      "them, for example {file}", path=place, size=size / 1e9, memory=memory() / 1e9, file=wanted[0])
    return sorted(wanted, key=lambda file: ("train", "valid", "test").index(_split(file)))


def _split(file: Path) -> str:
    word = re.match(r"data_batch|test_batch|[a-z0-9]+", file.name.lower())
    return SPLITS.get(word[0], "train") if word else "train"


def _parquet(file: Path, image: str | None, label: str | None) -> tuple[list[_Read], list, tuple[str, ...]]:
    """(readers of the pictures, their classes, the names of the classes where the file has them)."""
    import pyarrow as pa
    from pyarrow import parquet
    try:
        schema = parquet.read_schema(file)
        pictures = [one.name for one in schema if _holds_bytes(one.type)]
        image = _column(file, image, schema.names, pictures, "image")
        rest = [name for name in schema.names if name not in pictures]
        label = _column(file, label, schema.names, [name for name in LABELS if name in rest] or rest, "label")
        table = parquet.read_table(file, columns=[image, label])
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Problem("{file} cannot be read ({reason}); copy or download it again", file=file, reason=error) from None
    column = table.column(image)
    if pa.types.is_struct(column.type):
        column = pa.chunked_array([part.field("bytes") for part in column.chunks], pa.binary())
    raws: list[_Read] = [partial(_bytes, value) for value in chain.from_iterable(column.chunks)]
    return raws, table.column(label).to_pylist(), tuple(told.get(label, {}).get("names", ()))


def _bytes(value) -> bytes:
    return value.as_py() or b""


def _holds_bytes(kind) -> bool:
    import pyarrow as pa
    return (kind.get_field_index("bytes") >= 0 if pa.types.is_struct(kind)
            else pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _column(file: Path, asked: str | None, names: list[str], able: list[str], key: str) -> str:
    if asked is not None and asked not in names:
        raise Problem("{file} has no column {name}; it has {names}", file=file, name=asked, names=", ".join(names))
    if asked is None and not able:
        raise Problem("{file} has no column for {key}={example}; it has {names}", file=file, key=key, example="…", names=", ".join(names))
    return asked or able[0]


def _binary(file: Path) -> tuple[list[_Read], list, tuple[str, ...]]:
    """Records of 3,073 bytes: a label, then 32×32 red, green and blue values."""
    raw = np.fromfile(file, np.uint8)
    if not len(raw) or len(raw) % RECORD:
        raise Problem("{file} has {size} bytes, which is no multiple of {record}: it is cut short, or not CIFAR-10; copy it again",
                      file=file, size=len(raw), record=RECORD)
    records = raw.reshape(-1, RECORD)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)                        # (N, 32, 32, 3)
    raws: list[_Read] = [partial(_as_ppm, picture) for picture in pixels]
    return raws, records[:, 0].tolist(), ()


def _as_ppm(pixels: np.ndarray) -> bytes:
    return b"P6 32 32 255\n" + pixels.tobytes()


def _classes(labels: list, names: tuple[str, ...], folder: Path) -> tuple[tuple[str, ...], torch.Tensor]:
    """(names, class numbers). Words are their own names; numbers are named by the file or by a list beside it."""
    if any(label is None for label in labels):
        raise Problem("{count} rows of {path} have no class; fill them or remove the rows", count=labels.count(None), path=folder)
    if not all(isinstance(label, int) and label >= 0 for label in labels):
        words = [str(label) for label in labels]
        names = tuple(sorted(set(words)))
        number = {name: row for row, name in enumerate(names)}
        return names, torch.tensor([number[word] for word in words])
    highest = max(labels)
    for list_ in ("classes.txt", "labels.txt", "batches.meta.txt"):
        if not names and (folder / list_).is_file():
            names = tuple((folder / list_).read_text(encoding="utf-8").split("\n"))
            names = tuple(name.strip() for name in names if name.strip())
    if len(names) <= highest:
        names = tuple(str(number) for number in range(highest + 1))
    if len(set(labels)) < 2:
        raise Problem("{path} has only one class, {name}; a classifier needs two or more", path=folder, name=names[highest])
    return names, torch.tensor(labels)


def _usual(raws: list[_Read]) -> int:
    """The longest side of the first pictures that can be read, at most LARGEST."""
    sides = []
    for raw in raws[:20]:
        try:
            sides += open_picture(raw()).size
        except Problem:
            continue                                                    # named when all are read
    return min(LARGEST, max(sides, default=LARGEST))
