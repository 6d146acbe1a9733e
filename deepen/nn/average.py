"""Averages of a network's weights, judged, kept and exported in its place: by name, for any length of run."""
from collections.abc import Mapping
from copy import deepcopy
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from deepen.core.recipe import once

Averaging = Annotated[Literal["none", "ema", "swa"], once(lambda said: ("ema" if said else "none") if isinstance(
    said, (int, float)) else said)]                     # recipes of before the names gave a decay
HALF = 0.03         # of the run: in that share of it half of an exponential average is replaced
TAIL = 0.75         # of the run is over when the equal average begins
EACH = 4            # steps between two measurements of the equal average's norms
SLOW = 0.1          # how much of the norms' statistics one measurement replaces, at least
NORMS = nn.modules.batchnorm._BatchNorm


def averaged(name: str, net: nn.Module) -> "Ema | Swa | None":
    """The average called `name` of what `net` will be: `ema`, `swa`, or None for `none`."""
    return Ema(net) if name == "ema" else Swa(net) if name == "swa" else None


def paused(name: str, progress: float) -> float:
    """The progress that the schedule of the learning rate reads: under `swa` it stands still in the last quarter,
    for equal weights are worth averaging only while they still move."""
    return min(progress, TAIL) if name == "swa" else progress


class Mean:
    """A copy of a network that becomes a mean of what it is over time: `module`, in eval mode."""

    def __init__(self, net: nn.Module):
        self.module = deepcopy(net).requires_grad_(False).eval()
        self.count, self.at = 0, 0.0                            # weights taken in; progress of the newest

    def state_dict(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "count": self.count, "at": self.at}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.count, self.at = int(state["count"]), float(state.get("at", 0.0))


class Ema(Mean):
    """An exponential average whose half-life is 3 % of the run, so that it suits long and short ones.

    Over the first updates it forgets faster: after t of them at least 9 / (10 + t) is replaced. Statistics of norms
    are the network's. Polyak & Juditsky 1992; the warm-up as in TensorFlow's ExponentialMovingAverage."""

    @torch.no_grad()
    def update(self, net: nn.Module, progress: float, x: Tensor | None = None) -> None:
        """Take in the weights of `net` after a step at `progress` 0…1 of the run."""
        keep = min(0.5 ** ((progress - self.at) / HALF), (1 + self.count) / (10 + self.count))
        self.at, self.count = progress, self.count + 1
        take(self.module, net, 1 - keep)
        copy(self.module, net)


class Swa(Mean):
    """The equal mean of the weights of the last quarter of a run (Izmailov et al. 2018); before it, a copy.

    The mean's layers see other values than any network on the way did, so the statistics of its batch norms are
    measured on training batches: every fourth step one, the newest ten counting most. So it can be judged at any
    time, judging needs no data, and a run that is resumed goes on bit for bit."""

    @torch.no_grad()
    def update(self, net: nn.Module, progress: float, x: Tensor) -> None:
        """Take in the weights of `net` after a step at `progress` 0…1 that learned from the batch x."""
        self.at, self.count = progress, self.count + (progress >= TAIL)
        take(self.module, net, 1 / max(1, self.count))
        if self.count <= 1:
            copy(self.module, net)
        if self.count % EACH == 1:
            self.measure(x)

    def measure(self, x: Tensor) -> None:
        """Let the norms see a batch; all else, dropout too, is as when it answers."""
        norms = [layer for layer in self.module.modules() if isinstance(layer, NORMS)]
        if not norms:
            return
        turn = 1 + self.count // EACH
        for layer in norms:
            layer.training, layer.momentum = True, max(SLOW, 1 / turn)
        self.module(x)
        for layer in norms:
            layer.training = False


def take(mine: nn.Module, theirs: nn.Module, share: float) -> None:
    """Move the weights of `mine` to those of `theirs` by that share."""
    torch._foreach_lerp_(list(mine.parameters()), list(theirs.parameters()), share)


def copy(mine: nn.Module, theirs: nn.Module) -> None:
    """Give `mine` the buffers of `theirs`."""
    for buffer, other in zip(mine.buffers(), theirs.buffers(), strict=True):
        buffer.copy_(other)
