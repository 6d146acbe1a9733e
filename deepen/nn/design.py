"""Designs: a network as lines of text, one layer a line, sizes inferred.

    conv 16 3          a word, its numbers in order …
    pool 2
    conv 32 3 pad=2    … and its options; `;` also ends a line, `# …` is a comment
    dense classes      `classes` is the number of classes of the data

The words are functions in `design_words`; `lines` reads their numbers.
"""
import importlib
import inspect
import math
import pkgutil
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from deepen.core.kinds import Image
from deepen.core.words import Problem
from deepen.nn import nets
from deepen.nn.design_words import WORDS, Here, Layer, binary_dense, class_count, dense
from deepen.nn.fast import pool_first
from deepen.nn.layers import Scale, initialise
from deepen.nn.lines import call, nearest, real, split

VALUES, PARAMETERS = 10**9, 2 * 10**9       # a layer with more values, a network with more weights is refused


@dataclass(frozen=True)
class Row:
    """One line of the table, for one example."""
    line: int
    text: str
    name: str                   # of its module, as in the state dict
    shape: tuple[int, ...]
    parameters: int
    macs: int                   # multiplications with an addition, forward
    field: int                  # how many input pixels (values, steps) on a side one output sees


class Table(list[Row]):
    """The rows of a design; `totals` is one more."""

    @property
    def totals(self) -> Row:
        parameters, macs = sum(row.parameters for row in self), sum(row.macs for row in self)
        return Row(len(self), "", "", self[-1].shape, parameters, macs, self[-1].field)


@dataclass(frozen=True)
class Design:
    """A network as text: `Design("conv 16 3; relu; pool 2; dense classes")`, or a list of lines."""
    lines: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "lines", split(self.lines))

    def __str__(self) -> str:
        return "; ".join(self.lines)

    def build(self, kind, classes: int | None = None, init: str | None = "he", fast=True) -> nn.Sequential:
        """The network for inputs of `kind` as they are stored, (B, *kind.shape): its first layer scales them.

        Modules are named by word and count (`conv1.weight`). `fast` allows what gives the same in less time
        (nn/fast); `init` is one of layers.BEGINNINGS, None keeps torch's own. Whatever is wrong raises
        `Problem` before a weight is allocated.
        """
        self.table(kind, classes)
        named = [pair for _, pairs, _ in self.walk(kind, classes) for pair in pairs]
        if not self.lines[0].startswith("embed"):                   # the numbers of words stay numbers
            whole = 255.0 if isinstance(kind, Image) and not self.lines[0].startswith("binary") else 1.0
            named.insert(0, ("scale", Scale(kind.shape, whole)))    # bytes into ±1 weights: every sum is exact
        network = nn.Sequential(OrderedDict(pool_first(named) if fast else named))
        if init is not None:
            initialise(network, init)
        return network

    def table(self, kind, classes: int | None = None, rows: Table | None = None) -> Table:
        """Shape, parameters, multiplications and receptive field of each line; nothing is allocated.

        `field` is never more than the whole input: beyond is padding. Raises `Problem` with the line; the
        lines before it are then in `rows`, where one was given.
        """
        rows, field, jump = Table() if rows is None else rows, 1, 1
        with torch.device("meta"):                                          # shapes without memory
            for number, (text, pairs, layer) in enumerate(self.walk(kind, classes), 1):
                side = max(kind.shape[1:]) if len(kind.shape) == 3 else kind.shape[0]
                field = min(side, field + (layer.window - 1) * jump) if layer.window else side
                jump *= layer.stride
                rows.append(Row(number, text, pairs[-1][0], layer.shape, *cost(layer), field))
                if rows.totals.parameters > PARAMETERS:
                    reason = Problem("the network has {given} weights by here, at most {most} are built",
                                     given=rows.totals.parameters, most=PARAMETERS)
                    raise at(number, text, reason)
        return rows

    def walk(self, kind, classes: int | None) -> Iterator[tuple[str, list[tuple[str, nn.Module]], Layer]]:
        """Line by line: its text, its modules by name (a flatten may come before a dense) and its layer."""
        if not self.lines:
            raise Problem("the design has no lines; write at least one, for example: dense classes")
        if not getattr(kind, "shape", ()):
            raise Problem("a design cannot begin with {kind}, it has no size", kind=type(kind).__name__)
        here, counts = Here(tuple(kind.shape), classes, vocabulary(kind)), Counter[str]()
        for number, text in enumerate(self.lines, 1):
            try:
                word, layer, flat = follow(text, here)
                if number == len(self.lines):
                    check_end(layer, here)
            except Problem as reason:
                raise at(number, text, reason) from None
            parts = [("flatten", nn.Flatten())] * flat + [(word.replace(" ", "_"), layer.module)]
            counts.update(name for name, _ in parts)
            here.shape = layer.shape
            yield text, [(f"{name}{counts[name]}", module) for name, module in parts], layer


