"""What a network sees: its maps, where it looked, what excites it, how far a value sees, where the time goes; and
convolution as one product of matrices."""
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

Field = tuple[float, float]             # pixels of the input that one value sees on a side; pixels from one to the next


# what each layer gives

@contextmanager
def listening(net: nn.Module, heard: Callable[[str, nn.Module, tuple, Tensor], None]) -> Iterator[None]:
    """Tell `heard(name, layer, inputs, output)` of every layer inside that answers with a tensor, in the order they end."""
    def hook(name):
        return lambda layer, inputs, output: heard(name, layer, inputs, output) if isinstance(output, Tensor) else None
    handles = [part.register_forward_hook(hook(name)) for name, part in net.named_modules() if name]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def feature_maps(net: nn.Module, x: Tensor, deep: bool = False) -> dict[str, Tensor]:
    """What each layer of the first floor (`deep`: every layer, by its whole name) gives for a batch x (B, C, H, W) as stored:
    (B, channels, H', W') or (B, values)."""
    told: dict[str, Tensor] = {}
    with listening(net, lambda name, layer, inputs, output: told.update({name: output}) if deep or "." not in name else None):
        net(x)
    return told


def first_filters(net: nn.Module) -> Tensor | None:
    """The windows of the first convolution, (channels, inputs, k, k); None where there is none."""
    first = next((layer for layer in net.modules() if isinstance(layer, nn.Conv2d)), None)
    return None if first is None else first.weight.detach().float()


# where it looked

def gradients(net: nn.Module, x: Tensor, label: int | None = None) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """(∂score/∂pixel of one picture x (1, C, H, W), the last maps with more than one place (K, h, w), ∂score/∂maps).

    The score is that of `label`, by default of the best class. Whoever calls decides on eval mode."""
    seen: list[Tensor] = []

    def hook(layer, inputs, output):
        if isinstance(output, Tensor) and not seen:
            seen.append(output.detach().requires_grad_())           # the first layer scales; before it pixels are whole numbers
            return seen[0]
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2:].numel() > 1 and output.requires_grad:
            seen.append(output)
        return None
    handles = [part.register_forward_hook(hook) for part in net.modules() if part is not net]
    try:
        with torch.enable_grad():
            scores = net(x)
            score = scores[0, int(scores[0].argmax()) if label is None else label]
            wanted = [seen[0], *seen[-1:]] if len(seen) > 1 else seen[:1]
            found = torch.autograd.grad(score, wanted, allow_unused=True)
    finally:
        for handle in handles:
            handle.remove()
    pixels = None if found[0] is None or found[0].ndim != 4 else found[0][0]
    return (pixels, seen[-1][0].detach(), found[1][0]) if len(found) > 1 and found[1] is not None else (pixels, None, None)


def saliency(net: nn.Module, x: Tensor, label: int | None = None) -> Tensor | None:
    """How much each pixel of x (1, C, H, W) moves the score: (H, W). Simonyan et al. 2014, section 3."""
    pixels = gradients(net, x, label)[0]
    return None if pixels is None else pixels.abs().amax(0)


def grad_cam(net: nn.Module, x: Tensor, label: int | None = None) -> Tensor | None:
    """Which places of x (1, C, H, W) speak for a class: (H, W) from 0. Selvaraju et al. 2017, equations 1 and 2, at the last
    maps that have more than one place; None where there are none."""
    return cam_of(*gradients(net, x, label)[1:], size=x.shape[-2:])


def cam_of(maps: Tensor | None, slopes: Tensor | None, size) -> Tensor | None:
    """Maps and their slopes (K, h, w) -> (H, W)."""
    if maps is None or slopes is None:
        return None
    weights = slopes.float().mean((1, 2), keepdim=True)                             # α_k, equation 1
    cam = (weights * maps.float()).sum(0).clamp(min=0)                              # ReLU(Σ α_k A_k), equation 2
    return F.interpolate(cam[None, None], tuple(size), mode="bilinear")[0, 0]


