"""A network of signs as bits: a weight is one bit, and 64 products are one XOR and one count.

`packed(net)` makes of a trained Design a predictor that gives the same scores, to the bit, with ±1 layers 32
times smaller and many times faster; `Packed.saved` and `loaded` turn it into tensors and back. Sums of ±1 are
whole numbers, so a batch norm and the sign behind it are one comparison with a whole number.
"""
import copy
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepen.core.words import Problem
from deepen.nn.layers import BinaryDense, Scale, Sign

LANES = 64                                      # units in a block, bits in a word
SHARE = 2**27                                   # products that are worth a thread of their own
DROPPED = nn.Dropout, nn.Identity               # nothing happens there when judging


def words(count: int) -> int:
    """How many words hold so many bits where there is computed: an even number."""
    return 2 * math.ceil(count / (2 * LANES))


def pack(x: Tensor) -> Tensor:
    """Signs of real values (N, …) -> words int64 (N, 1, words), bit 1 where x >= 0; bytes -> (N, 8, words).

    A byte is eight planes of bits, the highest first, as in Courbariaux et al. 2016, section 2.5.
    """
    from deepen.nn import binary_kernel as kernel
    flat = x.detach().flatten(1)
    stored = flat.dtype == torch.uint8
    values = (flat if stored else flat.float()).contiguous()
    out = torch.zeros(len(x), 8 if stored else 1, words(flat.shape[1]), dtype=torch.int64)
    (kernel.pack_bytes if stored else kernel.pack_signs)(values.numpy(), out.numpy().view(np.uint64))
    return out


