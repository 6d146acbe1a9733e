"""Data: named splits of examples (or a world), and the kinds of what goes in and what is asked.

A split has a length and answers `[rows] -> (inputs, target)` for a tensor of row numbers. Examples that fit in memory
are tensors (`Examples`), so a batch is one index.
"""
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from deepen.core.words import Problem

VALUES = 5_000_000          # numbers in a batch to judge


class Examples:
    """Examples in memory: inputs (N, …) and target (N, …), a list for ragged targets, or None."""

    def __init__(self, inputs: Tensor, target=None, names: Sequence[str] | None = None):
        if target is not None and len(inputs) != len(target):
            raise Problem("{inputs} inputs came with {targets} targets", inputs=len(inputs), targets=len(target))
        self.inputs, self.target = inputs, target
        self.names = names                      # where each example came from, for people

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, rows):
        if isinstance(self.target, list) and not isinstance(rows, slice):
            return self.inputs[rows], [self.target[i] for i in rows]
        target = None if self.target is None else self.target[rows]
        return self.inputs[rows], target

    def to(self, device) -> "Examples":
        target = self.target.to(device) if isinstance(self.target, Tensor) else self.target
        return Examples(self.inputs.to(device), target, self.names)

    def part(self, rows: Tensor) -> "Examples":
        """The examples at `rows`, as examples of their own."""
        names = None if self.names is None else [self.names[i] for i in rows.tolist()]
        inputs, target = self[rows]
        return Examples(inputs, target, names)


def joined(first: Examples, second: Examples) -> Examples:
    """The examples of both, in order."""
    names = None if first.names is None or second.names is None else [*first.names, *second.names]
    target = ([*first.target, *second.target] if isinstance(first.target, list) else
              None if first.target is None else torch.cat([first.target, second.target]))
    return Examples(torch.cat([first.inputs, second.inputs]), target, names)


class Sealed:
    """A split that may not be looked at: `fit` and `search` get the test set like this."""

    def __init__(self, size: int):
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, rows):
        raise Problem("the test split is sealed while a system learns; `deepen validate RUN` opens it")


