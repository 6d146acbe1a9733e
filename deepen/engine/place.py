"""Where and how exactly a system computes: device, number format, and the backward step that goes with them."""
import math
import platform
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from deepen.core.recipe import Word
from deepen.core.words import Failure, Problem

FORMATS = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Place:
    """A device and a precision. `fit` lends `place` and `descend` of it to a system."""

    def __init__(self, device: str = "auto", precision: str = "auto"):
        self.device = find_device(device)
        if self.device.type == "cpu":
            leave_the_compiler()
        self.precision = best_precision(self.device) if precision == "auto" else precision
        if self.precision == "fp16" and self.device.type == "cpu":
            raise Problem("fp16 on a CPU is slow and loses small gradients; use --precision bf16 or fp32")
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        self.broken = torch.zeros((), dtype=torch.bool, device=self.device)     # did a loss stop being a number?

    def autocast(self):
        """The context of a whole training. The cache of cast weights is off: it would serve old weights to the second
        forward of a step (measured: 50 updates a yield diverge with it; no cost without)."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, FORMATS[self.precision], cache_enabled=False)

    def place(self, net: nn.Module) -> nn.Module:
        """A network that will be trained: on the device, its convolutions in channels_last (1.3× on a CPU)."""
        return net.to(self.device, memory_format=torch.channels_last)      # type: ignore[call-overload]

    def descend(self, loss, optimizer, clip: float | None = None, name: str = "loss") -> Tensor:
        """Clear, go back, clip, step. `loss`: a scalar tensor, or a function that gives one. Returns it detached.
        `name`: what a person is told became no number.

        A loss that is not finite raises `Failure`: on a CPU before it reaches the weights; on a GPU, where reading it
        would stall the queue, at the next log (`check`), before anything is saved."""
        def closure():
            optimizer.zero_grad(set_to_none=True)
            value = loss() if callable(loss) else loss
            if self.device.type == "cpu":
                if not math.isfinite(value.item()):
                    raise not_a_number(value.item(), name)
            else:
                self.broken |= ~value.detach().isfinite()
            self.scaler.scale(value).backward()
            if clip is not None:
                self.scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], clip)
            return value
        if self.scaler.is_enabled():
            value = closure()
            self.scaler.step(optimizer)
            self.scaler.update()
        else:
            value = optimizer.step(closure)
        return value.detach()

    def check(self) -> None:
        """Raise if some loss since the last check was not a finite number (a GPU tells only when asked)."""
        if self.device.type != "cpu" and bool(self.broken):
            raise not_a_number(float("nan"))


def leave_the_compiler() -> None:
    """Keep torch from importing its compiler where nothing is compiled. The first optimizer would bring it in, only to
    tell it to keep out of the optimizer's books, and it takes as long as torch itself (measured: 1.3 of the 3.1 s of
    CPU time of a short `deepen train digits`). torch/_compile.py looks for what it must call under this name."""
    for name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
        plain = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
        if plain is not None:
            setattr(plain, "__dynamo_disable", plain)


def not_a_number(value: float, name: str = "loss") -> Failure:
    return Failure("the {name} became {value}; the last good state is kept. Try a smaller learning rate, "
                   "for example a tenth of it", value=value, name=Word(name))


def find_device(name: str) -> torch.device:
    """`auto` is the fastest there is: cuda, mps, cpu."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there.get(name.partition(":")[0], False):
        raise Problem("there is no device {name} here; there are: {names}", name=name,
                      names=", ".join(device for device, is_there in there.items() if is_there))
    return torch.device(name)


def best_precision(device: torch.device) -> str:
    """bf16 where the hardware multiplies it faster than fp32, else fp32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if device.type == "cpu" and platform.machine() in ("x86_64", "AMD64"):
        return "bf16" if torch.cpu._is_avx512_bf16_supported() else "fp32"
    return "fp32"
