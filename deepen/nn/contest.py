"""What contests of a painter and a critic share: their losses, warnings in words, and ways through the noise."""
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from deepen.core.things import Panel
from deepen.core.words import Failure, Problem, say
from deepen.nn import judge, losses
from deepen.nn.codes import arc

Objective = Literal["bce", "hinge"]
EVERY, FIRST = 50, 500          # steps between two looks at the warnings; none is told before so many
MEMORY = 0.98                   # share of the running means that stays at a step
ALIKE = 0.15                    # painted pictures of a class with less of the real ones' spread are one picture
SURE = 0.03                     # nats of the critic's loss above its least: less is a critic that is always right
LOST, HOPELESS = 500, 10.0      # steps in a row with −log D(G(z)) above that: the contest is over


def caught(real: Tensor, fake: Tensor, objective: str = "bce", smooth: float = 0.0) -> Tensor:
    """The critic's loss of its logits for real and for painted pictures (B,).

    bce: −log D(x) − log(1 − D(G(z))) (Goodfellow et al. 2014, eq. 1), where real pictures count as 1 − smooth
    (Salimans et al. 2016, section 3.4); hinge: max(0, 1 − D(x)) + max(0, 1 + D(G(z))) (Miyato et al. 2018, eq. 16)."""
    if objective == "hinge":
        return F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()
    return losses.bce(real, 1 - smooth) + losses.bce(fake, 0.0)


def fooled(fake: Tensor, objective: str = "bce") -> Tensor:
    """The painter's loss of the critic's logits for painted pictures (B,).

    bce: −log D(G(z)), the slope that does not vanish (Goodfellow et al. 2014, section 3); minimax: log(1 − D(G(z))),
    the one that does (eq. 1); hinge: −D(G(z)) (Miyato et al. 2018, eq. 17)."""
    if objective == "hinge":
        return -fake.float().mean()
    return -losses.bce(fake, 0.0) if objective == "minimax" else losses.bce(fake, 1.0)


def least(objective: str = "bce", smooth: float = 0.0) -> float:
    """The least that the critic's loss can be: with smoothed truths the entropy of a truth."""
    return 0.0 if objective == "hinge" or not 0 < smooth < 1 else -smooth * math.log(smooth) - (1 - smooth) * math.log1p(-smooth)


@contextmanager
def still(net: nn.Module) -> Iterator[None]:
    """Forwards of `net` inside give gradients to what goes in, none to its weights: a quarter of a step is saved."""
    weights = [w for w in net.parameters() if w.requires_grad]
    for w in weights:
        w.requires_grad_(False)
    try:
        yield
    finally:
        for w in weights:
            w.requires_grad_(True)


class Spectral(nn.Module):
    """Divides a weight by its largest singular value σ, so that the layer stretches nothing (Miyato et al. 2018). One turn
    of the power method a forward in training follows the weight (algorithm 1); a kernel (out, in, h, w) is the matrix
    (out, in·h·w). In float32, whatever the training uses: σ of rounded weights is not σ."""

    u: Tensor

    def __init__(self, weight: Tensor, turns: int = 15):
        super().__init__()
        self.register_buffer("u", F.normalize(torch.randn(len(weight)), dim=0))
        with torch.no_grad():
            for _ in range(turns):
                self.forward(weight)

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.flatten(1)
            with torch.no_grad():
                v = F.normalize(matrix.T @ self.u, dim=0)
                if self.training:
                    self.u.copy_(F.normalize(matrix @ v, dim=0))
            return weight / (self.u.clone() @ (matrix @ v))


def spectral(net: nn.Module) -> nn.Module:
    """The same network with every convolution and dense layer under spectral normalisation."""
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.utils.parametrize.register_parametrization(layer, "weight", Spectral(layer.weight))
    return net


def spread(x: Tensor, y: Tensor, kinds: int) -> Tensor:
    """How unlike pictures (B, …) of one class (B,) are: the mean square of their pixels' distance to the class's mean."""
    x, one = x.detach().flatten(1).float(), F.one_hot(y % kinds, kinds).float()     # (B, D), (B, kinds)
    means = one.T @ x / one.sum(0).clamp(min=1)[:, None]
    apart = (len(x) - (one.sum(0) > 0).sum()).clamp(min=1)
    return (x - one @ means).square().sum() / (apart * x.shape[1])


