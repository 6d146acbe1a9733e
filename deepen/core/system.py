"""System: what learns. The author writes fields (the recipe) and four methods; `fit` lends the rest.

`steps()` is a generator: the loop the paper describes, with a `yield` wherever it is safe to log, save, pause or stop.
Make it true, then yield: what is needed to go on lives on `self`, because `steps()` may be entered again after a load.
"""
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from deepen.core.data import Data, Stream

Metrics = Mapping[str, Any]


class System:
    """A dataclass whose fields are its recipe, with `build`, `steps`, `evaluate` and `predict`."""
    goal: ClassVar[tuple[Any, Any]]                 # what goes in, what comes out: (Image, Label), (Row, Label | Number)
    default_data: ClassVar[str]                     # a source that needs no network
    score: str                                      # the metric of early stop, best and verdict; `build` may change it
    tiny: ClassVar[dict[str, Any]]                  # a recipe that learns something offline in a few seconds
    transient: ClassVar[tuple[str, ...]] = ()       # attributes that are not state
    exact_resume: ClassVar[bool] = True             # False where the world cannot be rewound
    any_size: ClassVar[bool] = False                # `predict` takes pictures of any height and width
    precision: ClassVar[str] = "auto"               # "fp32" where half precision costs more than it brings

    # lent by fit before build; these plain ones serve who drives a system by hand
    data: Data
    stream: Stream          # where it learns from a stream, `build` makes it
    device: torch.device = torch.device("cpu")
    progress: float = 0.0                           # 0…1, what schedules read
    resumed: bool = False                           # it goes on from a checkpoint: its weights come from there
    said: Sequence[str] = ()                        # by `build` or `steps`: what a person should know, told once

    def place(self, net: nn.Module) -> nn.Module:
        """Put a network that will be trained where it will be trained."""
        return net.to(self.device)

    def descend(self, loss, optimizer: torch.optim.Optimizer, clip: float | None = None,
                name: str = "loss") -> Tensor:
        """Clear, go back, clip, step. `loss` is a scalar tensor or a function that gives one. Returns it detached."""
        def closure():
            optimizer.zero_grad(set_to_none=True)
            value = loss() if callable(loss) else loss
            value.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], clip)
            return value
        return torch.as_tensor(optimizer.step(closure)).detach()

    # written by the author of a system
    def build(self, data: Data) -> None:
        """Make every network, optimizer and stream, as attributes."""
        raise NotImplementedError(f"{type(self).__name__} has no build()")

    def steps(self) -> Iterator[Metrics]:
        """Learn: a plain loop that yields its metrics (tensors or numbers) at every safe place."""
        raise NotImplementedError(f"{type(self).__name__} has no steps()")

    def evaluate(self, split: str = "valid") -> Metrics:
        """Metrics on a split; called without gradients, every network in eval mode."""
        raise NotImplementedError(f"{type(self).__name__} has no evaluate()")

    def predict(self, inputs):
        """Answers for a batch of inputs as they are stored."""
        raise NotImplementedError(f"{type(self).__name__} has no predict()")

    @classmethod
    def suits(cls, data: Data, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Values of fields that suit this data, where nothing else was `asked`; a run tells and keeps them."""
        return {}

    # what every system can say of itself
    @property
    def planned(self) -> int | None:
        """How many yields `steps()` will make from its start, or None when nobody knows."""
        return len(self.stream) if hasattr(self, "stream") else None

    @property
    def seen(self) -> int:
        """How many examples (or moves) it has learned from so far."""
        return self.stream.consumed if hasattr(self, "stream") else 0

    def begins(self, data: Data) -> bool:
        """In `build`: does it begin to learn here, neither resumed nor revived to answer? Then weights may be read."""
        return not self.resumed and self.progress < 1 and "train" in data.splits

    def network(self):
        """What is kept, judged and exported: the average where there is one, else the model."""
        return self.ema.module if getattr(self, "ema", None) is not None else self.model

    def recipe(self) -> dict[str, Any]:
        """The fields and their values."""
        return {field.name: getattr(self, field.name) for field in fields(self)} if is_dataclass(self) else {}

    def networks(self) -> list[nn.Module]:
        """Every network among the attributes, also those in lists, dicts and averages."""
        found: dict[int, nn.Module] = {}

        def look(value):
            if isinstance(value, nn.Module):
                found[id(value)] = value
            elif isinstance(value, (list, tuple)):
                for part in value:
                    look(part)
            elif isinstance(value, dict):
                look(list(value.values()))
            elif isinstance(getattr(value, "module", None), nn.Module):
                look(value.module)
        look([value for name, value in vars(self).items() if name not in _LENT])
        return list(found.values())

    def state_dict(self) -> dict[str, Any]:
        """Everything made in `build` that is needed to go on. An attribute of an unknown sort raises TypeError."""
        return {name: _state(value, f"{type(self).__name__}.{name}") for name, value in self._attributes().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` gave, in place: networks and optimizers stay the same objects."""
        mine = self._attributes()
        for name, saved in state.items():
            setattr(self, name, _load(mine.get(name), saved))

    def _attributes(self) -> dict[str, Any]:
        skip = _LENT | set(self.transient) | set(self.recipe())
        return {name: value for name, value in vars(self).items()
                if name not in skip and not isinstance(value, Data)}


_LENT = {"data", "device", "place", "descend", "progress", "resumed", "said"}
_PLAIN = (bool, int, float, str, type(None))


def _state(value, where: str):
    if isinstance(value, (*_PLAIN, Tensor)):
        return value
    if isinstance(value, torch.Generator):
        return value.get_state()
    if hasattr(value, "state_dict") and hasattr(value, "load_state_dict"):
        return dict(value.state_dict())
    if isinstance(value, (list, tuple)):
        return type(value)(_state(part, f"{where}[{i}]") for i, part in enumerate(value))
    if isinstance(value, dict):
        return {key: _state(part, f"{where}[{key!r}]") for key, part in value.items()}
    raise TypeError(f"{where} is a {type(value).__name__}: not state that can be saved; name it in `transient`")


def _load(mine, saved):
    if isinstance(mine, torch.optim.Optimizer):
        load_optimizer(mine, saved)
        return mine
    if isinstance(mine, torch.Generator):
        mine.set_state(saved)
        return mine
    if hasattr(mine, "load_state_dict"):
        mine.load_state_dict(saved)
        return mine
    if isinstance(mine, Tensor) and isinstance(saved, Tensor) and mine.shape == saved.shape:
        with torch.no_grad():
            mine.copy_(saved)
        return mine
    if isinstance(mine, (list, tuple)) and isinstance(saved, (list, tuple)) and len(mine) == len(saved):
        return type(mine)(_load(a, b) for a, b in zip(mine, saved, strict=True))
    if isinstance(mine, dict) and isinstance(saved, dict) and mine.keys() == saved.keys():
        return {key: _load(mine[key], saved[key]) for key in mine}
    if isinstance(saved, Tensor) and isinstance(mine, Tensor):
        return saved.to(mine.device)
    return saved


def load_optimizer(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """Load an optimizer's state with each moment laid out like its parameter and in the type it was saved in.

    torch's own loading keeps the saved layout: a contiguous moment beside a channels_last weight trains wrongly under
    a fused step; and it casts moments to the parameter's type, which breaks float32 moments of half weights.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    counts = {p: p.device if group.get("fused") or group.get("capturable") else torch.device("cpu")
              for group in optimizer.param_groups for p in group["params"]}         # where its step counter lives
    kept = copy.deepcopy(dict(saved))
    laid_out: dict[Any, Any] = {}
    for index, state in kept["state"].items():
        parameter = parameters[int(index)] if int(index) < len(parameters) else None
        laid_out[int(index)] = {key: _like(value, parameter, counts) for key, value in state.items()}
    optimizer.load_state_dict({**kept, "state": {}})
    for index, state in laid_out.items():
        optimizer.state[parameters[index]] = state


def _like(value, parameter, counts):
    if not isinstance(value, Tensor) or parameter is None:
        return value
    if value.shape == parameter.shape and value.ndim:
        return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
    return value.to(parameter.device) if value.ndim else value.to(counts[parameter], copy=True)