@torch.no_grad()
def occlusion(answer: Callable[[Tensor], Tensor], x: Tensor, label: int, window: int, stride: int, batch: int = 64) -> Tensor:
    """By how much the probability of `label` falls when a square of x (1, C, H, W) is covered with the picture's mean colour:
    (H, W), for each pixel the mean over the squares that cover it. Zeiler and Fergus 2014, section 4.2.

    `answer`: pictures as stored -> (B, classes). Costs (H / stride) · (W / stride) answers."""
    height, width = x.shape[-2:]
    tops = sorted({*range(0, max(1, height - window), stride), max(0, height - window)})
    lefts = sorted({*range(0, max(1, width - window), stride), max(0, width - window)})
    squares = [(top, left) for top in tops for left in lefts]
    cover = x.float().mean((2, 3), keepdim=True).round().to(x.dtype)
    fall, often = torch.zeros(height, width), torch.zeros(height, width)
    whole = float(answer(x)[0, label])
    for start in range(0, len(squares), batch):
        some = squares[start: start + batch]
        covered = x.repeat(len(some), 1, 1, 1)
        for one, (top, left) in zip(covered, some, strict=True):
            one[:, top: top + window, left: left + window] = cover[0]
        for p, (top, left) in zip(answer(covered)[:, label].tolist(), some, strict=True):
            fall[top: top + window, left: left + window] += whole - p
            often[top: top + window, left: left + window] += 1
    return fall / often.clamp(min=1)


def affordable(answer: Callable[[Tensor], Tensor], x: Tensor, seconds: float, most: int = 14) -> tuple[int, int] | None:
    """(window, stride) of an occlusion that takes about so many seconds, at most `most` squares a side; None where even four
    a side would take longer."""
    if 8 * seconds_of(lambda: answer(x), 1) > seconds:
        return None                                     # not even eight, let alone the trial below
    eight = x.repeat(8, 1, 1, 1)
    side = min(most, math.isqrt(int(8 * seconds / seconds_of(lambda: answer(eight)))))
    if side < 4:
        return None
    window = max(1, round(max(x.shape[-2:]) / 5))
    return window, max(1, min(window, math.ceil((max(x.shape[-2:]) - window) / (side - 1))))


def seconds_of(do: Callable[[], object], turns: int = 2) -> float:
    """How long something takes: the best of some turns."""
    best = math.inf
    for _ in range(turns):
        began = time.perf_counter()
        do()
        best = min(best, time.perf_counter() - began)
    return max(best, 1e-9)


# what excites it

@torch.no_grad()
def exciting(net: nn.Module, x: Tensor, layers: Sequence[str], channels: int = 6, count: int = 4,
             batch: int = 50) -> dict[str, list[list[tuple[int, float, float]]]]:
    """For the `channels` liveliest channels of each layer the `count` pictures of x (N, C, H, W) that excite each most:
    (row, y, x) with the place of the strongest value in 0…1 of the picture. Zeiler and Fergus 2014, figure 2."""
    best: dict[str, list] = {layer: [] for layer in layers}
    shapes = {}
    for part in x.split(batch):
        maps = feature_maps(net, part, deep=True)
        for layer in layers:
            shapes[layer] = maps[layer].shape[-2:]
            best[layer].append(maps[layer].float().flatten(2).max(2))               # values and places (B, K)
    return {layer: _liveliest(torch.cat([one.values for one in found]), torch.cat([one.indices for one in found]),
                              shapes[layer], channels, count) for layer, found in best.items()}