def follow(text: str, here: Here) -> tuple[str, Layer, bool]:
    """One line from where it stands: its word, its layer, and whether a picture was flattened for it."""
    if "classes" in text.split():
        text = text.replace("classes", str(class_count(here)))
    word, make, numbers = call(text, WORDS)
    flat = make in (dense, binary_dense) and len(here.shape) == 3
    if flat:
        here.shape = (math.prod(here.shape),)
    said = here.dropconnect
    layer = make(here, **numbers)
    if said is not None and here.dropconnect is said:
        raise Problem("the line above is dropconnect, so this one must be dense")
    values = math.prod(layer.shape)
    if values > VALUES:
        raise Problem("it gives {given} values an example, at most {most} are built",
                      given=values, most=VALUES)
    return word, layer, flat


def check_end(layer: Layer, here: Here) -> None:
    """The last line must give one number a class, where there are classes."""
    if here.dropconnect is not None:
        raise Problem("after dropconnect there must be a dense layer")
    given = layer.shape[0] if len(layer.shape) == 3 else layer.shape[-1]
    if here.classes is not None and given != here.classes:
        raise Problem("the design ends with {given} numbers, but there are {classes} classes; end it with: "
                      "dense classes", given=given, classes=here.classes)


def cost(layer: Layer) -> tuple[int, int]:
    """Parameters, and multiplications for one example: every weight is used once at every position."""
    weights = [parameter for parameter in layer.module.parameters()]
    positions = math.prod(layer.shape[1:]) if len(layer.shape) == 3 else math.prod(layer.shape[:-1])
    used = 0 if isinstance(layer.module, nn.Embedding) else sum(w.numel() for w in weights if w.ndim > 1)
    return sum(w.numel() for w in weights), used * positions


def vocabulary(kind) -> int | None:
    """How many words a kind of text has: its `vocabulary`, a number or a list."""
    known = getattr(kind, "vocabulary", None)
    return known if known is None or isinstance(known, int) else len(known)


def at(line: int, text: str, reason: Problem) -> Problem:
    return Problem("line {line} ({text}): {reason}", line=line, text=text, reason=reason)


def network(net: "str | Design", kind, classes: int | None = None, init: str = "he", **options) -> nn.Module:
    """The network that `net=` names: a function of a file in nn/nets (`deepconv`), Design lines, or a
    `Design`.

    `options` (width=0.5 …) go to the function, which answers with a module, a Design or its text. `init` is
    for Designs.
    """
    if isinstance(net, str) and ";" not in net:
        name, *written = net.split() or [""]                               # "deepconv drop=0"
        if name not in WORDS and name.isidentifier() and all("=" in word for word in written):
            net, options = name, {**options, **{key: real(0, 10**6)(value) for key, _, value in
                                                (word.partition("=") for word in written)}}
    if isinstance(net, str) and net.isidentifier() and net not in WORDS:
        make = net_function(net)
        known = inspect.signature(make).parameters
        for option in options:
            if option not in known:
                raise Problem("the net {net} has no option {option}; did you mean {near}?",
                              net=net, option=option, near=nearest(option, known))
        net = make(kind, classes, **options)
    elif options:
        raise Problem("only a net by name has options, a design of lines has no {option}",
                      option=", ".join(options))
    if isinstance(net, nn.Module):
        return net
    return (net if isinstance(net, Design) else Design((net,))).build(kind, classes, init)


def net_function(name: str):
    """The public function `name` of a file in nn/nets; a file of the same name is looked into first."""
    files = sorted(file.name for file in pkgutil.iter_modules(nets.__path__))
    known: list[str] = []
    for file in sorted(files, key=lambda file: file != name):
        module = importlib.import_module(f"{nets.__name__}.{file}")
        functions = {key: value for key, value in inspect.getmembers(module, inspect.isfunction)
                     if value.__module__ == module.__name__ and not key.startswith("_")}
        if name in functions:
            return functions[name]
        known += functions
    raise Problem("there is no net {name}; did you mean {near}?", name=name, near=nearest(name, known))
