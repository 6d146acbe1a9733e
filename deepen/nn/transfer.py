"""Transfer: a network that has learned one thing begins another. Which blocks learn when, and how fast.

Blocks are counted from the head: 0 is the last layer with a matrix, 1 the block before it, and so on to the stem.
Howard and Ruder 2018 (ULMFiT), 3.2 and 3.3: rates that fall from block to block, unfreezing from the last one on.
"""
from collections.abc import Iterator
from typing import Literal

import torch
from torch import nn

from deepen.core.words import Problem

Freeze = Literal["none", "start", "gradual", "body"]
ALONE, ALL = 0.2, 0.5       # shares of a run: until here the head learns alone; from here on every block does
FEW = 4                     # blocks; where there are fewer, stages are taken apart too


def blocks(net: nn.Module) -> list[list[nn.Module]]:
    """The layers of a network in blocks from head to stem: each begins with a layer that has a matrix, and what
    follows without one (norms, activations) belongs to it.

    A row of single layers (a Design, VGG's features) is taken apart; a stage of residual or inception blocks is one
    block, where there are at least FEW. Further heads that the net names (`heads`) belong to the head.
    """
    rows = _rows(net, False)
    return rows if len(rows) >= FEW else _rows(net, True)


def _rows(net: nn.Module, apart: bool) -> list[list[nn.Module]]:
    further = {name.partition(".")[0] for name in getattr(net, "heads", ())}
    rows: list[list[nn.Module]] = []
    beside: list[nn.Module] = []
    early: list[nn.Module] = []                             # without weights, before the first that has some
    for name, layer in _layers(net, apart):
        if name in further:
            beside.append(layer)
        elif any(w.ndim > 1 for w in layer.parameters()):
            rows.append([*early, layer])
            early = []
        else:
            (rows[-1] if rows else early).append(layer)
    rows = rows[::-1] or [early]
    rows[0] += beside
    return rows


def _layers(net: nn.Module, apart: bool) -> Iterator[tuple[str, nn.Module]]:
    for name, child in net.named_children():
        if type(child) is nn.Sequential and (apart or not any(True for part in child.children() for _ in part.children())):
            yield from child.named_children()
        else:
            yield name, child
    if not any(True for _ in net.children()):
        yield "", net


def learning(freeze: Freeze, progress: float, count: int) -> int:
    """How many of `count` blocks learn at `progress` 0…1, counted from the head.

    none: all · start: the head alone, then all · gradual: the head alone, then one more at even distances until half of
    the run · body: the head alone."""
    if freeze == "none":
        return count
    if freeze == "body" or progress < ALONE:
        return 1
    if freeze == "start" or progress >= ALL:
        return count
    return min(count, 2 + int((progress - ALONE) / (ALL - ALONE) * (count - 1)))


class Body:
    """What of a network still stands, at which progress: `thaw` is called before every step.

    A frozen weight gets no gradient, so nothing is computed for it; a frozen norm is in eval mode and keeps its mean and
    variance. There is nothing to save: progress decides. `decay` below 1: block k learns at decay**k of the rate."""

    def __init__(self, net: nn.Module, rule: torch.optim.Optimizer, freeze: Freeze = "none", decay: float = 1.0):
        rows = blocks(net)
        inside = {id(w) for row in rows for layer in row for w in layer.parameters()}
        self.freeze = freeze
        self.weights = [[w for layer in row for w in layer.parameters() if w.requires_grad] for row in rows]
        self.weights[-1] += [w for w in net.parameters() if w.requires_grad and id(w) not in inside]    # the net's own
        self.norms = [[part for layer in row for part in layer.modules()
                       if isinstance(part, nn.modules.batchnorm._NormBase)] for row in rows]
        self.free = len(rows)
        if decay != 1:
            layer_rates(rule, self.weights, decay)

    def thaw(self, progress: float) -> None:
        """Let those blocks learn that do at this progress."""
        if self.freeze == "none":
            return
        free = learning(self.freeze, progress, len(self.weights))
        if free != self.free:
            for k, weights in enumerate(self.weights):
                for w in weights:
                    w.requires_grad_(k < free)
            for norm in (norm for norms in self.norms[:free] for norm in norms):
                norm.train()
            self.free = free
        for norm in (norm for norms in self.norms[free:] for norm in norms):
            norm.training = False               # every step: whoever says net.train() wakes them


def layer_rates(rule: torch.optim.Optimizer, rows: list[list[nn.Parameter]], decay: float) -> None:
    """Part the groups of an optimizer by block: a weight of row k learns at decay**k of its group's rate.

    `optim.set_rate` keeps the proportions. Raises `Problem` for an optimizer that has one rate for everything."""
    if isinstance(rule, torch.optim.LBFGS):
        raise Problem("lbfgs has one rate for all layers; set layer_decay to 1, or choose another optimizer")
    place = {id(w): k for k, row in enumerate(rows) for w in row}
    parted = []
    for group in rule.param_groups:
        for k in sorted({place[id(w)] for w in group["params"]}):
            parted.append({**group, "params": [w for w in group["params"] if place[id(w)] == k],
                           "scale": group.get("scale", 1.0) * decay**k})
    rule.param_groups = parted
