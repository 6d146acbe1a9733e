"""What a picture looks like to eyes: features, their Gram matrices (style), their places (content).

Gatys, Ecker and Bethge 2016: "Image style transfer using convolutional neural networks". Pictures are float, 0…1.
"""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepen.core.words import Problem, say
from deepen.nn.canvas import luma, noise, toned
from deepen.nn.whitened import WINDOW, directions, edged, halved, whitening, windows

STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")     # the paper's layers
CONTENT = ("conv4_2",)
FILTERS, LEVELS = 96, 5                 # of Patches: filters a level, halvings + 1
SAMPLES = 20_000                        # patches that filters are learned from
OWN = ("patches", "random")         # eyes that need no weights
LIT = 0.5                               # a filter answers what is likelier than this (in its standard deviations)


# what is compared

def gram(f: Tensor) -> Tensor:
    """Which features come together: Gram matrices (B, C, C) of (B, C, H, W), the mean over places, in float32.

    The paper's G (eq. 3) is the sum; the mean lets pictures of different sizes be compared."""
    rows = f.movedim(1, -1).flatten(1, 2).float()           # (B, places, C): a view, as eyes answer in channels_last
    return rows.mT @ rows / rows.shape[1]


def apart(one: Tensor, truth: Tensor) -> Tensor:
    """Squared distance as a share of the square of the truth: every layer counts alike, however large its values."""
    return (one - truth).square().sum() / truth.square().sum().clamp_min(1e-12)


def centred(f: Tensor) -> Tensor:
    """Features (B, C, H, W) less the mean of their channel: where something is, not how much of it there is."""
    return f - f.mean((2, 3), keepdim=True)


def moved(f: Tensor, truth: Tensor) -> Tensor:
    """How far features have left their places: squared distance as a share of the truth's variance."""
    return (f - truth).square().sum() / centred(truth).square().sum().clamp_min(1e-12)


def correlation(f: Tensor, truth: Tensor) -> Tensor:
    """Correlation of features with the truth's over places, every channel about its own mean."""
    a, b = centred(f).flatten(), centred(truth).flatten()
    return (a @ b) / (a.norm() * b.norm()).clamp_min(1e-12)


def displaced(shapes: Sequence[Tensor], truths: Sequence[Tensor]) -> Tensor:
    """The mean of `moved` over layers."""
    return torch.stack([moved(f, truth) for f, truth in zip(shapes, truths, strict=True)]).mean()


def alike(shapes: Sequence[Tensor], truths: Sequence[Tensor]) -> Tensor:
    """The mean of `correlation` over layers."""
    return torch.stack([correlation(f, truth) for f, truth in zip(shapes, truths, strict=True)]).mean()


def total_variation(x: Tensor) -> Tensor:
    """Mean squared difference of neighbours, across plus down (Mahendran and Vedaldi 2015, β = 2)."""
    return x.diff(dim=3).square().mean() + x.diff(dim=2).square().mean()


# eyes

