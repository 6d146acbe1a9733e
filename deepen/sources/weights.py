"""Weights to begin from: published ones, a run of one's own, or a safetensors file. Nothing else reads weights that a
person names, and nothing here reads a pickle.

Published weights are torchvision's, as the timm collection on the Hugging Face hub keeps them in safetensors. Their
SHA-256 stands below as the hub's pages state it; where no page could be read, the hub is asked for it once (its small
pointer file), it is written down beside the download, and every later reading must agree.
"""
import hashlib
import json
import re
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import torch
from torch import Tensor, nn

from deepen.core.kinds import Image, from_card
from deepen.core.words import Problem, say
from deepen.nn.design import network
from deepen.sources._download import PATIENCE, _reason, cache, contents, places

HUB = "https://huggingface.co/timm"
FILE = "model.safetensors"
PUBLISHED = {                   # net -> SHA-256 of its file; "": asked for once
    "resnet18": "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81",
    "resnet34": "",
    "resnet50": "5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888",
    "resnet101": "",
    "resnet152": "15897077afdf4d6334dc0c3f8e6fb483afb3faa9298c139f3c6eb29bca6ae5b2",
    "vgg11": "682c023808812148d4e60c76d80ad83dbeaf5d50eb1a952a0b836895003151e5",
    "vgg11_bn": "",
    "vgg13": "",
    "vgg13_bn": "7dae235e35772693cd527e7ac9ef8f6594707a14a8d26aabdb83c0baa6847861",
    "vgg16": "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    "vgg16_bn": "88bbedbc8e780413736db38ac4efd41b06fc0e93fd5b8879b584bba63a950129",
    "vgg19": "11aea017b543ff59233749d8f1cf544cda749378f5790d2fedab841fb86b7669",
    "vgg19_bn": "f8249087e63bae61c6166bb23d7c26efe1b2a43fd9fb5cd60ac6ce00535ba312"}
RENAMED = {"pre_logits.fc1.": "classifier.0.", "pre_logits.fc2.": "classifier.3.", "head.fc.": "classifier.6."}
CONVERT = ("python -c \"import torch, safetensors.torch as s; s.save_file(torch.load('{net}.pth', weights_only=True), "
           "'{net}.safetensors')\"")


def begin(net: nn.Module, what: str, name: str, data) -> list[str]:
    """Begin `net` (asked for as `name`, for `data`) from the weights `what`; what a person should know of it.

    The last layer begins fresh where the classes are others. Raises `Problem`: where no weights are found, what differs."""
    card = _card(what)
    theirs, channels = card.get("recipe", {}).get("net"), (card.get("inputs") or {}).get("channels", data.inputs.shape[0])
    if channels != data.inputs.shape[0]:
        raise Problem("{what} learned from pictures of {given} channels, these have {wanted}; add data.colour={colour}", what=what,
                      given=channels, wanted=data.inputs.shape[0], colour="grey" if channels == 1 else "rgb")
    if what == "imagenet":
        _check_published(name, data.inputs)
    try:
        fresh = begin_from(net, read_weights(what, name), same_classes(what, data))
    except Problem:
        if theirs in (None, name):
            raise
        raise Problem("{what} was trained with net={theirs}, but net={net} was asked; leave net out to take the same",
                      what=what, theirs=theirs, net=name) from None
    return told(what, fresh)


def same_classes(what: str, data) -> bool:
    """Did the run `what` learn these very classes? Weights that do not tell may have."""
    card = _card(what)
    return not card or (card.get("target") or {}).get("names") == list(data.target.names)


def told(what: str, fresh: list[str]) -> list[str]:
    """What a person should know of weights begun from; `fresh`: the names that were not taken over."""
    layers = ", ".join(dict.fromkeys(one.rpartition(".")[0] for one in fresh))
    return [say("begins with the weights of {what}; the classes are others, so {layers} begins fresh", what=what, layers=layers)
            if fresh else say("begins with the weights of {what}, the last layer too", what=what)]


def network_of(what: str, net: str) -> nn.Module:
    """The network of the weights `what`, with its convolutions begun from them: of a run its own net, of others `net` (of
    pictures in colour, without its dense layers). To look with, not to classify: `nn/style.Layers`. Raises `Problem`."""
    card = _card(what)
    kind = from_card(card["inputs"]) if card else Image(3, 64, 64)
    if getattr(kind, "channels", 0) != 3:
        raise Problem("{what} did not learn from pictures in colour, so it cannot look at these; give a run that did", what=what)
    name = (net_of(what) if card else None) or net
    made = network(name, kind, len((card.get("target") or {}).get("names", ())) or 10)
    if not card and hasattr(made, "classifier"):
        made.classifier = nn.Identity()                 # of published weights those for 224 pixels, which nobody asks for
    begin_from(made, read_weights(what, name))
    return made


