"""Checkpoints and the kept model: the only file that writes tensors. No pickle is written or read.

The manifest of a checkpoint holds the size and SHA-256 of every file and is written last; a folder that
differs from it in one bit is `Damaged` and never used.

    000120/  weights.safetensors  state.safetensors  state.json (both trees)  manifest.json
    model/   weights.safetensors (its tree in the header)  card.json
"""
import hashlib
import json
import math
import re
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from deepen.core.words import Problem
from deepen.engine.publish import discard, publish, standing, sweep

LAYOUT = 1
FILES = ("weights.safetensors", "state.safetensors", "state.json")
TYPES = (torch.bool, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.int8, torch.int16,
         torch.int32, torch.int64, torch.bfloat16, torch.float16, torch.float32, torch.float64,
         torch.complex64)
CARD_LIMIT = 16 * 2**20                                     # bytes
ATTEMPTS = 5                                                # at reading a model that a run may be replacing


class Damaged(Problem):
    """A file is missing, changed or cannot be understood."""


def save(folder: Path, weights: Any, state: Any) -> Path:
    """Write a checkpoint (`…/000120`) and return its folder; one that stands there is replaced.

    A tree is nested dicts (keys str or int), lists and tuples of Tensor, int, float, bool, str, None. Shared
    tensors are stored once. `Failure` when it cannot be written: what stood there still stands."""
    forms, tensors = _pack({"weights": weights, "state": state})
    files = {f"{tree}.safetensors": safetensors.torch.save(tensors[tree]) for tree in tensors}
    files["state.json"] = json.dumps(forms, separators=(",", ":")).encode()
    return publish(Path(folder), {**files, "manifest.json": _manifest(files)})


def load(folder: Path) -> tuple[Any, Any]:
    """(weights, state) as they were saved: CPU tensors in memory of their own. Raises `Damaged`."""
    folder = standing(Path(folder))
    files = {name: _read(folder / name) for name in (*FILES, "manifest.json")}
    _compare(folder, files)
    with _understood(folder / "state.json"):
        tensors = {tree: _tensors(files[f"{tree}.safetensors"]) for tree in ("weights", "state")}
        forms = json.loads(files["state.json"])
        return _unpack(forms["weights"], tensors), _unpack(forms["state"], tensors)


def newest(checkpoints: Path) -> tuple[int, Any, Any, list[str]] | None:
    """(number, weights, state, damaged) of the newest whole checkpoint; `damaged` names files of newer ones.

    None where there is no checkpoint; `Damaged` where there are some and every one is damaged."""
    damaged: list[str] = []
    for number, folder in sorted(_checkpoints(checkpoints), reverse=True):
        try:
            return number, *load(folder), damaged
        except Damaged as problem:
            damaged.append(str(problem.values["file"].relative_to(checkpoints)))
    if damaged:
        raise Damaged("every checkpoint in {folder} is damaged ({files}); train again from the start",
                      folder=checkpoints, files=", ".join(damaged))
    return None


def tidy(checkpoints: Path, keep: int = 2) -> None:
    """Remove all but the `keep` newest checkpoints, and what dead processes left. Call it between saves."""
    sweep(checkpoints)
    for _, folder in sorted(_checkpoints(checkpoints))[:-keep]:
        discard(folder)


