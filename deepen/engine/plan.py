"""Plan: what a system's networks are, before anything is learned: shapes, parameters, multiplications, memory."""
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from deepen.core.data import Data
from deepen.core.kinds import Image, Label, Number, Row, Vector
from deepen.core.recipe import Count, Field, checked, convert
from deepen.core.words import Problem
from deepen.engine import bits, find
from deepen.engine.bits import Format
from deepen.engine.fit import lend, quiet
from deepen.engine.place import Place
from deepen.engine.start import prepare


@dataclass(frozen=True)
class Layer:
    """One line of the table, for one example: a layer, or what a block computes beside its layers."""
    name: str
    text: str                       # the layer in words: Conv2d 1→16 5×5
    shape: tuple[int, ...]          # what comes out, without the batch; () where it was not called
    parameters: int
    macs: int                       # multiplications with an addition, forward


@dataclass(frozen=True)
class Sketch:
    """The networks of a system before they learn."""
    system: str
    input: tuple[int, ...]
    layers: list[Layer]
    parameters: int
    macs: int
    batch: int
    weights: int                    # bytes of the weights in float32
    learning: int                   # bytes that learning takes: weights, gradients, two averages each, what flows
    formats: list[Format]           # bytes of the weights in each number format; of fp32 and bf16 the time of a batch here
    timed: int                      # examples in that batch; 0: no time was asked for


def plan(what: str, settings: Mapping[str, Any] | None = None, input: str | None = None, classes: str | None = None,
         timed: bool = False) -> Sketch:
    """Build a system on the kinds of its data (or on an `input` like `3x224x224` and a number of `classes`) and look at
    what flows through its networks when one example is answered. `timed`: also measure how long a batch takes here."""
    system, data, name = _asked(what, dict(settings or {}), input, classes)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    if getattr(system, "ema", None) is not None:
        system.ema = None                   # an average is a copy: it would be counted twice
    for net in system.networks():
        net.requires_grad_(False)           # the counter of MACs stumbles over a learned constant that goes into a layer

    def example(count: int) -> Tensor:
        if hasattr(system, "example"):
            return system.example(count)
        if not isinstance(data.inputs, Image):
            return torch.zeros(count, *data.inputs.shape)
        return torch.randint(256, (count, *data.inputs.shape), dtype=torch.uint8)      # of noise a net of regions looks at all it may

    one = example(1)
    layers, flowing = _flow(system, one)
    batch = int(system.recipe().get("batch") or getattr(getattr(system, "stream", None), "batch", 1))     # or its own choice
    parameters = sum(p.numel() for net in system.networks() for p in net.parameters())
    formats, count = bits.times(system, example) if timed else ([], 0)
    return Sketch(name, tuple(one.shape[1:]), layers, parameters, sum(layer.macs for layer in layers), batch,
                  4 * parameters, 16 * parameters + 4 * batch * flowing, formats, count)


def _asked(what: str, settings: dict[str, Any], input: str | None, classes: str | None):
    if input is None and classes is None:
        asked = prepare(what, settings)
        return asked.system, asked.data.sealed(), asked.system_name
    kind = find.system(what)
    data = Data({}, None)                   # what is not given here is as the data has it
    if input is None or (classes is None and kind.goal[1] is Label):
        data = prepare(what, settings).data
    settings.pop("data", None)
    inputs = _kind(kind.goal[0], input) if input else data.inputs
    target = Label(tuple(f"c{i + 1}" for i in range(convert(Field("classes", Count, 10, False), classes, "--classes")))) \
        if classes else Number() if kind.goal[1] is Number else data.target
    return kind(**checked(kind, settings)), Data({}, inputs, target), what


