"""Which examples are learned from, which validate and which test: seeded, disjoint, the classes in proportion."""
from collections.abc import Sequence

import torch
from torch import Tensor

from deepen.core.data import Examples, spread
from deepen.core.words import Problem


def shares(target: Tensor | None, size: int, valid: float, test: float, seed: int, groups: Tensor | None = None,
           order: Tensor | None = None, folds: int = 0, fold: int = 1) -> dict[str, Tensor]:
    """Row numbers of "train", "valid" and "test", each in ascending order; a share of 0 makes no split.

    target  (size,) int64 classes that every split should hold in proportion; None or floats: chance alone
    groups  (size,) int64, any numbers: rows of one group are never parted (a patient's pictures, copies of a picture;
            `united` joins several such rules into one)
    order   (size,) numbers that grow with time: the newest rows are the test, those before them valid; equal ones stay
            together, and a group goes where its newest row goes
    folds   k > 0: the rows beside the test are dealt into k parts and part `fold` (1 … k) is valid, so over the k folds
            every row is valid once; `valid` is not used, and the test is the same in every fold

    `Problem` when there are too few rows, groups or times for the splits asked.
    """
    if folds and not (folds > 1 and 1 <= fold <= folds):
        raise Problem("fold {fold} of {folds} is not possible; give folds=2 or more and fold from 1 to folds",
                      fold=fold, folds=folds)
    if folds and order is not None:
        raise Problem("rows in the order of time cannot be dealt into folds; leave out folds, or the order")
    held = {name: max(1, round(share * size))
            for name, share in (("test", test), ("valid", 0 if folds else valid)) if share > 0}
    left = size - sum(held.values())
    if left < max(1, folds):
        raise Problem("valid={valid} and test={test} leave none of the {size} examples to learn from; "
                      "give smaller shares", valid=valid, test=test, size=size) if not folds else \
            Problem("{count} examples are too few for {folds} folds; give fewer folds", count=left, folds=folds)
    wanted = [*held.values(), *([left] if not folds else _even(left, folds))]
    part = _by_time(order, wanted, groups) if order is not None else _dealt(target, size, wanted, seed, groups)
    names = [*held, *(["train"] if not folds else ["valid" if k == fold else "train" for k in range(1, folds + 1)])]
    return {name: torch.isin(part, torch.tensor([k for k, own in enumerate(names) if own == name])).nonzero()[:, 0]
            for name in ("train", "valid", "test") if name in names}


def split(examples: Examples, valid: float, test: float, seed: int) -> dict[str, Examples]:
    """The examples as "train", "valid" and "test"."""
    rows = shares(examples.target, len(examples), valid, test, seed)
    return {name: examples.part(part) for name, part in rows.items()}


def united(size: int, *rules: Tensor | Sequence[Sequence[int]]) -> Tensor:
    """One group number a row, (size,) int64: rows that any of the rules holds together have the same.

    A rule is a tensor (size,) of group numbers, or a list of lists of row numbers that belong together."""
    numbered = [torch.unique(rule, return_inverse=True)[1] if isinstance(rule, Tensor) else _numbers(size, rule)
                for rule in rules]
    least = torch.arange(size)
    while True:                                     # every row takes the least number in its group, until none changes
        before = least
        for rule in numbered:
            of_group = torch.full((size,), size).scatter_reduce(0, rule, least, "amin")
            least = of_group[rule]
        if torch.equal(before, least):
            return torch.unique(least, return_inverse=True)[1]


def _numbers(size: int, together: Sequence[Sequence[int]]) -> Tensor:
    number = torch.arange(size)
    for rows in together:
        number[list(rows)] = min(rows)
    return number