def net_of(what: str) -> str | None:
    """The net that a run was trained with; None for weights that do not tell."""
    if what == "imagenet":
        raise Problem("weights=imagenet needs a net, for example net=resnet18; there are: {nets}", nets=", ".join(PUBLISHED))
    card = _card(what)
    if card and not isinstance(card.get("recipe", {}).get("net"), str):
        raise Problem("{what} is a run of {system}, which has no net that could be taken over", what=what, system=card.get("system"))
    return card["recipe"]["net"] if card else None


def located(what: str) -> str:
    """The same weights, found from any folder: the whole path of a run or file, where there is one."""
    if what in ("", "imagenet") or "://" in what:
        return what
    try:
        file, card = _file(what)
    except Problem:
        return what                             # gone, or on another machine: who needs them will say so
    return str((file.parent.parent if card and file.parent.name == "model" else file).resolve())


def read_weights(what: str | Path, net: str = "") -> dict[str, Tensor]:
    """The tensors, by name, of a run (its folder, or its name or number under runs/), of a `.safetensors` file, of an
    address `https://….safetensors#sha256=…`, or (`imagenet`) those published for `net`.

    What has a known SHA-256 must have it. Raises `Problem`."""
    import safetensors.torch
    from safetensors import SafetensorError
    what = str(what)
    try:
        if what == "imagenet":
            file: Any = net
            content = _published(net)
        elif "://" in what:
            file, content = what, _addressed(what)
        else:
            file, card = _file(what)
            content = file.read_bytes()
            if card is not None and hashlib.sha256(content).hexdigest() != json.loads(card.read_text(encoding="utf-8")).get("sha256"):
                raise Problem("{file} is not what its card says (its SHA-256 differs); use a whole copy", file=file)
        return _as_torchvision(safetensors.torch.load(content))
    except (OSError, ValueError, SafetensorError) as error:
        raise Problem("{file} cannot be read as safetensors: {reason}", file=file, reason=error) from None


def begin_from(net: nn.Module, weights: dict[str, Tensor], head: bool = True) -> list[str]:
    """Copy weights into a network by name; returns the names that begin fresh: those of a last layer for other classes
    (all of it without `head`).

    Where published weights do not hold the scaling they were trained with, the net knows it (`published`).
    Raises `Problem` that names the first layer that is missing or of another shape."""
    mine = net.state_dict()
    scaling = zip(("scale.mean", "scale.std"), getattr(net, "published", ()), strict=False)
    weights = {**{name: torch.tensor(values)[:, None, None] for name, values in scaling}, **weights}
    heads = {*getattr(net, "heads", ()), next((name.rpartition(".")[0] for name in reversed(mine) if name.endswith("weight")), "")}
    fresh, copied = [], []
    for name, tensor in mine.items():
        given, last = weights.get(name), name.rpartition(".")[0] in heads
        if given is not None and given.shape == tensor.shape and (head or not last):
            copied.append((tensor, given))
        elif last and given is not None:
            fresh.append(name)
        elif given is None and name.endswith("num_batches_tracked"):
            continue                        # older files leave it out, and nothing reads it
        elif given is None:
            raise Problem("the weights have no {name}, which this network needs; they are of another network", name=name)
        else:
            raise Problem("{name} is {given} in the weights and {wanted} in this network; they are of another network",
                          name=name, given=tuple(given.shape), wanted=tuple(tensor.shape))
    with torch.no_grad():                   # all or none
        for tensor, given in copied:
            tensor.copy_(given)
    return fresh