@dataclass(frozen=True)
class Data:
    """Named splits ("train", "valid", "test") or a world, with the kinds of the input and of the target."""
    splits: Mapping[str, Any]
    inputs: Any
    target: Any = None              # None: a batch's target is None
    world: Any = None               # make(n, seed): n environments or games stepped together
    origin: str = ""                # how to get it again: "mnist(size=28)"
    said: tuple[str, ...] = ()      # what was guessed or left out, one sentence each

    def __post_init__(self):
        object.__setattr__(self, "splits", MappingProxyType(dict(self.splits)))

    def split(self, name: str) -> Any:
        if name not in self.splits:
            raise Problem("there is no split {name} here; there are: {names}",
                          name=name, names=", ".join(self.splits) or "none")
        return self.splits[name]

    def stream(self, split: str, batch: int, epochs: float, seed: int | None = None) -> "Stream":
        """An endless shuffle of `epochs` epochs in batches of exactly `batch`; knows its place."""
        return Stream(self.splits.get(split, ()), batch, epochs, torch.initial_seed() if seed is None else seed)

    def batches(self, split: str, batch: int | None = None) -> Iterator[tuple]:
        """The split once, in order, in batches: of 1,000, of fewer where one example is large."""
        examples = self.split(split)
        batch = batch or max(8, min(1000, VALUES // max(1, math.prod(getattr(self.inputs, "shape", ())))))
        for start in range(0, len(examples), batch):
            yield examples[torch.arange(start, min(start + batch, len(examples)))]

    def part(self, fraction: float, seed: int = 0) -> "Data":
        """A fraction of train (stratified; nested: a tenth is inside a fifth); the other splits stay whole."""
        train = self.split("train")
        if fraction >= 1:
            return self
        rows = spread(train.target if isinstance(train, Examples) else None, len(train), seed)
        rows = rows[: max(1, round(fraction * len(train)))]
        return replace(self, splits={**self.splits, "train": train.part(rows)},
                       origin=f"{self.origin} part={fraction:g}")

    def fold(self, fold: int, folds: int, seed: int = 0) -> "Data":
        """Cross-validation: train and valid joined and dealt again into `folds` parts in proportion; part `fold`
        (1…folds) is the new valid, so every example is validated once over the folds. The test stays what it was."""
        if not 1 <= fold <= folds:
            raise Problem("fold {fold} is outside 1…{folds}", fold=fold, folds=folds)
        parts = [self.splits[name] for name in ("train", "valid") if len(self.splits.get(name, ()))]
        if not all(isinstance(part, Examples) for part in parts) or not parts:
            raise Problem("{data} cannot be dealt into folds: its examples are not in memory", data=self.origin)
        whole = parts[0] if len(parts) == 1 else joined(*parts)
        if len(whole) < folds:
            raise Problem("{count} examples cannot be dealt into {folds} folds", count=len(whole), folds=folds)
        rows = spread(whole.target, len(whole), seed)
        ends = [round(len(rows) * k / folds) for k in range(folds + 1)]
        held, kept = rows[ends[fold - 1]: ends[fold]], torch.cat([rows[: ends[fold - 1]], rows[ends[fold]:]])
        splits = {**self.splits, "train": whole.part(kept.sort().values), "valid": whole.part(held.sort().values)}
        return replace(self, splits=splits, origin=f"{self.origin} fold={fold}/{folds}")

    def sealed(self) -> "Data":
        """The same data with a test split that raises when it is read."""
        return replace(self, splits={name: Sealed(len(split)) if name == "test" else split
                                     for name, split in self.splits.items()})

    def to(self, device) -> "Data":
        return replace(self, splits={name: split.to(device) if hasattr(split, "to") else split
                                     for name, split in self.splits.items()})

    def bare(self) -> "Data":
        """The kinds without the examples: enough to rebuild a trained system."""
        return Data({}, self.inputs, self.target, None, self.origin)


class Stream:
    """Batches of a split, for a number of epochs, that can be left and entered again at the same place.

    The order depends on (seed, epoch) alone. Epochs follow each other without a seam: every batch is full, and every
    example comes once an epoch. `consumed` counts examples over all ranks; each rank takes its slice of a batch.
    """

    def __init__(self, examples: Any, batch: int, epochs: float, seed: int):
        self.examples, self.batch, self.epochs, self.seed = examples, batch, epochs, seed
        self.total = math.ceil(epochs * len(examples) - 1e-6)              # 1.1 * 10 is 11.000000000000002
        self.consumed = 0
        self._epoch, self._order = -1, torch.zeros(0, dtype=torch.long)

    def __len__(self) -> int:
        """Batches in all, from the first."""
        full, rest = divmod(self.total, self.batch)
        return full + (rest > 1 or not full) if self.total else 0

    @property
    def epoch(self) -> int:
        """Which time through the data the newest batch belongs to, from 0."""
        return max(0, self.consumed - 1) // max(1, len(self.examples))

    def __iter__(self) -> Iterator[tuple]:
        rank, ranks = place_among_ranks()
        while self.consumed < self.total:
            left = self.total - self.consumed
            alone = left == self.batch + 1 > 2                         # no last batch of one: norms need two
            size = left if alone else min(left, self.batch)
            rows = self._rows(self.consumed, size)
            self.consumed += size
            yield self.examples[rows[rank::ranks]]

    def _rows(self, start: int, size: int) -> Tensor:
        pieces = []
        while size:
            epoch, at = divmod(start, len(self.examples))
            if epoch != self._epoch:
                order = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
                self._epoch, self._order = epoch, torch.randperm(len(self.examples), generator=order)
            pieces.append(self._order[at: at + size])
            start, size = start + len(pieces[-1]), size - len(pieces[-1])
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def state_dict(self) -> dict:
        return {"consumed": self.consumed, "seed": self.seed}

    def load_state_dict(self, state: dict) -> None:
        self.consumed, self.seed, self._epoch = state["consumed"], state["seed"], -1


def place_among_ranks() -> tuple[int, int]:
    """(rank, number of ranks) of a distributed run; (0, 1) alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def spread(target: Tensor | None, size: int, seed: int) -> Tensor:
    """All row numbers, shuffled so that every prefix holds the classes in proportion (when target is classes)."""
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    if not isinstance(target, Tensor) or target.is_floating_point() or target.ndim != 1:
        return order
    labels = target.cpu()[order]
    place = torch.empty(size, dtype=torch.float64)
    for label in labels.unique():
        mine = (labels == label).nonzero()[:, 0]
        place[mine] = (torch.arange(len(mine), dtype=torch.float64) + 0.5) / len(mine)
    return order[place.argsort(stable=True)]


def hold_out(target: Tensor | None, size: int, fraction: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """(rows kept, rows held out): a seeded share of the rows, the classes in proportion, each in ascending order."""
    rows = spread(target, size, seed)
    held = round(fraction * size)
    return rows[held:].sort().values, rows[:held].sort().values