def save_model(folder: Path, weights: Any, card: dict[str, Any]) -> Path:
    """Write the model to use: its weights, and a card in plain JSON (nan becomes null) with their SHA-256."""
    forms, tensors = _pack({"weights": weights})
    content = safetensors.torch.save(tensors["weights"], {"tree": json.dumps(forms["weights"])})
    card = json.loads(json.dumps(card), parse_constant=lambda _: None)
    card["sha256"] = hashlib.sha256(content).hexdigest()
    text = json.dumps(card, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
    if len(text) > CARD_LIMIT:
        raise Problem("the card of {folder} would have {size} MB, at most {limit} are allowed; "
                      "give fewer labels",
                      folder=folder, size=len(text) // 2**20, limit=CARD_LIMIT // 2**20)
    return publish(Path(folder), {"weights.safetensors": content, "card.json": text})


def load_model(folder: Path) -> tuple[Any, dict[str, Any]]:
    """(weights, card) of a kept model, also while a run replaces it by a better one. Raises `Damaged`."""
    for _ in range(ATTEMPTS - 1):
        try:
            return _load_model(standing(Path(folder)))
        except Damaged:
            time.sleep(0.02)                # read one file before a replacement and one after it?
    return _load_model(standing(Path(folder)))


def _load_model(folder: Path) -> tuple[Any, dict[str, Any]]:
    with _understood(folder / "card.json"):
        card = json.loads(_read(folder / "card.json", CARD_LIMIT))
        expected = card["sha256"]
    content = _read(folder / "weights.safetensors")
    if hashlib.sha256(content).hexdigest() != expected:
        raise _changed(folder / "weights.safetensors")
    with _understood(folder / "weights.safetensors"):
        tensors = {"weights": _tensors(content)}            # which checks the header and its ranges
        header = json.loads(content[8: 8 + int.from_bytes(content[:8], "little")])
        return _unpack(json.loads(header["__metadata__"]["tree"]), tensors), card


def save_bits(file: Path, lines: list, tensors: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write a packed network as one safetensors file: its tensors, its layers and the card in the header."""
    header = {"layers": json.dumps(lines), "card": json.dumps(card, ensure_ascii=False)}
    file.write_bytes(safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()}, header))


def load_bits(file: Path) -> tuple[list, dict[str, Tensor], dict[str, Any]]:
    """(layers, tensors, card) of a packed network. Raises `Damaged`."""
    content = _read(file)
    with _understood(file):
        tensors = _tensors(content)
        header = json.loads(content[8: 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        return json.loads(header["layers"]), tensors, json.loads(header["card"])


def _checkpoints(checkpoints: Path) -> list[tuple[int, Path]]:
    """Numbered folders; also one set aside by a process that died before its new one took the place."""
    found = [re.fullmatch(r"([0-9]+)|\.([0-9]+)\.[0-9]+\.old", path.name) for path in checkpoints.glob("*")]
    names = {match[1] or match[2] for match in found if match}
    return [(int(name), checkpoints / name) for name in names]


# trees of values <-> JSON that names tensors

def _pack(trees: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]]:
    """({tree: its JSON form}, {tree: {name: tensor}}). What is the same memory is kept once."""
    tensors: dict[str, dict[str, Tensor]] = {tree: {} for tree in trees}
    known: dict[tuple, str] = {}                            # a place in memory -> where it is kept
    storages: set[int] = set()

    def keep(tensor: Tensor, tree: str, name: str) -> str:
        if tensor.layout != torch.strided or tensor.dtype not in TYPES:
            raise TypeError(f"{tree}.{name}: a {tensor.layout} tensor of {tensor.dtype} cannot be saved")
        place = (tensor.device, tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.shape,
                 tensor.stride(), tensor.dtype)
        if place in known and tensor.numel():
            return known[place]
        while name in tensors[tree] or name in ("", "__metadata__"):
            name += "~"                                     # {"a": {"b": …}, "a.b": …}
        kept = tensor.detach().cpu().contiguous()
        if kept.untyped_storage().data_ptr() in storages:
            kept = kept.clone()                             # another view of memory already kept
        storages.add(kept.untyped_storage().data_ptr())
        tensors[tree][name] = kept
        known[place] = f"{tree}/{name}"
        return known[place]

    def form(value, tree: str, name: str):
        def part(key, value):
            return form(value, tree, f"{name}.{key}" if name else str(key))
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": str(float(value))}
        if isinstance(value, Tensor):
            return {"tensor": keep(value, tree, name)}
        if isinstance(value, (list, tuple)):
            parts = [part(i, inner) for i, inner in enumerate(value)]
            return parts if isinstance(value, list) else {"tuple": parts}
        if isinstance(value, dict) and all(type(key) in (str, int) for key in value):
            pairs = [(key, part(key, inner)) for key, inner in value.items()]
            return {"dict": dict(pairs)} if all(type(key) is str for key in value) else {"pairs": pairs}
        raise TypeError(f"{tree}.{name}: a {type(value).__name__} cannot be saved")

    return {tree: form(value, tree, "") for tree, value in trees.items()}, tensors


def _unpack(form, tensors: dict[str, dict[str, Tensor]]):
    if isinstance(form, list):
        return [_unpack(part, tensors) for part in form]
    if not isinstance(form, dict):
        return form
    (sort, value), = form.items()
    if sort == "tensor":
        tree, _, name = value.partition("/")
        return tensors[tree][name]
    if sort == "float":
        return float(value)
    if sort == "tuple":
        return tuple(_unpack(value, tensors))
    pairs = {"dict": lambda: value.items(), "pairs": lambda: value}[sort]()
    return {key: _unpack(part, tensors) for key, part in pairs}


def _tensors(content: bytes) -> dict[str, Tensor]:
    """Named tensors, copied out: torch's own memory is aligned, so kernels round as they did before."""
    return {name: tensor.clone() for name, tensor in safetensors.torch.load(content).items()}


# finding damage

def _manifest(files: dict[str, bytes]) -> bytes:
    listed = {name: {"bytes": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}
              for name in FILES}
    return json.dumps({"layout": LAYOUT, "files": listed}, indent=1).encode()


def _compare(folder: Path, files: dict[str, bytes]) -> None:
    found = _manifest(files)
    with _understood(folder / "manifest.json"):
        told = json.loads(files["manifest.json"])
        if told["layout"] != LAYOUT:
            raise Damaged("{file} has layout {layout} and this deepen reads layout {ours}; "
                          "use the deepen that wrote it, or a whole copy",
                          file=folder / "manifest.json", layout=told["layout"], ours=LAYOUT)
        for name, is_there in json.loads(found)["files"].items():
            if is_there != told["files"][name]:
                raise _changed(folder / name)
    if found != files["manifest.json"]:
        raise _changed(folder / "manifest.json")


def _read(file: Path, limit: float = math.inf) -> bytes:
    try:
        if not file.is_file():
            raise Damaged("{file} is missing; use a whole copy or an older one", file=file)
        if file.stat().st_size > limit:
            raise Damaged("{file} has more than {limit} MB; use a whole copy or an older one",
                          file=file, limit=int(limit / 2**20))
        return file.read_bytes()
    except OSError as error:                                # a bad sector, no permission
        raise Damaged("{file} cannot be read ({reason}); use a whole copy or an older one",
                      file=file, reason=error.strerror) from error


def _changed(file: Path) -> Damaged:
    return Damaged("{file} is not what was written (its SHA-256 differs); use a whole copy or an older one",
                   file=file)


@contextmanager
def _understood(file: Path):
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise Damaged("{file} cannot be understood ({reason}); use a whole copy or an older one",
                      file=file, reason=f"{type(error).__name__}: {error}"[:200]) from error
