"""Optimizers by name, learning-rate schedules as functions of progress, and the average of weights."""
import copy
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

from deepen.core.recipe import unknown
from deepen.core.words import Problem

Name = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lbfgs", "muon"]
Schedule = Literal["constant", "step", "exponential", "cosine", "onecycle", "triangle", "polynomial",
                   "inverse-sqrt", "restarts"]
TABLES = (nn.Embedding, nn.EmbeddingBag)
A, B, C = 3.4445, -4.7750, 2.0315                   # of Muon's Newton-Schulz (Jordan et al. 2024)
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def make(name: str, net: nn.Module | Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0,
         momentum: float = 0.9, betas: tuple[float, float] | None = None,
         fused: bool = True) -> torch.optim.Optimizer:
    """The optimizer called `name` over what a network (or a list of parameters) still learns. The parts of an
    `nn.ModuleList` are networks of their own: muon spares the last layer of each.

    Weight decay spares biases and norms. `momentum` is read by momentum, nesterov and muon; `betas` by adam
    and adamw (0.9, 0.999) and muon's Adam half (0.9, 0.99). `fused`: one kernel for all weights where torch
    has one.
    Raises `Problem` for a name that nobody knows and for lbfgs with weight decay."""
    if name not in get_args(Name):
        raise unknown("optimizer", name, get_args(Name))
    layers = list(net.modules()) if isinstance(net, nn.Module) else []
    weights = net.parameters() if isinstance(net, nn.Module) else net
    parameters = [w for w in weights if w.requires_grad]
    if not parameters:
        raise Problem("nothing is left to learn: every weight is frozen, or the network has none")
    spared = {id(w) for layer in layers if isinstance(layer, NORMS) for w in layer.parameters(recurse=False)}
    spared |= {id(w) for w in parameters if w.ndim < 2}
    groups = [{"params": [w for w in parameters if id(w) not in spared], "weight_decay": weight_decay},
              {"params": [w for w in parameters if id(w) in spared], "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    devices = ("cpu",) if name == "adagrad" else ("cpu", "cuda", "mps")
    fused = fused and all(w.device.type in devices and w.is_floating_point() for w in parameters)
    match name:
        case "sgd":
            return torch.optim.SGD(groups, lr, fused=fused)
        case "momentum":
            return torch.optim.SGD(groups, lr, momentum=momentum, fused=fused)
        case "nesterov":
            return torch.optim.SGD(groups, lr, momentum=momentum, nesterov=True, fused=fused)
        case "adagrad":
            return torch.optim.Adagrad(groups, lr, fused=fused)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr, foreach=True)
        case "adam":
            return torch.optim.Adam(groups, lr, betas or (0.9, 0.999), fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, lr, betas or (0.9, 0.999), fused=fused)
        case "lbfgs":
            if weight_decay:
                raise Problem("lbfgs has no weight decay, {given} was given; set it to 0 or choose adamw",
                              given=weight_decay)
            for w in parameters:
                w.data = w.data.contiguous()        # it reads gradients as flat views: no channels_last
            return torch.optim.LBFGS(parameters, lr, max_iter=10, history_size=20,
                                     line_search_fn="strong_wolfe")
    other = spared | {id(layer.weight) for layer in layers if isinstance(layer, TABLES)}
    own = [list(one.parameters()) for one in net] if isinstance(net, nn.ModuleList) else [parameters]
    matrices = [w for one in own for w in [w for w in one if w.requires_grad and id(w) not in other][:-1]]
    taken = {id(w) for w in matrices}
    return Muon(matrices, [w for w in parameters if id(w) not in taken], lr, momentum,
                weight_decay=weight_decay, betas=betas or (0.9, 0.99), fused=fused, spared=spared)


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made orthogonal, so that a weight matrix moves alike in every direction.

    Jordan et al. 2024, "Muon: an optimizer for hidden layers". `matrices` have two or more dimensions;
    kernels (out, in, h, w) count as matrices (out, in·h·w). `rest` goes by AdamW at lr × `adam_scale`:
    biases, norms, tables of embeddings and the last layer, as the authors advise. Weights whose id is in
    `spared` do not decay. `iterations` of Newton-Schulz, 1 to 5: three are enough for small nets."""

    def __init__(self, matrices: Iterable[Tensor], rest: Iterable[Tensor] = (), lr: float = 0.02,
                 momentum: float = 0.9, iterations: int = 3, weight_decay: float = 0.0,
                 adam_scale: float = 0.1, betas: tuple[float, float] = (0.9, 0.99), eps: float = 1e-8,
                 fused: bool = True, spared: Iterable[int] = ()):
        matrices, rest, spared = list(matrices), list(rest), set(spared)
        if not 1 <= iterations <= 5:
            raise ValueError(f"iterations is {iterations}; 1 to 5 are stable")
        if any(w.ndim < 2 for w in matrices):
            raise ValueError("muon's matrices have two or more dimensions")
        groups = [{"params": matrices, "orthogonal": True, "scale": 1.0, "weight_decay": weight_decay},
                  {"params": [w for w in rest if id(w) not in spared], "weight_decay": weight_decay},
                  {"params": [w for w in rest if id(w) in spared], "weight_decay": 0.0}]
        super().__init__([group for group in groups if group["params"]],
                         {"lr": lr, "orthogonal": False, "scale": adam_scale, "momentum": momentum,
                          "iterations": iterations, "betas": betas, "eps": eps, "fused": fused})
        set_rate(self, lr)

    @torch.no_grad()
    def step(self, closure=None):
        """One step; `closure` clears, computes the loss, goes back and returns it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [w for w in group["params"] if w.grad is not None]
            if weights:
                with torch.autocast(weights[0].device.type, enabled=False):     # as training runs inside it
                    (self._muon if group["orthogonal"] else self._adam)(group, weights)
        return loss

    def _muon(self, group, weights: list[Tensor]) -> None:
        lr, momentum = group["lr"], group["momentum"]
        for w in weights:
            if "velocity" not in self.state[w]:
                self.state[w]["velocity"] = torch.zeros_like(w)
        velocities, slopes = [self.state[w]["velocity"] for w in weights], gradients(weights)
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_add_(velocities, slopes)
        ahead = torch._foreach_add(slopes, velocities, alpha=momentum)          # Nesterov
        if group["weight_decay"]:
            torch._foreach_mul_(weights, 1 - lr * group["weight_decay"])
        turned = [step.movedim(1, -1) for step in ahead]        # of columns any order will do; this is a view
        for w, step, way in zip(weights, turned, orthogonal([step.flatten(1) for step in turned],
                                                            group["iterations"]), strict=True):
            size = math.sqrt(max(1.0, w.shape[0] / w[0].numel()))
            w.add_(way.view(step.shape).movedim(-1, 1), alpha=-lr * size)

    def _adam(self, group, weights: list[Tensor]) -> None:
        for w in weights:
            if "step" not in self.state[w]:
                self.state[w].update(step=torch.zeros((), device=w.device), exp_avg=torch.zeros_like(w),
                                     exp_avg_sq=torch.zeros_like(w))
        states = [self.state[w] for w in weights]
        beta1, beta2 = group["betas"]
        adamw(weights, gradients(weights), [s["exp_avg"] for s in states],
              [s["exp_avg_sq"] for s in states], [], [s["step"] for s in states], fused=group["fused"],
              amsgrad=False, beta1=beta1, beta2=beta2, lr=group["lr"], weight_decay=group["weight_decay"],
              eps=group["eps"], maximize=False)


def orthogonal(matrices: list[Tensor], iterations: int = 5) -> list[Tensor]:
    """Matrices with the same singular vectors and singular values near 1: the quintic Newton-Schulz of Jordan
    et al. 2024, X ← aX + b(XXᵀ)X + c(XXᵀ)²X, from X of norm 1. Five iterations bring singular values from
    0.01 of the norm up to 0.65…1.2. All on one device."""
    wide = [x.mT if x.shape[0] > x.shape[1] else x for x in matrices]
    done = (by_squares if wide[0].device.type == "cpu" else directly)(wide, iterations)
    return [(y.mT if x.shape[0] > x.shape[1] else y).to(x.dtype) for x, y in zip(matrices, done, strict=True)]


def by_squares(wide: list[Tensor], iterations: int) -> list[Tensor]:
    """Iterates the small square G = XXᵀ instead of X, in float32, as every X is a polynomial of G times the
    first one: half the time. Squares of about one size share a batch, filled up with zeros. Rounding grows up
    to 12-fold an iteration, which half precision could not bear."""
    done: list[Tensor] = [*wide]
    for side, places in alike([-(-len(x) // 32) * 32 for x in wide]).items():
        g = torch.zeros(len(places), side, side)
        for square, i in zip(g, places, strict=True):
            x = wide[i].float()
            torch.mm(x, x.T, out=square[:len(x), :len(x)])
        size = g.diagonal(dim1=1, dim2=2).sum(1)[:, None, None].clamp_min(1e-36)            # ‖X‖²
        g, product = g / size, size.rsqrt()
        for i in range(iterations):
            p = torch.baddbmm(g, g, g, beta=B, alpha=C)
            p.diagonal(dim1=1, dim2=2).add_(A)                              # P = aI + bG + cG²;  X ← PX
            product = p @ product if i else p * product
            if i + 1 < iterations:
                g = p @ g @ p                                               # G ← PGP, for P and G commute
        for square, i in zip(product, places, strict=True):
            done[i] = square[:len(wide[i]), :len(wide[i])] @ wide[i].float()
    return done


def directly(wide: list[Tensor], iterations: int) -> list[Tensor]:
    """As published, in bfloat16, matrices of one shape in one batch: for devices that are fast at that."""
    done: list[Tensor] = [*wide]
    for places in alike([tuple(x.shape) for x in wide]).values():
        x = torch.stack([wide[i] for i in places]).float()
        x = (x / x.norm(dim=(1, 2), keepdim=True).clamp_min(1e-18)).bfloat16()
        for _ in range(iterations):
            g = x @ x.mT
            x = torch.baddbmm(x, torch.baddbmm(g, g, g, beta=B, alpha=C), x, beta=A)
        for i, y in zip(places, x, strict=True):
            done[i] = y
    return done


def alike(sorts: list) -> dict[Any, list[int]]:
    """Where each sort stands in a list."""
    places: dict[Any, list[int]] = {}
    for i, sort in enumerate(sorts):
        places.setdefault(sort, []).append(i)
    return places


def usual_rate(optimizer: str, net: nn.Module) -> float:
    """The highest learning rate to try first: what the net says of itself (`rates`), else the usual; with norms it bears
    five times more of Muon's."""
    normed = any(isinstance(layer, nn.BatchNorm2d) for layer in net.modules())
    rates = {"muon": 0.1 if normed else 0.02, "adam": 0.003, "adamw": 0.003, "rmsprop": 0.001, "lbfgs": 1.0}
    return {**rates, **getattr(net, "rates", {})}.get(optimizer, 0.05)


def gradients(weights: Iterable[Tensor]) -> list[Tensor]:
    """The gradients of weights that have one."""
    return [w.grad for w in weights if w.grad is not None]


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate; a group with a `scale` gets that multiple."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("scale", 1.0)


def schedule(name: str, progress: float, warmup: float = 0.0) -> float:
    """The factor of the learning rate at `progress` 0…1; in the first `warmup` share it rises in a line, from
    0.001.

    After it: constant stays 1; step is 0.1 from half and 0.01 from three quarters of what is left;
    exponential falls to 0.01; cosine is half a wave to 0 (Loshchilov & Hutter 2017, eq. 5); triangle a line
    to 0; onecycle rises by half a wave from 0.04 and falls like cosine (Smith & Topin 2018); polynomial a
    parabola to 0; inverse-sqrt is √(w / progress) from the end w of the warm-up on, 0.01 where there is none
    (Vaswani et al. 2017, eq. 3); restarts three cosines, each twice as long as the one before (Loshchilov &
    Hutter). `Problem` for an unknown name."""
    if name not in get_args(Schedule):
        raise unknown("schedule", name, get_args(Schedule))
    if not 0 <= progress <= 1:
        raise ValueError(f"progress is {progress}, not 0…1")
    if progress < warmup:
        rise = progress / warmup
        return 0.04 + 0.96 * (1 - math.cos(math.pi * rise)) / 2 if name == "onecycle" else max(rise, 1e-3)
    left = (progress - warmup) / (1 - warmup) if warmup < 1 else 1.0            # 0…1 after the warm-up
    match name:
        case "constant":
            return 1.0
        case "step":
            return 0.1 ** ((left >= 0.5) + (left >= 0.75))
        case "exponential":
            return 0.01**left
        case "triangle":
            return 1 - left
        case "polynomial":
            return (1 - left) ** 2
        case "inverse-sqrt":
            start = warmup or 0.01
            return math.sqrt(start / max(start, progress))
        case "restarts":                                                        # they end at 1/7, 3/7 and 1
            wave = min(2, int(math.log2(7 * left + 1)))
            left = (7 * left + 1) / 2**wave - 1
    return (1 + math.cos(math.pi * left)) / 2                                   # cosine, onecycle


class Average:
    """An exponential moving average of a network's weights, judged and kept in its place: `module`, in eval
    mode."""

    def __init__(self, net: nn.Module, decay: float = 0.999):
        self.module = copy.deepcopy(net).requires_grad_(False).eval()
        self.decay, self.count = decay, 0

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        """Keep min(decay, (1+t)/(10+t)) of the average after t updates, take the rest from `net`; buffers are
        copied."""
        keep = min(self.decay, (1 + self.count) / (10 + self.count))
        self.count += 1
        torch._foreach_lerp_(list(self.module.parameters()), list(net.parameters()), 1 - keep)
        for mine, theirs in zip(self.module.buffers(), net.buffers(), strict=True):
            mine.copy_(theirs)

    def state_dict(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.count = int(state["count"])