class Watch:
    """Looks on at a contest and says what goes wrong, each thing once. Its means live on the device and are read every
    `EVERY` steps, so that looking on never makes the device wait."""

    def __init__(self, device: torch.device, kinds: int = 1, objective: str = "bce", smooth: float = 0.0,
                 tries: tuple[str, str] = ("smooth=0.1", "smooth=0.2")):
        self.kinds, self.tries = kinds, tries                   # settings to try: when it collapses, when one side wins
        self.least = least(objective, smooth)
        self.means = torch.ones(2, device=device)                           # painted spread / real; loss above least
        self.lost = torch.zeros((), dtype=torch.int64, device=device)
        self.turn, self.told = 0, ""

    @torch.no_grad()
    def see(self, real: Tensor, fake: Tensor, y: Tensor, caught: Tensor, fooled: Tensor | None = None) -> list[str]:
        """After a step with real and painted pictures (B, …) in one scale, their classes (B,), the critic's loss and, of a
        painter that descends −log D(G(z)), that: new warnings. `Failure` once it was hopeless for `LOST` steps."""
        variety = spread(real, y, self.kinds)
        share = torch.where(variety > 1e-6, spread(fake, y, self.kinds) / variety.clamp(min=1e-6), torch.ones_like(variety))
        self.means.lerp_(torch.stack([share, caught - self.least]).float().clamp(-10, 10), 1 - MEMORY)
        if fooled is not None:
            self.lost = torch.where(fooled > HOPELESS, self.lost + 1, 0)
        self.turn += 1
        return self.words() if self.turn % EVERY == 0 or self.turn % LOST == 0 else []

    def words(self) -> list[str]:
        if self.turn % LOST == 0 and self.lost >= LOST:
            raise Failure("the discriminator has caught every picture for {steps} steps, so the generator learns nothing; "
                          "the last good state is kept. Try a smaller lr, or {tries}", steps=LOST, tries=self.tries[1])
        variety, above = self.means.tolist()
        found = []
        if self.turn >= FIRST and variety < ALIKE and "alike" not in self.told:
            found.append(say("mode collapse: what the generator paints in a batch is nearly one picture, with {share} of the "
                             "variety of the real ones. Try {tries}, a larger batch, or a smaller lr",
                             share=f"{variety:.0%}", tries=self.tries[0]))
            self.told += "alike "
        if self.turn >= FIRST and above < SURE and "wins" not in self.told:
            found.append(say("the discriminator wins: it has been right about nearly every picture for a while, so the "
                             "generator will soon learn nothing. Try {tries}, or a smaller lr", tries=self.tries[1]))
            self.told += "wins "
        return found

    def state_dict(self) -> dict[str, Any]:
        return {"means": self.means, "lost": self.lost, "turn": self.turn, "told": self.told}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.means.copy_(state["means"])
        self.lost.copy_(state["lost"])
        self.turn, self.told = int(state["turn"]), state["told"]


def wanted(count: int, kinds: int, names: Sequence[str], said: str = "") -> Tensor:
    """Classes (count,) to paint: the one that a person named, else one after another."""
    if said and kinds == 1:
        raise Problem("class={said} was asked for, but this model paints without classes; leave class= out", said=said)
    return torch.full((count,), judge.class_of(names, said)) if said else torch.arange(count) % kinds


def ends(kinds: int, names: Sequence[str], said: str, seed: int) -> Tensor:
    """Classes (2,) of the ends of a way: the one that a person named, else two that the seed picks."""
    if said or kinds == 1:
        return wanted(2, kinds, names, said)
    return torch.randperm(kinds, generator=torch.Generator().manual_seed(seed))[:2]


def visible(paint: Callable[[Tensor], Tensor], codes: Tensor, free: int, count: int, step: float = 0.1) -> Tensor:
    """The `count` directions of length 1 (count, D) of the first `free` numbers of a code along which pictures change
    most, most first: eigenvectors of the mean of JᵀJ over these codes (N, D), where J is the slope of `paint`."""
    ways = torch.eye(free, codes.shape[1], device=codes.device)             # (free, D)
    product = torch.zeros(free, free, device=codes.device)
    for code in codes:
        slopes = (paint(code + step * ways) - paint(code - step * ways)).float().flatten(1) / (2 * step)
        product += slopes @ slopes.T
    vectors = torch.linalg.eigh(product).eigenvectors.flip(1).T             # (free, free), most visible first
    vectors = vectors * torch.where(vectors.sum(1, keepdim=True) < 0, -1.0, 1.0)        # one sign, run after run
    return F.pad(vectors[:count], (0, codes.shape[1] - free))


def walks(painted: Callable[[Tensor], Tensor], a: Tensor, b: Tensor, steps: int = 10) -> Panel:
    """A panel of ways from codes a (N, D) to codes b, a row each."""
    rows = torch.cat([arc(*pair, steps) for pair in zip(a, b, strict=True)])
    return Panel(say("From one sample to another"), say("Each row goes in even steps through the noise from its first picture "
                 "to its last. Where the generator has learned shapes and not pictures by heart, every step is a picture."),
                 painted(rows), across=steps)


def sliders(painted: Callable[[Tensor], Tensor], centre: Tensor, axes: Tensor, reach: float = 3.0, steps: int = 9) -> Panel:
    """A panel of walks along directions (N, D), a row each, from −reach to reach standard deviations."""
    way = torch.linspace(-reach, reach, steps, device=centre.device)[:, None]
    return Panel(say("The most visible directions"), say("Each row walks along one direction of the noise, from three standard "
                 "deviations before a sample to three behind it. Nobody named these directions: they are those in which "
                 "pictures change most."), painted(torch.cat([centre + way * axis for axis in axes])), across=steps)


def arithmetic(painted: Callable[[Tensor], Tensor], known: Tensor, others: Tensor, mean: int = 16) -> Panel:
    """A panel of sums (Radford et al. 2016, section 6.3.2): from the codes known (N, D) the mean of the brightest pictures
    less that of the darkest, added to others (M, D), a row each."""
    order = painted(known).float().flatten(1).mean(1).argsort()
    bright, dark = known[order[-mean:]].mean(0), known[order[:mean]].mean(0)
    rows = torch.stack([part for other in others for part in (bright, dark, other, other + bright - dark)])
    return Panel(say("Arithmetic with noise"), say("In each row: the mean noise of the {count} brightest of {all} pictures; that of "
                 "the {count} darkest; a sample; and the sample plus the first less the second. What the two means differ in is "
                 "carried over to pictures they were not measured on.", count=mean, all=len(known)), painted(rows), across=4)
