"""Optimizers by name, learning-rate schedules as functions of progress, and the average of weights."""
import copy
import math
from collections.abc import Iterable
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from deepen.core.recipe import unknown

Name = Literal["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lbfgs", "muon"]
Schedule = Literal["constant", "step", "exponential", "cosine", "onecycle", "triangle"]


def make(name: str, net: nn.Module | Iterable[nn.Parameter], lr: float, decay: float = 0.0, momentum: float = 0.9,
         betas: tuple[float, float] = (0.9, 0.999)) -> torch.optim.Optimizer:
    """The optimizer called `name` over a network. Weight decay spares biases and norms (tensors of one dimension)."""
    parameters = [w for w in (net.parameters() if isinstance(net, nn.Module) else net) if w.requires_grad]
    groups = [{"params": [w for w in parameters if w.ndim > 1], "weight_decay": decay},
              {"params": [w for w in parameters if w.ndim <= 1], "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    fused = all(w.device.type in ("cpu", "cuda", "mps") and w.is_floating_point() for w in parameters)
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
            return torch.optim.Adam(groups, lr, betas, fused=fused)
        case "adamw":
            return torch.optim.AdamW(groups, lr, betas, fused=fused)
        case "lbfgs":
            return torch.optim.LBFGS(parameters, lr, max_iter=10, history_size=20, line_search_fn="strong_wolfe")
        case "muon":
            return Muon(parameters, lr, momentum=momentum, decay=decay)
    raise unknown("optimizer", name, get_args(Name))


class Muon(torch.optim.Optimizer):
    """Momentum whose step is made orthogonal (Jordan et al. 2024): every direction of a weight matrix moves alike.

    Kernels (out, in, h, w) count as matrices (out, in·h·w). Biases, norms and the last layer's matrix go by Adam with
    `adam_lr` = lr × `adam_scale`."""

    def __init__(self, parameters, lr: float = 0.02, momentum: float = 0.9, decay: float = 0.0, turns: int = 3,
                 adam_scale: float = 0.1, betas: tuple[float, float] = (0.9, 0.99), eps: float = 1e-8):
        parameters = list(parameters)
        matrices = [w for w in parameters if w.ndim == 4]
        rest = [w for w in parameters if w.ndim != 4]
        groups = [{"params": matrices, "muon": True, "scale": 1.0, "weight_decay": decay}] if matrices else []
        groups += [{"params": rest, "muon": False, "scale": adam_scale, "weight_decay": decay}] if rest else []
        super().__init__(groups, {"lr": lr, "momentum": momentum, "turns": turns, "betas": betas, "eps": eps})
        set_rate(self, lr)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [w for w in group["params"] if w.grad is not None]
            if group["muon"]:
                self._muon(group, weights)
            elif weights:
                self._adam(group, weights)
        return loss

    def _muon(self, group, weights) -> None:
        for w in weights:
            state = self.state[w]
            if not state:
                state["velocity"] = torch.zeros_like(w)
            velocity = state["velocity"].mul_(group["momentum"]).add_(w.grad)
            step = w.grad.add(velocity, alpha=group["momentum"])                        # Nesterov
            step = orthogonal(step.flatten(1), group["turns"]).view_as(step)
            size = math.sqrt(max(1.0, w.shape[0] / w[0].numel()))
            w.mul_(1 - group["lr"] * group["weight_decay"]).add_(step, alpha=-group["lr"] * size)

    def _adam(self, group, weights) -> None:
        for w in weights:
            if not self.state[w]:
                self.state[w].update(step=torch.zeros(()), exp_avg=torch.zeros_like(w), exp_avg_sq=torch.zeros_like(w))
        states = [self.state[w] for w in weights]
        steps = [state["step"] for state in states]
        torch._foreach_add_(steps, 1)
        torch._fused_adamw_(weights, [w.grad for w in weights], [s["exp_avg"] for s in states],
                            [s["exp_avg_sq"] for s in states], [], steps, lr=group["lr"], beta1=group["betas"][0],
                            beta2=group["betas"][1], weight_decay=group["weight_decay"], eps=group["eps"], amsgrad=False,
                            maximize=False)


def orthogonal(g: Tensor, turns: int = 5) -> Tensor:
    """The nearest matrix with all singular values near 1, by Newton-Schulz (quintic, coefficients of Jordan et al.)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.shape[0] > g.shape[1]
    x = (g.T if tall else g).float()
    x = x / (x.norm() + 1e-7)
    for _ in range(turns):
        s = x @ x.T
        x = torch.addmm(x, torch.addmm(s, s, s, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(g.dtype)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate; a group with a `scale` gets that multiple."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("scale", 1.0)


def schedule(name: str, progress: float, warmup: float = 0.0) -> float:
    """The factor of the learning rate at `progress` 0…1; `warmup` is the share that rises from 0."""
    if name not in get_args(Schedule):
        raise unknown("schedule", name, get_args(Schedule))
    if progress < warmup:
        return max(progress / warmup, 1e-3) if name != "onecycle" else 0.04 + 0.96 * (1 - math.cos(math.pi * progress / warmup)) / 2
    left = (progress - warmup) / (1 - warmup) if warmup < 1 else 1.0            # 0…1 after the warm-up
    match name:
        case "constant":
            return 1.0
        case "step":
            return 0.1 ** (int(left >= 0.5) + int(left >= 0.75))
        case "exponential":
            return 0.01**left
        case "triangle":
            return 1 - left
    return (1 + math.cos(math.pi * left)) / 2                                   # cosine, onecycle


class Average:
    """An exponential moving average of a network's weights, judged and kept in its place."""

    def __init__(self, net: nn.Module, decay: float = 0.999):
        self.module = copy.deepcopy(net).requires_grad_(False)
        self.decay, self.count = decay, 0

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        """Move towards the network; early on faster, min(decay, (1+t)/(10+t)). Buffers are copied."""
        self.count += 1
        keep = min(self.decay, (1 + self.count) / (10 + self.count))
        torch._foreach_lerp_(list(self.module.parameters()), list(net.parameters()), 1 - keep)
        for mine, theirs in zip(self.module.buffers(), net.buffers(), strict=True):
            mine.copy_(theirs)

    def state_dict(self) -> dict:
        return {"module": self.module.state_dict(), "count": self.count}

    def load_state_dict(self, state: dict) -> None:
        self.module.load_state_dict(state["module"])
        self.count = state["count"]