def _kind(wanted: type, text: str):
    """`3x224x224` as an Image, `13` as a Vector or Row."""
    sizes = text.lower().replace("×", "x").replace(",", "x").split("x")
    if not all(size.isascii() and size.isdecimal() and 1 <= int(size) <= 65_536 for size in sizes):
        raise Problem("--input {text} cannot be read; write for example --input 3x224x224 (channels, height, width)",
                      text=text)
    numbers = [int(size) for size in sizes]
    if wanted is Image and len(numbers) == 3 and numbers[0] in (1, 3):
        return Image(numbers[0], numbers[1], numbers[2])
    if wanted is Vector and len(numbers) == 1:
        return Vector(numbers[0])
    if wanted is Row and len(numbers) == 1:
        return Row(tuple(f"c{i + 1}" for i in range(numbers[0])), (None,) * numbers[0])
    raise Problem("--input {text} is not what this system takes ({kind}); write for example --input {example}", text=text,
                  kind=wanted.__name__, example="3x224x224" if wanted is Image else "13")


def _flow(system, example: Tensor) -> tuple[list[Layer], int]:
    """(a line for every layer in the order it was called, how many numbers flow out of them for one example)."""
    nets = {name: net for name, net in vars(system).items() if isinstance(net, nn.Module)}
    names = {id(part): ".".join(filter(None, [own if len(nets) > 1 else "", name])) or own
             for own, net in nets.items() for name, part in net.named_modules()}
    called: dict[int, list] = {}        # a module -> [module, shape, macs of itself]
    open_ones: list[list[int]] = []     # [macs at entry, macs of those inside] of the modules being called
    counter = FlopCounterMode(display=False)

    def enter(module, inputs):
        open_ones.append([counter.get_total_flops() // 2, 0])

    def leave(module, inputs, output):
        start, inside = open_ones.pop()
        total = counter.get_total_flops() // 2 - start
        if open_ones:
            open_ones[-1][1] += total
        shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
        entry = called.setdefault(id(module), [module, shape, 0])
        entry[2] += total - inside or _recurrent(module, output)

    with _hooked(system.networks(), enter, leave), quiet(system), counter:
        system.predict(example)
    seen = {id(module) for module, _, _ in called.values()}
    layers, flowing = [], 0
    for module, shape, macs in called.values():
        leaf = not any(id(part) in seen for part in module.children())
        own = sum(p.numel() for p in (module.parameters() if leaf else module.parameters(recurse=False)))
        if leaf or own or macs:
            layers.append(Layer(names.get(id(module), ""), describe(module), shape, own, macs))
            size = 1
            for side in shape:
                size *= side
            flowing += size
    known = {id(p) for module, _, _ in called.values() for p in module.parameters()}
    layers += [Layer(names.get(id(net), ""), type(net).__name__, (), left, 0) for net in system.networks()
               if (left := sum(p.numel() for p in net.parameters() if id(p) not in known))]
    return layers, flowing


def _recurrent(module: nn.Module, output) -> int:
    """A recurrent layer uses each of its weights once a step; the counter does not look into its fused kernel."""
    if not isinstance(module, nn.RNNBase):
        return 0
    steps = output[0].shape[1 if module.batch_first else 0]
    return steps * sum(p.numel() for name, p in module.named_parameters() if name.startswith("weight"))


@contextmanager
def _hooked(nets: list[nn.Module], enter, leave):
    handles = []
    for part in {id(part): part for net in nets for part in net.modules()}.values():
        handles += [part.register_forward_pre_hook(enter), part.register_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def describe(module: nn.Module) -> str:
    """A layer in a few words, as `Conv2d 16→32 3×3 stride 2`."""
    kind = type(module).__name__
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        extra = (f" stride {module.stride[0]}" if module.stride != (1, 1) else "") \
            + (f" groups {module.groups}" if module.groups > 1 else "")
        return f"{kind} {module.in_channels}→{module.out_channels} {'×'.join(map(str, module.kernel_size))}{extra}"
    if isinstance(module, nn.Linear):
        return f"{kind} {module.in_features}→{module.out_features}"
    if isinstance(module, nn.Embedding):
        return f"{kind} {module.num_embeddings}→{module.embedding_dim}"
    if isinstance(module, nn.RNNBase):
        return f"{kind} {module.input_size}→{module.hidden_size}"
    if isinstance(module, (nn.MaxPool2d, nn.AvgPool2d)):
        return f"{kind} {module.kernel_size}"
    if isinstance(module, nn.Dropout):
        return f"{kind} {module.p:g}"
    return kind
