"""Shares of the examples for validation and test: seeded, disjoint, the classes in proportion."""
from torch import Tensor

from deepen.core.data import Examples, spread
from deepen.core.words import Problem


def shares(target: Tensor | None, size: int, valid: float, test: float, seed: int) -> dict[str, Tensor]:
    """Row numbers of "train", "valid" and "test", each in ascending order; a share of 0 makes no split."""
    held = {name: max(1, round(share * size))
            for name, share in (("test", test), ("valid", valid)) if share > 0}
    if sum(held.values()) >= size:
        raise Problem("valid={valid} and test={test} leave none of the {size} examples to learn from; "
                      "give smaller shares", valid=valid, test=test, size=size)
    rows = spread(target, size, seed)
    found = {}
    for name, count in held.items():                    # neighbouring parts of a spread are all in proportion
        found[name], rows = rows[:count].sort().values, rows[count:]
    found["train"] = rows.sort().values
    return {name: found[name] for name in ("train", "valid", "test") if name in found}


def split(examples: Examples, valid: float, test: float, seed: int) -> dict[str, Examples]:
    """The examples as "train", "valid" and "test"."""
    rows = shares(examples.target, len(examples), valid, test, seed)
    return {name: examples.part(part) for name, part in rows.items()}
