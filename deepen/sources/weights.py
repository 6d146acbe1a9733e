"""Weights to begin from: a run of one's own, or a safetensors file. Nothing else reads weights that a person names."""
import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from deepen.core.words import Problem


def read_weights(what: str | Path) -> dict[str, Tensor]:
    """The tensors of a run (its folder, or its name under runs/) or of a `.safetensors` file, by name.

    A run's file must have the SHA-256 its card says. Raises `Problem`; reads no pickle."""
    import safetensors.torch
    from safetensors import SafetensorError
    file, card = _file(Path(what).expanduser())
    try:
        content = file.read_bytes()
        if card is not None and hashlib.sha256(content).hexdigest() != json.loads(card.read_text(encoding="utf-8")).get("sha256"):
            raise Problem("{file} is not what its card says (its SHA-256 differs); use a whole copy", file=file)
        return safetensors.torch.load(content)
    except (OSError, ValueError, SafetensorError) as error:
        raise Problem("{file} cannot be read as safetensors: {reason}", file=file, reason=error) from None


def begin_from(net: nn.Module, weights: dict[str, Tensor]) -> list[str]:
    """Copy weights into a network by name; returns the names that begin fresh: those of a last layer for other classes.

    Where published weights do not hold the scaling they were trained with, the net knows it (`published`).
    Raises `Problem` that names the first layer that is missing or of another shape."""
    mine = net.state_dict()
    scaling = zip(("scale.mean", "scale.std"), getattr(net, "published", ()), strict=False)
    weights = {**{name: torch.tensor(values)[:, None, None] for name, values in scaling}, **weights}
    heads = {*getattr(net, "heads", ()), next((name.rpartition(".")[0] for name in reversed(mine) if name.endswith("weight")), "")}
    fresh = []
    for name, tensor in mine.items():
        given = weights.get(name)
        if given is not None and given.shape == tensor.shape:
            with torch.no_grad():
                tensor.copy_(given)
        elif name.rpartition(".")[0] in heads and given is not None:
            fresh.append(name)
        elif given is None and name.endswith("num_batches_tracked"):
            continue                        # older files leave it out, and nothing reads it
        elif given is None:
            raise Problem("the weights have no {name}, which this network needs; they are of another network", name=name)
        else:
            raise Problem("{name} is {given} in the weights and {wanted} in this network; they are of another network",
                          name=name, given=tuple(given.shape), wanted=tuple(tensor.shape))
    return fresh


def _file(path: Path) -> tuple[Path, Path | None]:
    for folder in (path, Path("runs") / path):
        if (folder / "model" / "weights.safetensors").is_file():
            return folder / "model" / "weights.safetensors", folder / "model" / "card.json"
    if path.suffix == ".safetensors" and path.is_file():
        return path, None
    raise Problem("there are no weights at {path}; give a run's folder or a .safetensors file", path=path)
