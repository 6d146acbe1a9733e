"""What is no data at all: models that would run code, archives that would leave their folder, nothing."""
import io
import os
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from bad_case import Case, file_with

MARKER = "PICKLE_WAS_EXECUTED.txt"


class Evil:
    """Whoever unpickles this leaves a marker in the current folder."""

    def __reduce__(self):
        return open, (MARKER, "w")


def evil_pickle() -> bytes:
    return pickle.dumps({"weight": Evil()})


def evil_torch() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("archive/data.pkl", evil_pickle())
        packed.writestr("archive/version", "3\n")
    return made.getvalue()


def evil_numpy() -> bytes:
    made = io.BytesIO()
    np.save(made, np.array([Evil()], object), allow_pickle=True)
    return made.getvalue()


def slip(kind: str) -> bytes:
    made = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(made, "w") as packed:
            packed.writestr("../../SLIPPED.txt", "outside")
            packed.writestr("/tmp/SLIPPED.txt", "outside")
        return made.getvalue()
    with tarfile.open(fileobj=made, mode="w:gz") as packed:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
        packed.addfile(tarfile.TarInfo("../SLIPPED.txt"))
    return made.getvalue()


def full_of_zeros() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros.csv", bytes(50 << 20))
    return made.getvalue()


def models() -> dict[str, bytes]:
    """Files that somebody may take for a model."""
    return {"evil.pkl": evil_pickle(), "evil.pickle": evil_pickle(), "evil.pt": evil_torch(), "evil.pth": evil_torch(), "evil.bin": evil_torch(),
            "evil.ckpt": evil_pickle(), "evil.npy": evil_numpy(), "evil.joblib": evil_pickle(), "evil.safetensors": evil_pickle(), "evil.onnx": evil_pickle(),
            "evil.h5": b"\x89HDF\r\n\x1a\n" + evil_pickle(), "cut.safetensors": struct.pack("<Q", 500) + b'{"a":',
            "long.safetensors": struct.pack("<Q", 2**62) + b"{}", "beyond.safetensors": struct.pack("<Q", 64) + b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,4000000000]}}'.ljust(64),
            "garbage.onnx": np.random.default_rng(1).bytes(900), "empty.onnx": b"", "empty.safetensors": b""}


def _named(name: str):
    return lambda folder: folder / name


def files() -> list[Case]:
    cases = [Case(f"a model: {name}", file_with(name, raw), "error", name) for name, raw in models().items()]
    cases += [Case(f"a model named csv: {name}", file_with(f"{name}.csv", raw), "error", f"{name}.csv") for name, raw in models().items()]
    archives = {"slip.zip": slip("zip"), "slip.tar.gz": slip("tar"), "zeros.zip": full_of_zeros(), "cut.zip": b"PK\x03\x04" + bytes(20), "a.7z": b"7z\xbc\xaf\x27\x1c", "a.rar": b"Rar!\x1a\x07"}
    cases += [Case(f"an archive: {name}", file_with(name, raw), "error", name) for name, raw in archives.items()]
    plain = {"notes.md": b"# notes", "page.html": b"<html>", "book.pdf": b"%PDF-1.7", "film.mp4": b"\0\0\0\x18ftypisom", "song.mp3": b"ID3", "noending": b"what is this",
             "game.gib": b"\\HS", "book.xlsx": b"PK\x03\x04" + bytes(60), "code.ipynb": b"{}", "one.json": b"{}", "cut.json": b'{"a', "one.xml": b"<a/>",
             "run.sh": b"#!/bin/sh\ntouch RAN\n", "one.yaml": b"a: 1"}
    cases += [Case(f"no data: {name}", file_with(name, raw), "error", name) for name, raw in plain.items()]
    cases += [Case("a path that is not there", _named("nothing/here"), "error", "nothing/here"),
              Case("a table that is not there", _named("gone.csv"), "error", "gone.csv"),
              Case("a folder that is not there", _named("gone/"), "error", "gone"),
              Case("a path through a file", lambda folder: file_with("file.csv", "a")(folder) / "inside.csv", "error", "file.csv"),
              Case("a very long path", _named("x/" * 1500 + "y"), "error", "x/x"),
              Case("a very long name", _named("n" * 5000 + ".csv"), "error", "nnn"),
              Case("a path with an escape", _named("gone\x1b[31m\n\x07.csv"), "error", "gone"),
              Case("a device", lambda folder: Path("/dev/null"), "error", "null"),
              Case("one picture", lambda folder: file_with("one.png", __import__("bad_pictures").encoded(__import__("bad_case").noise(3)))(folder), "error", "one.png"),
              Case("a link that leads nowhere", lambda folder: (os.symlink("/nowhere", folder / "link"), folder / "link")[1], "error", "link")]
    return cases