def to_words(on: Tensor) -> Tensor:
    """bool (N, K) -> int64 (N, ⌈K / 64⌉), the first value in the lowest bit: weights as they are stored."""
    rows = np.zeros((len(on), -(-on.shape[1] // LANES) * 8), dtype=np.uint8)
    bits = np.packbits(on.numpy(), axis=1, bitorder="little")
    rows[:, :bits.shape[1]] = bits
    return torch.from_numpy(rows.view("<i8").astype(np.int64))


def to_signs(stored: Tensor, count: int) -> Tensor:
    """int64 (N, words) -> float32 (N, count) of -1 and +1."""
    rows = np.ascontiguousarray(stored.numpy()).astype("<i8").view(np.uint8)
    bits = np.unpackbits(rows, axis=1, count=count, bitorder="little")
    return torch.from_numpy(bits).float() * 2 - 1


class Bits(nn.Module):
    """A dense layer of ±1 weights on packed inputs: words (B, planes, words) -> sums (B, units), or signs.

    planes: 1 for inputs of ±1, 8 for bytes. With `signs` the answer is packed again, (B, 1, words): +1 where
    the sum is at least the unit's `least`. Weights are `words`, int64 (units, ⌈inputs / 64⌉).
    """
    words: Tensor
    least: Tensor
    bias: Tensor

    def __init__(self, inputs: int, units: int, planes: int = 1, signs: bool = False, bias: bool = False):
        super().__init__()
        self.inputs, self.units, self.planes, self.signs = inputs, units, planes, signs
        self.register_buffer("words", torch.zeros(units, -(-inputs // LANES), dtype=torch.int64))
        self.register_buffer("least", torch.zeros(units, dtype=torch.int32) if signs else None)
        self.register_buffer("bias", torch.zeros(units) if bias else None)
        self.ready: tuple[np.ndarray, np.ndarray, int] | None = None

    def forward(self, a: Tensor) -> Tensor:
        if a.dtype != torch.int64 or tuple(a.shape[1:]) != (self.planes, words(self.inputs)):
            raise ValueError(f"packed inputs are {self.planes} × {words(self.inputs)} words, not {a.dtype} {tuple(a.shape)}")
        from deepen.nn import binary_kernel as kernel
        if self.ready is None:
            self.ready = self._prepare()
        blocks, numbers, each = self.ready
        rows = a.contiguous().numpy().view(np.uint64)
        out = torch.zeros(len(a), 1, words(self.units), dtype=torch.int64) if self.signs else \
            torch.empty(len(a), self.units)
        answers = out.numpy().view(np.uint64) if self.signs else out.numpy()

        def work(first: int, last: int) -> None:
            room = np.empty((kernel.ROWS, LANES), dtype=np.uint64)
            if self.signs:
                kernel.signs(rows[first:last], blocks, numbers, room, answers[first:last])
            else:
                kernel.sums(rows[first:last], blocks, numbers, each, room, answers[first:last])
        spread(work, len(a), self.planes * self.inputs * self.units)
        return out if self.bias is None else out + self.bias

    def _prepare(self) -> tuple[np.ndarray, np.ndarray, int]:
        """(weights in blocks (blocks, words, 64), base or `most` of each lane, how much a bit that differs
        takes away). Of signs, sum = K - 2 differing; of bytes, sum = 255 ones - differing, planes weighted."""
        count = -(-self.units // LANES)
        filled = np.zeros((count * LANES, words(self.inputs)), dtype=np.uint64)
        filled[:self.units, :self.words.shape[1]] = self.words.numpy().view(np.uint64)
        blocks = np.ascontiguousarray(filled.reshape(count, LANES, -1).transpose(0, 2, 1))
        ones = (to_signs(self.words, self.inputs) > 0).sum(1)
        base, each = (torch.full_like(ones, self.inputs), 2) if self.planes == 1 else (255 * ones, 1)
        lanes = torch.full((count * LANES,), -1)                # a lane without a unit is never on
        lanes[:self.units] = (base - self.least).div(each, rounding_mode="floor") if self.signs else base
        return blocks, lanes.numpy(), each


class Signed(nn.Module):
    """±1 weights, stored as bits, on real inputs (B, inputs) -> (B, units)."""
    words: Tensor
    bias: Tensor

    def __init__(self, inputs: int, units: int, bias: bool = False):
        super().__init__()
        self.inputs = inputs
        self.register_buffer("words", torch.zeros(units, -(-inputs // LANES), dtype=torch.int64))
        self.register_buffer("bias", torch.zeros(units) if bias else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, to_signs(self.words, self.inputs), self.bias)


class Pack(nn.Module):
    """`pack` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return pack(x)


class Unpack(nn.Module):
    """Words (B, 1, words) -> (B, count) of -1 and +1."""

    def __init__(self, count: int):
        super().__init__()
        self.count = count

    def forward(self, a: Tensor) -> Tensor:
        return to_signs(a[:, 0], self.count)


def spread(work: Callable[[int, int], None], rows: int, products: int) -> None:
    """`work(first, last)` over the rows, on as many of torch's threads as there is enough to do for."""
    threads = max(1, min(torch.get_num_threads(), rows * products // SHARE, rows // 4))
    if threads == 1:
        work(0, rows)
        return
    edges = [rows * i // (4 * threads) * 4 for i in range(threads)] + [rows]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, edges, edges[1:]))


LAYERS: dict[str, Callable[..., nn.Module]] = {
    "bits": Bits, "signed": Signed, "pack": Pack, "unpack": Unpack, "scale": Scale, "flatten": nn.Flatten,
    "dense": nn.Linear, "norm": nn.BatchNorm1d, "relu": nn.ReLU}


class Packed(nn.Sequential):
    """A predictor that `packed` made: inputs as they are stored -> scores (B, classes). On a CPU.

    `lines` says what it is made of: [word, numbers …] a layer; with `saved()` it is all that a file needs.
    """

    def __init__(self, lines: list[list[Any]]):
        if any(not line or line[0] not in LAYERS for line in lines):
            raise Problem("this packed network has a layer that is not known here; was it made by a newer version?")
        super().__init__(*(LAYERS[word](*numbers) for word, *numbers in lines))
        self.lines = lines
        self.requires_grad_(False).eval()

    def saved(self) -> dict[str, Tensor]:
        """Its tensors by name, words as int64."""
        return {name: tensor for name, tensor in self.state_dict().items()
                if not name.endswith("num_batches_tracked")}

    @property
    def bytes(self) -> int:
        """How many bytes its numbers take."""
        return sum(tensor.nbytes for tensor in self.saved().values())


def loaded(lines: list[list[Any]], tensors: dict[str, Tensor]) -> Packed:
    """The predictor again, from what `lines` and `saved()` gave."""
    with suppress(TypeError, ValueError, LookupError):
        net = Packed(lines)
        if {name: tensor.shape for name, tensor in net.saved().items()} == {k: t.shape for k, t in tensors.items()}:
            net.load_state_dict(tensors, strict=False)
            return net
    raise Problem("the tensors of this packed network do not fit its layers; the file is damaged")


def can_pack(net: nn.Module) -> bool:
    """Does `net` have a dense layer of ±1 weights, and only layers that `packed` knows?"""
    known = (BinaryDense, nn.Linear, nn.BatchNorm1d, Sign, nn.ReLU, nn.Flatten, Scale, *DROPPED)
    return isinstance(net, nn.Sequential) and any(isinstance(layer, BinaryDense) for layer in net) \
        and all(type(layer) in known for layer in net)


@torch.no_grad()
def packed(net: nn.Module) -> Packed:
    """The packed predictor of a trained network in a row, such as a Design of `binary dense`, `norm`, `sign`.

    Its scores are those of `net` in eval mode and float32, to the bit, as long as sums of bytes stay below
    2²⁴ (65,793 inputs). Where ±1 weights meet real numbers, or real weights meet signs, it multiplies as the
    network does. `Problem` where a layer cannot be packed.
    """
    if not can_pack(net):
        raise Problem("only a row of dense layers with binary ones among them can be packed, such as: "
                      "binary dense 256; norm; sign; binary dense classes; norm")
    lines: list[list[Any]] = []
    states: list[dict[str, Tensor]] = []

    def add(word: str, *numbers, **state: Tensor | None) -> None:
        lines.append([word, *numbers])
        states.append({key: value for key, value in state.items() if value is not None})

    flow, width = "real", 0                     # what comes to the next layer: real, bytes or bits, and how many
    assert isinstance(net, nn.Sequential)
    layers = [copy.deepcopy(layer).cpu().float().eval() for layer in net if not isinstance(layer, DROPPED)]
    while layers:
        layer = layers.pop(0)
        if flow == "bits" and not isinstance(layer, (BinaryDense, Sign, nn.Flatten)):
            width = getattr(layer, "in_features", getattr(layer, "num_features", width))
            add("unpack", width)
            flow = "real"
        match layer:
            case Scale() if hands_on_bytes(layer, layers):
                add("pack")
                flow = "bytes"
            case Scale():
                add("scale", list(layer.mean.shape), layer.whole, **layer.state_dict())
            case nn.Flatten() if flow == "real":
                add("flatten")
            case BinaryDense() if flow == "real":
                add("signed", layer.in_features, layer.out_features, layer.bias is not None,
                    words=to_words(layer.weight >= 0), bias=layer.bias)
                width = layer.out_features
            case BinaryDense():
                planes = 8 if flow == "bytes" else 1
                norm = layers[0] if layers and isinstance(layers[0], nn.BatchNorm1d) else None
                ends = len(layers) > (norm is not None) and isinstance(layers[norm is not None], Sign)
                on, sizes = layer.weight >= 0, (layer.in_features, layer.out_features, planes, ends)
                if ends:
                    del layers[:1 + (norm is not None)]
                    turned, least = thresholds(norm, layer.bias, sizes[0] * (1 if planes == 1 else 255), sizes[1])
                    add("bits", *sizes, False, words=to_words(on ^ turned[:, None]), least=least)
                else:
                    add("bits", *sizes, layer.bias is not None, words=to_words(on), bias=layer.bias)
                flow, width = "bits" if ends else "real", layer.out_features
            case nn.Linear():
                add("dense", layer.in_features, layer.out_features, layer.bias is not None, **layer.state_dict())
                width = layer.out_features
            case nn.BatchNorm1d():
                add("norm", layer.num_features, layer.eps, **layer.state_dict())
                width = layer.num_features
            case Sign() if flow == "real":
                add("pack")
                flow = "bits"
            case nn.ReLU():
                add("relu")
    if flow == "bits":
        add("unpack", width)
    result = Packed(lines)
    for made, state in zip(result, states, strict=True):
        made.load_state_dict(state, strict=False)
    return result


def hands_on_bytes(layer: Scale, layers: list[nn.Module]) -> bool:
    """Do the bytes of pictures reach a layer of ±1 weights as they are?"""
    plain = layer.whole == 1 and layer.mean.ndim == 3 and not layer.mean.any() and bool((layer.std == 1).all())
    return plain and isinstance(next((one for one in layers if not isinstance(one, nn.Flatten)), None), BinaryDense)


def thresholds(norm: nn.Module | None, bias: Tensor | None, most: int, units: int) -> tuple[Tensor, Tensor]:
    """(turned, least) of each unit: sign(norm(sum + bias)) is +1 where the sum is at least `least`.

    Where the norm falls as the sum grows (its weight is negative), the unit is `turned`: its weights, and so its
    sum, change their signs. Found by halving -most…most with the norm itself, so its rounding is kept.
    """
    def on(total: Tensor) -> Tensor:
        y = total.float() if bias is None else total.float() + bias
        return (y if norm is None else norm(y[None])[0]) >= 0

    low, high = torch.full((units,), -most), torch.full((units,), most)
    first, last = on(low), on(high)
    while bool((high - low > 1).any()):
        middle = (low + high) // 2
        changed = on(middle) != first
        low, high = torch.where(changed, low, middle), torch.where(changed, middle, high)
    turned = first & ~last                                      # high is the first sum that is off
    least = torch.where(turned, 1 - high, high)
    always, never = torch.full_like(least, -most), torch.full_like(least, most + 1)
    least = torch.where(first == last, torch.where(first, always, never), least)
    return turned, least.int()