def _liveliest(strength: Tensor, place: Tensor, shape, channels: int, count: int) -> list[list[tuple[int, float, float]]]:
    """Channels that few pictures excite, and by which; of channels with one favourite the liveliest first."""
    height, width = shape
    spread = strength.std(0) / strength.abs().mean(0).clamp(min=1e-6)
    alive = (strength.amax(0) > 0) & spread.isfinite()
    order = [k for k in spread.argsort(descending=True).tolist() if alive[k]]
    tops = {k: strength[:, k].topk(min(count, len(strength))).indices.tolist() for k in order}
    firsts: dict[int, int] = {}
    for k in order:
        firsts.setdefault(tops[k][0], k)
    chosen = [*firsts.values(), *(k for k in order if k not in firsts.values())][:channels]
    return [[(row, (int(place[row, k]) // width + 0.5) / height, (int(place[row, k]) % width + 0.5) / width) for row in tops[k]]
            for k in chosen]


# how far a value sees

class _Fields(TorchFunctionMode):
    """Follows how far each value sees through every function of torch; `of`: id of a tensor -> its field."""
    NAMES = {"conv2d": ("input", "weight", "bias", "stride", "padding", "dilation"), "max_pool2d": ("input", "kernel_size", "stride"),
             "conv_transpose2d": ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
             "avg_pool2d": ("input", "kernel_size", "stride")}

    def __init__(self):
        super().__init__()
        self.of: dict[int, Field] = {}
        self.kept: list[Tensor] = []                # an id is its tensor's only while that lives

    def __torch_function__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        given = [self.of[id(one)] for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor) and id(one) in self.of]
        if given and isinstance(out, Tensor):
            name = getattr(func, "__name__", "")
            named = {**dict(zip(self.NAMES.get(name, ()), args, strict=False)), **(kwargs or {})}
            field = self.through(name, named, max(field for field, _ in given), max(jump for _, jump in given))
            gathered = name.startswith(("adaptive", "mean", "amax", "sum", "max")) and name not in self.NAMES
            if out.ndim != 4 or (gathered and out.shape[2:] != args[0].shape[2:]):
                field = math.inf, math.inf          # all of the picture
            self.of[id(out)] = field
            self.kept.append(out)
        return out

    def through(self, name: str, given: dict, field: float, jump: float) -> Field:
        """The field after one function; a window of k pixels sees (k - 1) · jump more."""
        if name not in self.NAMES:
            return field, jump
        window = max(given["weight"].shape[2:]) if "weight" in given else _largest(given["kernel_size"])
        stride = _largest(given.get("stride") or (1 if "weight" in given else window))
        reach = (window - 1) * _largest(given.get("dilation") or 1)
        if name == "conv_transpose2d":              # pixels come closer
            return field + reach * jump / stride, jump / stride
        return field + reach * jump, jump * stride


def _largest(sizes) -> int:
    return max(sizes) if isinstance(sizes, (tuple, list)) else sizes


@torch.no_grad()
def receptive_fields(net: nn.Module, shape: tuple[int, int, int]) -> dict[str, int]:
    """How many pixels on a side one value of each layer sees, at most all of a picture of `shape` (C, H, W).

    One empty picture is answered, and every operation says how far it reaches; where branches meet, the widest counts.
    Araujo, Norris and Sim 2019. Call it in eval mode; on a network without memory (`meta`) nothing is computed."""
    told, through = dict[str, int](), _Fields()
    x = torch.zeros(1, *shape, dtype=torch.uint8, device=next(net.parameters()).device)
    through.of[id(x)] = (1, 1)

    def heard(name, layer, inputs, output):
        field = through.of.get(id(output), (math.inf, 1))[0]
        told[name] = math.ceil(min(max(shape[1:]), field))
    with listening(net, heard), through:
        net(x)
    return told


# where the time goes

def layer_times(net: nn.Module, x: Tensor, turns: int = 3) -> list[tuple[str, float, float]]:
    """(layer, seconds forward, seconds backward) of every layer without layers inside, for a batch x as stored: the best of
    some turns. Each layer runs alone on what it is given; what is not a layer (a sum, a functional relu) is not counted."""
    calls: list[tuple[str, nn.Module, Tensor]] = []

    def heard(name, layer, inputs, output):
        if not any(True for _ in layer.children()) and len(inputs) == 1 and isinstance(inputs[0], Tensor):
            calls.append((name, layer, inputs[0].detach()))
    with torch.no_grad(), listening(net, heard):
        net(x)
    told = []
    for name, layer, given in calls:
        at = given.clone().requires_grad_() if given.is_floating_point() else given         # pixels have no gradient
        with torch.enable_grad():
            forward, y = seconds_of(lambda: layer(at), turns), layer(at)                   # noqa: B023
        wanted = [one for one in (at, *layer.parameters()) if one.requires_grad]
        slope = torch.ones_like(y)
        told.append((name, forward, seconds_of(
            lambda: torch.autograd.grad(y, wanted, slope, allow_unused=True, retain_graph=True), turns)    # noqa: B023
            if wanted and y.requires_grad else 0.0))
    return told


# convolution as one product

def im2col(x: Tensor, window: int, stride: int = 1, pad: int = 0, dilation: int = 1) -> Tensor:
    """Every place of the window as a row: (B, C, H, W) -> (B, H'·W', C·k·k)."""
    reach = dilation * (window - 1) + 1
    places = F.pad(x, (pad, pad, pad, pad)).unfold(2, reach, stride).unfold(3, reach, stride)    # (B, C, H', W', reach, reach)
    places = places[..., ::dilation, ::dilation]
    return places.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, pad: int = 0, dilation: int = 1) -> Tensor:
    """A convolution as rows of places times columns of windows: the same as F.conv2d. weight (K, C, k, k)."""
    window = weight.shape[-1]
    rows = im2col(x, window, stride, pad, dilation)                                              # (B, H'·W', C·k·k)
    y = rows @ weight.flatten(1).T                                                               # (B, H'·W', K)
    height = (x.shape[2] + 2 * pad - dilation * (window - 1) - 1) // stride + 1
    return (y if bias is None else y + bias).mT.unflatten(2, (height, -1))
