"""Bits: what a number format costs a system in accuracy, bytes and time, measured; and networks of signs as files."""
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deepen.core.data import Data
from deepen.core.kinds import Label
from deepen.core.words import Failure
from deepen.engine import keep
from deepen.engine.fit import quiet
from deepen.engine.place import FORMATS
from deepen.nn import binary

BATCH, PART = 0.08, 0.25        # seconds that one batch, and the part of the examples that is judged, may take


@dataclass(frozen=True)
class Format:
    """What one number format costs."""
    name: str                           # fp32, bf16, fp16, 1 bit
    bytes: int                          # of the weights as they are stored
    milliseconds: float | None = None   # of a batch, computed in this format (fp16 on a CPU: stored so, computed in fp32)
    score: float | None = None          # the system's own, on a part of the validation split
    same: float | None = None           # share of answers that name the same class as fp32 does


def costs(system, data: Data, most: int = 1000) -> tuple[list[Format], int, int]:
    """(formats, examples in the batch that was timed, validation examples judged) of a trained system with its data:
    fp32, bf16, fp16, and 1 bit where the network can be packed. In about two seconds, so often on a part of the
    validation split. Nothing where the system has no network, or no examples with a known answer."""
    split = data.splits.get("valid", ())
    asks = not hasattr(system, "example")           # else it answers something else than the inputs of its data
    if not len(split) or data.target is None or not asks or not isinstance(system.network(), nn.Module):
        return [], 0, 0
    with quiet(system):
        inputs = split[torch.arange(min(16, len(split)))][0]
        each = _seconds(system, inputs, tries=1) / len(inputs)
        batch = max(1, min(most, len(split), int(BATCH / each)))
        count = max(batch, min(len(split), int(PART / each)))
        inputs = split[torch.arange(batch)][0]
        part = replace(data, splits={**data.splits, "valid": First(split, count)})
        answers = None
        found = []
        for name in names(system):
            with stored(system, name), _judged_on(system, part):
                spent = _seconds(system, inputs)
                score = float(system.evaluate("valid")[system.score])
                got = _classes(system.predict(inputs)) if isinstance(data.target, Label) else None
                answers = got if answers is None else answers
                same = None if got is None or answers is None else torch.eq(got, answers).double().mean().item()
                found.append(Format(name, size(system.network(), name), spent * 1e3, score, same))
    return found, batch, count


def times(system, example) -> tuple[list[Format], int]:
    """(formats, examples in the batch) of a system that has not learned: bytes, and the time of fp32 and bf16 here.
    `example(n)` gives n inputs."""
    net = system.network()
    if not isinstance(net, nn.Module):
        return [], 0
    found = []
    with quiet(system):
        each = _seconds(system, example(1), tries=1)
        batch = max(1, min(int(system.recipe().get("batch") or 1), int(BATCH / each)))
        inputs = example(batch)
        for name in names(system):
            with stored(system, name) if name == "bf16" else nullcontext():
                timed = _seconds(system, inputs) * 1e3 if name in ("fp32", "bf16") else None
            found.append(Format(name, binary.packed(net).bytes if name == "1 bit" else size(net, name), timed))
    return found, batch


def names(system) -> list[str]:
    """The formats a system can be measured in here."""
    return ["fp32", *FORMATS] + ["1 bit"] * packable(system)


def packable(system) -> bool:
    """Is its network one of signs that answers alone, on a CPU?"""
    return system.device.type == "cpu" and binary.can_pack(system.network())


@contextmanager
def stored(system, name: str) -> Iterator[None]:
    """While this lasts, the system's network is stored and computes in a format; then it is what it was."""
    net = system.network()
    if name == "1 bit":
        with _replaced(system, binary.packed(net)):
            yield
        return
    if name == "fp32":
        yield
        return
    kept = [(weight, weight.detach().clone()) for weight in net.parameters() if weight.ndim > 1]
    computed = name == "bf16" or system.device.type != "cpu"            # a CPU has no fast fp16
    try:
        with torch.no_grad():
            for weight, _ in kept:
                weight.copy_(weight.to(FORMATS[name]))
        with torch.autocast(system.device.type, FORMATS[name], cache_enabled=False) if computed else nullcontext():
            yield
    finally:
        with torch.no_grad():
            for weight, before in kept:
                weight.copy_(before)


def size(net: nn.Module, name: str = "fp32") -> int:
    """Bytes of a network whose weights are stored in a format; biases, norms and statistics stay as they are."""
    if isinstance(net, binary.Packed):
        return net.bytes
    half = name in FORMATS
    return sum(2 * weight.numel() if half and weight.ndim > 1 else weight.nbytes for weight in net.parameters()) \
        + sum(buffer.nbytes for buffer in net.buffers())


# packed networks as files

def save(system, inputs: Tensor, file: Path, card: dict[str, Any]) -> dict[str, Any]:
    """Write a network of signs packed, after proof that it gives the same scores, to the bit, for all
    `inputs`. Returns {"file", "bytes", "compared", "milliseconds"}; `Failure` where one score differs."""
    net = binary.packed(system.network())
    with quiet(system):
        wanted, got = system.network()(inputs), net(inputs)
        if not torch.equal(wanted, got):
            raise Failure("the packed network gives other scores (largest difference {gap}); it was not written",
                          gap=f"{(wanted - got).abs().max():.2g}")
        with _replaced(system, net):
            spent = _seconds(system, inputs[:1])
    keep.save_bits(file, net.lines, net.saved(), card)
    return {"file": str(file), "bytes": file.stat().st_size, "compared": len(inputs), "milliseconds": spent * 1e3}


def load(file: str | Path) -> binary.Packed:
    """The packed network of a file that `deepen export` wrote: inputs as they are stored -> scores (B, classes)."""
    lines, tensors, _ = keep.load_bits(Path(file))
    return binary.loaded(lines, tensors)


@contextmanager
def _replaced(system, net: nn.Module) -> Iterator[None]:
    """While this lasts, another network answers for the system."""
    holder, name = (system.ema, "module") if getattr(system, "ema", None) is not None else (system, "model")
    before = getattr(holder, name)
    setattr(holder, name, net)
    try:
        yield
    finally:
        setattr(holder, name, before)


@contextmanager
def _judged_on(system, data: Data) -> Iterator[None]:
    before, system.data = system.data, data
    try:
        yield
    finally:
        system.data = before


def _seconds(system, inputs, tries: int = 2) -> float:
    """The least time of some tries for one batch, of many where it is short, after one to warm up."""
    spent: list[float] = []
    while len(spent) <= tries or (sum(spent) < BATCH / 2 and len(spent) < 20 * tries):
        began = time.perf_counter()
        system.predict(inputs)
        if system.device.type == "cuda":
            torch.cuda.synchronize()
        spent.append(time.perf_counter() - began)
    return min(spent[1:])


def _classes(answers) -> Tensor:
    return torch.as_tensor(answers).argmax(-1)


class First:
    """The first examples of a split."""

    def __init__(self, split, count: int):
        self.split, self.count = split, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows):
        return self.split[torch.arange(self.count)[rows] if isinstance(rows, slice) else rows]