def _even(count: int, parts: int) -> list[int]:
    return [(k + 1) * count // parts - k * count // parts for k in range(parts)]


def _dealt(target: Tensor | None, size: int, wanted: list[int], seed: int, groups: Tensor | None) -> Tensor:
    """The part 0 … len(wanted)-1 of every row, as near to the wanted sizes as whole groups allow."""
    part, alone = torch.full((size,), len(wanted) - 1), torch.arange(size)
    have = torch.zeros(len(wanted), dtype=torch.int64)
    if groups is not None:
        group = torch.unique(groups, return_inverse=True)[1]
        count = group.bincount()
        if len(count) < len(wanted):
            raise Problem("there are only {count} groups and {parts} splits, and a group is never parted; give fewer "
                          "splits or more groups", count=len(count), parts=len(wanted))
        if len(count) < size:
            part = _dealt_groups(target, group, count, wanted, seed)
            alone = (part < 0).nonzero()[:, 0]
            have = part[part >= 0].bincount(minlength=len(wanted))
    rows = alone[spread(None if target is None else target[alone], len(alone), seed)]
    need = [max(0, want - own) for want, own in zip(wanted, have.tolist(), strict=True)]
    for number, rest in enumerate(need):            # neighbouring parts of a spread are all in proportion
        take = min(rest, len(rows)) if number < len(need) - 1 else len(rows)
        part[rows[:take]], rows = number, rows[take:]
    if groups is not None:
        _fill_empty(part, groups, len(wanted))
    return part


def _dealt_groups(target: Tensor | None, group: Tensor, count: Tensor, wanted: list[int], seed: int) -> Tensor:
    """The part of every row whose group has more than one; -1 for the others.

    Large groups first, each to the part where it lessens Σ (has - wants)² / wants most, over the classes and the size.
    """
    size, classed = len(group), isinstance(target, Tensor) and not target.is_floating_point()
    label = torch.unique(target, return_inverse=True)[1] if classed else torch.zeros(size, dtype=torch.int64)
    total = label.bincount()
    share = torch.tensor(wanted, dtype=torch.float64) / size                        # (parts,)
    wants = [(total * one).tolist() for one in share.tolist()]                       # parts × classes
    sizes = [float(one) for one in wanted]
    has, filled = [[0.0] * len(total) for _ in wanted], [0.0] * len(wanted)
    pairs, times = torch.unique(torch.stack([group, label], 1)[count[group] > 1], dim=0, return_counts=True)
    holds: dict[int, list[tuple[int, int]]] = {}
    for (number, kind), many in zip(pairs.tolist(), times.tolist(), strict=True):
        holds.setdefault(number, []).append((kind, many))
    chance = torch.randperm(len(count), generator=torch.Generator().manual_seed(seed)).tolist()
    many_in = count.tolist()
    where = torch.full((len(count),), -1)
    for number in sorted(holds, key=lambda g: (-many_in[g].bit_length(), chance[g])):      # about equal ones: by chance
        own = many_in[number]

        def gain(p: int, held=holds[number], own=own) -> float:
            return own * (2 * (filled[p] - sizes[p]) + own) / sizes[p] + sum(
                n * (2 * (has[p][k] - wants[p][k]) + n) / wants[p][k] for k, n in held)

        best = min(range(len(wanted)), key=gain)
        where[number] = best
        filled[best] += own
        for kind, many in holds[number]:
            has[best][kind] += many
    return where[group]


def _fill_empty(part: Tensor, groups: Tensor, parts: int) -> None:
    """A split that got no group takes the smallest one of the split with the most groups."""
    number = torch.unique(groups, return_inverse=True)[1]
    where = torch.zeros(int(number.max()) + 1, dtype=torch.int64).scatter(0, number, part)
    size = number.bincount()
    for empty in range(parts):
        if not (where == empty).any():
            mine = (where == where.bincount(minlength=parts).argmax()).nonzero()[:, 0]
            where[mine[size[mine].argmin()]] = empty
    part.copy_(where[number])


def _by_time(order: Tensor, wanted: list[int], groups: Tensor | None) -> Tensor:
    """The part of every row: the first part the newest, the last the oldest; equal times stay together."""
    time = torch.unique(order, return_inverse=True)[1]
    if groups is not None:
        number = torch.unique(groups, return_inverse=True)[1]
        newest = torch.zeros(int(number.max()) + 1, dtype=torch.int64).scatter_reduce(0, number, time, "amax")
        time = torch.unique(newest[number], return_inverse=True)[1]
    before = torch.cat([torch.zeros(1, dtype=torch.int64), time.bincount().cumsum(0)])      # rows older than time t
    moments = len(before) - 1
    if moments < len(wanted):
        raise Problem("there are only {count} different times and {parts} splits, and equal times are never parted; "
                      "give fewer splits", count=moments, parts=len(wanted))
    part, end, newer = torch.full_like(time, len(wanted) - 1), moments, int(before[-1])
    for number, want in enumerate(wanted[:-1]):
        newer -= want
        least = len(wanted) - 1 - number                                    # times the older parts need
        start = least + int((before[least:end] - newer).abs().argmin())     # the moment nearest to the share asked
        part[(time >= start) & (time < end)] = number
        end = start
    return part