class Patches(nn.Module):
    """Eyes that learned from the pictures at hand: at each of five sizes, 96 windows of 5×5 pixels that stand for what
    is there, found by k-means among whitened patches. Style is seen in colour, content in brightness alone.

    Coates, Lee and Ng 2011, "An analysis of single-layer networks in unsupervised feature learning"; that one layer at
    several sizes is enough for textures: Ustyuzhaninov et al. 2016. Whitening is what makes it work: a filter of plain
    noise hears little but the coarse and leaves fine noise unpunished.
    """
    shape_levels = slice(1, 4)

    def __init__(self, pictures: Sequence[Tensor], seed: int = 0):
        super().__init__()
        least = min(min(x.shape[2:]) for x in pictures)
        self.levels = max(1, min(LEVELS, (least // 12).bit_length()))         # the smallest keeps 12 pixels
        self.layers = tuple(f"{2**level}×" for level in range(self.levels))
        draw = torch.Generator().manual_seed(seed)
        self.filters, seen = nn.ModuleList(), [2 * x - 1 for x in pictures]
        for level in range(self.levels):
            seen = [halved(x) for x in seen] if level else seen
            self.filters.append(self._learned(torch.cat([windows(x) for x in seen]), draw))
        self.requires_grad_(False).to(memory_format=torch.channels_last)       # type: ignore[call-overload]

    @torch.no_grad()
    def _learned(self, rows: Tensor, draw: torch.Generator) -> nn.Conv2d:
        rows = rows[torch.randperm(len(rows), generator=draw)[:SAMPLES].to(rows.device)]
        mean, whiten = whitening(rows)
        sphere = (rows - mean) @ whiten
        middles = directions(sphere, min(FILTERS, max(2, len(rows) // 4)), draw)
        weight = middles @ whiten / (sphere @ middles.T).std(0, correction=0).clamp_min(1e-3)[:, None]
        conv = nn.Conv2d(3, len(weight), WINDOW, device=rows.device)
        conv.weight.copy_(weight.view_as(conv.weight))
        _bias(conv).copy_(-weight @ mean - LIT)
        return conv

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Pictures (B, 3, H, W) -> features that tell style, features that tell content: each (B, C, h, w)."""
        return self.look(x, range(self.levels)), self.shapes(x)

    def shapes(self, x: Tensor) -> list[Tensor]:
        """Features that tell content alone."""
        return self.look(luma(x).expand_as(x), range(self.levels)[self.shape_levels] or range(self.levels))

    def look(self, x: Tensor, levels: Sequence[int]) -> list[Tensor]:
        x, found = 2 * x - 1, []
        for level in range(levels[-1] + 1):
            x = halved(x) if level else x
            if level in levels:
                found.append(F.relu(self.filters[level](edged(x, WINDOW // 2))))
        return found


class Layers(nn.Module):
    """Eyes of a network: what its convolutions (its norms, where it has some) say, after ReLU, named as the paper does:
    conv3_2 is the second at the third size. Pools are means where `mean` (section 2 of the paper: more pleasing).

    Layers that a small network has not are replaced by its nearest. The network is taken over and changed.
    """

    def __init__(self, net: nn.Module, mean: bool = True, size: int = 64):
        super().__init__()
        self.net = net.eval().requires_grad_(False)
        if mean:
            _mean_pools(self.net)
        sorts = nn.BatchNorm2d if any(isinstance(one, nn.BatchNorm2d) for one in net.modules()) else nn.Conv2d
        self.taps = [one for one in net.modules() if isinstance(one, sorts)]
        self.names: dict[int, str] = {}
        self.seen: dict[str, Tensor] = {}
        hooks = [tap.register_forward_hook(self._name) for tap in self.taps]
        self.sides: list[int] = []
        self._run(torch.zeros(1, 3, size, size, device=next(net.parameters()).device))
        for hook in hooks:
            hook.remove()
        known = list(self.names.values())
        if len(known) < 2:
            raise Problem("these weights are of a network with {count} layers of convolutions; eyes need two at least", count=len(known))
        self.layers = tuple(dict.fromkeys(_nearest(name, known) for name in STYLE))
        self.content = tuple(dict.fromkeys(_nearest(name, known) for name in CONTENT))
        wanted = {*self.layers, *self.content}
        self.last = [name for name in known if name in wanted][-1]
        for tap in self.taps:
            if self.names.get(id(tap)) in wanted:
                tap.register_forward_hook(self._keep)

    def _name(self, tap, _given, found) -> None:
        side = found.shape[-1]
        if not self.sides or side < self.sides[-1]:
            self.sides.append(side)
        stage = self.sides.index(side) + 1 if side in self.sides else len(self.sides)
        if id(tap) not in self.names:
            count = sum(name.startswith(f"conv{stage}_") for name in self.names.values())
            self.names[id(tap)] = f"conv{stage}_{count + 1}"

    def _keep(self, tap, _given, found) -> None:
        name = self.names[id(tap)]
        self.seen[name] = F.relu(found)         # its own memory: a ReLU in place behind it changes `found`
        if name == self.last:
            raise _Enough

    def _run(self, x: Tensor) -> None:
        try:
            self.net(x)
        except _Enough:
            return
        except RuntimeError:                    # the dense layers behind want another size; all convolutions were asked
            if not self.names:
                raise

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """As `Patches`."""
        self.seen = {}
        self._run(x)
        seen, self.seen = self.seen, {}
        return [seen[name] for name in self.layers], [seen[name] for name in self.content]


def eyes_of(weights: str, pictures: Sequence[Tensor], net: nn.Module | None = None, mean: bool = True) -> nn.Module:
    """Eyes by name, begun from these pictures (each (1, 3, H, W)); of other weights than `OWN` those of their network."""
    if weights == "patches":
        return Patches(pictures)
    if weights == "random":
        return Layers(even(nobody().to(pictures[0].device), pictures), mean)
    assert net is not None
    return Layers(net, mean)


def told(weights: str) -> str:
    """Whose eyes these are, for people."""
    if weights == "patches":
        return say("It was looked at with windows of 5×5 pixels learned from these very pictures, not with a trained network")
    if weights == "random":
        return say("It was looked at with a network that nobody trained: VGG-19 at half its width")
    return say("It was looked at with the network of {weights}", weights=weights)


class Look:
    """What eyes see: `grams` of the style, `shapes` of the content; `noise`: how far white noise is from the style.

    Eyes that see content in grey see it as bright as the style is, and as strong in contrast: else the two would
    quarrel over how dark a picture is."""

    @torch.no_grad()
    def __init__(self, eyes: nn.Module, how: Tensor, what: Tensor):
        self.eyes, self.how, self.what = eyes, how, what
        self.grams = [gram(f) for f in eyes(how)[0]]
        self.shapes = self.shapes_of(what)
        seen = eyes(noise((what.shape[2], what.shape[3])).to(what.device))[0]
        self.noise = torch.stack([apart(gram(f), a) for f, a in zip(seen, self.grams, strict=True)]).sum()

    def far(self, seen: Sequence[Tensor]) -> Tensor:
        """How far the Gram matrices of pictures (B, …) are from the style's: (layers,), the mean over the pictures."""
        return torch.stack([apart(gram(f), a) / len(f) for f, a in zip(seen, self.grams, strict=True)])

    def shapes_of(self, what: Tensor) -> list[Tensor]:
        """Where things are in content pictures (B, 3, H, W), as a painting of them should show it."""
        with torch.no_grad():
            return self.eyes.shapes(toned(what, self.how)) if isinstance(self.eyes, Patches) else self.eyes(what)[1]


class _Enough(Exception):
    """The last layer that is looked at has answered."""


def nobody(width: float = 0.5, seed: int = 0) -> nn.Sequential:
    """The convolutions of VGG-19 up to conv5_1 at a share of their width, as nobody trained them (He, Wang and Hopcroft
    2016: such a network sees enough to transfer style)."""
    draw, layers, channels = torch.Generator().manual_seed(seed), list[nn.Module](), 3
    for stage, (count, wide) in enumerate(zip((2, 2, 4, 4, 1), (64, 128, 256, 512, 512), strict=True)):
        layers += [nn.AvgPool2d(2)] if stage else []
        for _ in range(count):
            conv = nn.Conv2d(channels, round(wide * width), 3, padding=1)
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu", generator=draw)
            nn.init.zeros_(_bias(conv))
            layers += [conv, nn.ReLU()]
            channels = conv.out_channels
    return nn.Sequential(*layers)


@torch.no_grad()
def even(net: nn.Sequential, pictures: Sequence[Tensor]) -> nn.Sequential:
    """Scale a row of layers in place, so that every channel of every convolution has mean 0 and variance 1 over these
    pictures: no layer's values fade or grow (Krähenbühl et al. 2016)."""
    seen = list(pictures)
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            values = torch.cat([layer(x).flatten(2)[0] for x in seen], 1)                       # (C, places)
            mean, spread = values.mean(1), values.std(1, correction=0).clamp_min(1e-6)
            layer.weight.div_(spread[:, None, None, None])
            _bias(layer).sub_(mean).div_(spread)
        seen = [layer(x) for x in seen]
    return net


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def _mean_pools(net: nn.Module) -> None:
    for name, child in net.named_children():
        if isinstance(child, nn.MaxPool2d):
            setattr(net, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode))
        else:
            _mean_pools(child)


def _nearest(wanted: str, known: Sequence[str]) -> str:
    """conv4_2 itself, or the deepest layer that comes before it."""
    place = [int(part) for part in wanted[4:].split("_")]
    before = [name for name in known if [int(part) for part in name[4:].split("_")] <= place]
    return before[-1] if before else known[0]
