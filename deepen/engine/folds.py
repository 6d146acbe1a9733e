"""Cross-validation: the same recipe once a fold, each fold held out once; what its scores say together."""
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deepen.core.words import Problem
from deepen.engine.fit import Flags
from deepen.engine.run import Run
from deepen.engine.start import start


@dataclass(frozen=True)
class Folded:
    """The runs of a cross-validation, in order, and their metrics together."""
    runs: tuple[Run, ...]
    metrics: dict[str, tuple[float, float]]     # name -> (mean over the folds, standard deviation from fold to fold)


def folds(what: str, settings: Mapping[str, Any], count: int, flags: Flags | None = None,
          watch: Callable[[int], Any] | None = None, root: str = "runs") -> Folded:
    """Train `count` runs of one recipe; run k validates on fold k and never learns from it. `watch(k)` gives what is told
    the events of run k, with a `planned`. Every test set stays sealed."""
    if count < 2:
        raise Problem("--folds={count} holds nothing out; give 2 or more", count=count)
    runs, found = [], list[dict[str, float]]()
    for fold in range(1, count + 1):
        told = watch(fold) if watch else None
        run = start(what, {**settings, "data.folds": count, "data.fold": fold}, flags, None, told, root,
                    told.planned if told else None)
        runs.append(run)
        found.append(run.metrics)
    shared = [name for name in found[0] if all(name in one for one in found)]
    return Folded(tuple(runs), {name: together([one[name] for one in found]) for name in shared})


def together(values: list[float]) -> tuple[float, float]:
    """(mean, standard deviation of a sample)."""
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / max(1, len(values) - 1))
