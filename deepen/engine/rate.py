"""The learning rate to try first: Smith's range test, on any system with a live `lr`. It leaves no run behind."""
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from deepen.core.data import Stream
from deepen.core.recipe import fields_of
from deepen.core.words import Failure, Problem
from deepen.engine.fit import lend
from deepen.engine.place import Place
from deepen.engine.start import prepare

LOW, HIGH, STEPS = 1e-5, 10.0, 100
WIDE = 3.0              # steps: how far the smoothing reaches (a sixth of a decade)
BURST = 4.0             # times the lowest loss so far: no need to go on
FEWEST = 10             # losses that make a curve
MIDDLE = 0.5            # of the run: where schedules are past every warm-up,
RISEN = 0.05            # and where that of a system with one of its own is at its highest
PATIENCE = 100          # yields without a loss, for each that is wanted


@dataclass(frozen=True)
class Found:
    """Losses over rates that rise from step to step, and what they say."""
    rates: list[float]
    losses: list[float]         # as they came
    smooth: list[float]         # the mean of neighbours
    suggested: float            # a tenth of the rate with the lowest loss
    lowest: float               # the rate with the lowest smoothed loss
    steepest: float             # the rate where the loss falls fastest
    burst: bool                 # did the loss explode before the last rate?


def find_rate(what: str, settings: Mapping[str, Any] | None = None, seed: int = 0, device: str = "auto",
              precision: str = "auto", steps: int = STEPS, low: float = LOW, high: float = HIGH,
              told: Callable[[int], None] = lambda step: None) -> Found:
    """Let a system learn `steps` steps while its rate rises from `low` to `high` by equal factors; nothing is kept.

    Smith 2017, "Cyclical learning rates for training neural networks", section 3.3. What the rate is multiplied by
    over a run stands still at 1 meanwhile: `progress` is held in its middle and the fields schedule and warmup are
    constant and 0; where there are none, it is held where a cosine with a twentieth of warm-up is at its top.
    Raises `Problem` for a system without a live `lr`, that tells no loss, or that plays in a world.
    """
    plan = prepare(what, settings)
    system, known = plan.system, fields_of(type(plan.system))
    if "lr" not in known or not known["lr"].live:
        raise Problem("the rate of {system} cannot be changed while it learns, so its range cannot be tested; "
                      "try three: lr=0.01, lr=0.003, lr=0.001", system=plan.system_name)
    if plan.data.world is not None:
        raise Problem("in a world the loss follows what is played, not the rate alone, so no rate can be read from "
                      "it; try three: lr=0.01, lr=0.003, lr=0.001")
    for name, value in {"schedule": "constant", "warmup": 0.0}.items():
        if name in known:
            setattr(system, name, value)
    torch.manual_seed(seed)
    place = Place(device, system.precision if precision == "auto" else precision)
    lend(system, plan.data.sealed().to(place.device), place)
    system.progress = MIDDLE if "schedule" in known else RISEN
    system.build(system.data)
    for stream in _streams(vars(system).values()):
        stream.total = max(stream.total, (steps + 1) * stream.batch)            # few examples come again
    rates = [low * (high / low) ** (step / (steps - 1)) for step in range(steps)]
    with place.autocast():
        losses = list(_climb(system, rates, told))
    if len(losses) < FEWEST:
        raise Problem("the loss of {system} became no number after {count} steps at rates from {low:g} on; "
                      "look at the data first: deepen check", system=plan.system_name, count=len(losses), low=low)
    return read(rates[:len(losses)], losses, len(losses) < steps)


def _climb(system, rates: list[float], told: Callable[[int], None]) -> Iterator[float]:
    """The loss at each rate, until it explodes."""
    learning, best, recent = None, math.inf, math.inf
    for step, rate in enumerate(rates):
        system.lr = rate
        learning = system.steps() if learning is None else learning
        try:
            loss = _loss(learning)
        except Failure:                             # it became no number
            return
        recent = loss if recent == math.inf else 0.7 * recent + 0.3 * loss
        if not math.isfinite(loss) or (step >= FEWEST and recent > BURST * best):
            return
        best = min(best, recent)
        told(step + 1)
        yield loss


def _loss(learning) -> float:
    """The next loss a system tells; some steps of some systems tell none."""
    for _ in range(PATIENCE):
        metrics = next(learning, None)
        if metrics is None:
            break
        if "loss" in metrics:
            return float(metrics["loss"])
    raise Problem("this system tells no loss as it learns, so no rate can be read from it; try three: lr=0.01, "
                  "lr=0.003, lr=0.001")


def _streams(values) -> Iterator[Stream]:
    for value in values:
        if isinstance(value, Stream):
            yield value
        elif isinstance(value, list):
            yield from _streams(value)


def read(rates: list[float], losses: list[float], burst: bool = False) -> Found:
    """What a curve of losses over rising rates says."""
    smooth = smoothed(losses)
    lowest = min(range(len(smooth)), key=smooth.__getitem__)
    slopes = [smooth[min(i + 1, len(smooth) - 1)] - smooth[max(i - 1, 0)] for i in range(max(lowest, 1))]
    steepest = min(range(len(slopes)), key=slopes.__getitem__)
    return Found(rates, losses, smooth, _round(rates[lowest] / 10), rates[lowest], rates[steepest], burst)


def smoothed(values: list[float]) -> list[float]:
    """Each value as the mean of its neighbours, weighed by a bell; unlike a running mean it does not come late."""
    done = []
    for i in range(len(values)):
        near = range(max(0, i - round(3 * WIDE)), min(len(values), i + round(3 * WIDE) + 1))
        weights = [math.exp(-((j - i) / WIDE) ** 2 / 2) for j in near]
        done.append(sum(w * values[j] for w, j in zip(weights, near, strict=True)) / sum(weights))
    return done


def _round(rate: float) -> float:
    """To two digits: more would pretend."""
    return float(f"{rate:.1e}")