def _as_torchvision(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """timm's names of VGG's dense layers -> torchvision's; it keeps them as convolutions."""
    if "pre_logits.fc1.weight" not in weights:
        return weights
    renamed = {}
    for name, tensor in weights.items():
        theirs = next((old for old in RENAMED if name.startswith(old)), "")
        new = name.replace(theirs, RENAMED[theirs]) if theirs else name
        renamed[new] = tensor.flatten(1) if theirs and tensor.ndim == 4 else tensor
    return renamed


# published weights

def _check_known(net: str) -> None:
    if net not in PUBLISHED:
        raise Problem("no published weights of {net} in safetensors are known, and the .pth files of torchvision are pickles, which "
                      "are not read; there are: {nets}. A .pth you trust becomes a file for weights= by: {command}", net=net,
                      nets=", ".join(PUBLISHED), command=CONVERT.format(net=net if net.isidentifier() else "net"))


def _check_published(net: str, kind) -> None:
    _check_known(net)
    if kind.shape[0] != 3:
        raise Problem("published weights are for pictures in colour, these have {given} channel; add data.colour=rgb", given=kind.shape[0])
    if min(kind.shape[1:]) <= 64:
        raise Problem("published weights are for pictures of more than 64 pixels a side, these have {given}; add data.size=128, or 224 "
                      "as they were trained", given=min(kind.shape[1:]))


def _published(net: str) -> bytes:
    _check_known(net)
    folder = f"weights/{net}"
    return next(contents(folder, {FILE: PUBLISHED[net] or _written(net, folder)}, [f"{HUB}/{net}.tv_in1k/resolve/main/"]))


def _written(net: str, folder: str) -> str:
    """The SHA-256 written down beside a download; the first time that of a file put there by hand, else the hub's."""
    note = cache() / folder / "sha256"
    if note.is_file():
        return note.read_text(encoding="ascii", errors="replace").strip()
    there = next((place / FILE for place in places(folder) if (place / FILE).is_file()), None)
    known = hashlib.sha256(there.read_bytes()).hexdigest() if there else _stated(net, folder)
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(known, encoding="ascii")
    except OSError as error:
        raise Problem("{folder} cannot be written ({reason}); set DEEPEN_CACHE to a folder that can", folder=note.parent,
                      reason=error.strerror) from None
    return known


def _stated(net: str, folder: str) -> str:
    """The SHA-256 that the hub states: in place of a large file its repository holds a pointer to it."""
    address = f"{HUB}/{net}.tv_in1k/raw/main/{FILE}"
    try:
        with urlopen(address, timeout=PATIENCE) as answer:
            told = answer.read(1000).decode("ascii", "replace")
        found = re.search(r"^oid sha256:([0-9a-f]{64})$", told, re.MULTILINE)
        reason = say("it does not state a SHA-256")
    except (OSError, HTTPException) as error:
        found, reason = None, _reason(error)
    if found is None:
        raise Problem("{names} could not be downloaded ({tried}); connect to the network, or put the files into "
                      "one of these folders, where they were looked for: {folders}", names=FILE,
                      tried=f"{address}: {reason}", folders=", ".join(map(str, places(folder))))
    return found[1]


def _addressed(address: str) -> bytes:
    """The file at `https://host/x.safetensors#sha256=…`."""
    parts = urlsplit(address)
    base, name = parts._replace(fragment="").geturl().rsplit("/", 1)
    sha256 = parts.fragment.removeprefix("sha256=")
    if parts.scheme not in ("http", "https") or not unquote(parts.path).endswith(".safetensors") or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise Problem("{address} cannot be used: an address of weights ends in .safetensors#sha256= and the SHA-256 of the file",
                      address=address)
    return next(contents(f"weights/{sha256[:12]}", {name: sha256}, [f"{base}/"]))


# files

def _card(what: str) -> dict[str, Any]:
    """The card beside weights of our own; {} where there is none."""
    if what == "imagenet" or "://" in what:
        return {}
    card = _file(what)[1]
    try:
        return json.loads(card.read_text(encoding="utf-8")) if card else {}
    except (OSError, ValueError) as error:
        raise Problem("{file} cannot be read: {reason}", file=card, reason=error) from None


def _file(what: str) -> tuple[Path, Path | None]:
    path = Path(what).expanduser()
    numbered = sorted(Path("runs").glob(f"*-{int(what):04d}")) if what.isascii() and what.isdigit() else []
    for folder in (path, Path("runs") / path, *numbered):
        if (folder / "model" / "weights.safetensors").is_file():
            return folder / "model" / "weights.safetensors", folder / "model" / "card.json"
    if path.suffix == ".safetensors" and path.is_file():
        beside = path.with_name("card.json")
        return path, beside if path.name == "weights.safetensors" and beside.is_file() else None
    raise Problem("there are no weights at {path}; give a run's folder or a .safetensors file", path=path)
