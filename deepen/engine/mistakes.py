"""Where a system is wrong: its answers on a split, the worst mistakes, the class that is found least.

Everything here goes by the kind of the target, never by the system.
"""
from dataclasses import dataclass

import torch
from torch import Tensor

from deepen.core.kinds import Label, Number
from deepen.core.words import Problem, say
from deepen.engine.fit import quiet


@dataclass(frozen=True)
class Mistake:
    """An example the system got wrong: which row, what it was, what was said and how surely (None: a number)."""
    row: int
    was: str
    said: str
    sure: float | None
    input: Tensor
    where: str              # its file, or its place in the split
    shown: str = ""         # the input in words, where it is no picture


def mistakes(system, split: str = "valid", count: int = 9) -> list[Mistake]:
    """The `count` worst mistakes on a split: the most confident wrong answers, or the largest errors of numbers."""
    if not answerable(system):
        return []
    return mistakes_in(system, split, *answers_of(system, split), count)


def weakest(system, split: str = "valid") -> tuple[str, float, int] | None:
    """(class, share of its examples that is found, how many there are) of the worst class; None without classes."""
    if not answerable(system):
        return None
    return weakest_in(system.data.target, *answers_of(system, split))


def found_wrong(system, split: str, count: int) -> tuple[list[Mistake], tuple[str, float, int] | None]:
    """`mistakes` and `weakest` with the split predicted once."""
    if not answerable(system):
        return [], None
    told = answers_of(system, split)
    return mistakes_in(system, split, *told, count), weakest_in(system.data.target, *told)


def answerable(system) -> bool:
    """Does the system answer with the kind of its data's target, and can that be compared one by one?"""
    target = system.data.target
    return isinstance(target, (Label, Number)) and isinstance(target, system.goal[1])


def answers_of(system, split: str) -> tuple[Tensor, Tensor]:
    """(answers, target) of a whole split, on the CPU: (N, classes) and (N,), or (N,) and (N,) for numbers."""
    answers, targets = [], []
    with quiet(system):
        for x, y in system.data.batches(split):
            answers.append(torch.as_tensor(system.predict(x)).detach().float().cpu())
            targets.append(y.cpu())
    if not answers:
        raise Problem("the {split} split is empty: there is nothing to judge", split=split)
    target = torch.cat(targets)
    return torch.cat(answers).reshape(len(target), -1).squeeze(1) if isinstance(system.data.target, Number) \
        else torch.cat(answers), target


def mistakes_in(system, split, answers, target, count) -> list[Mistake]:
    """`mistakes`, from answers at hand."""
    kind, inputs = system.data.target, system.data.inputs
    if isinstance(kind, Label):
        sure, said = answers.max(1)
        wrong = (said != target).nonzero()[:, 0]
        rows = wrong[sure[wrong].argsort(descending=True, stable=True)][:count]
    else:
        said, sure = answers, None
        rows = (answers - target).abs().argsort(descending=True, stable=True)[:count]
    if not len(rows):
        return []
    examples = system.data.split(split)
    pictures = examples[rows.to(getattr(getattr(examples, "inputs", None), "device", "cpu"))][0]
    names, seen = getattr(examples, "names", None), getattr(inputs, "seen", lambda value: value)
    return [Mistake(row, kind.show(target[row]), kind.show(said[row]), None if sure is None else sure[row].item(),
                    seen(pictures[place].cpu()),
                    names[row] if names else say("row {row} of {split}", row=row, split=split),
                    "" if pictures[place].ndim == 3 else inputs.show(pictures[place].cpu()))
            for place, row in enumerate(rows.tolist())]


def weakest_in(kind, answers, target) -> tuple[str, float, int] | None:
    """`weakest`, from answers at hand."""
    if not isinstance(kind, Label):
        return None
    count = target.bincount(minlength=len(kind.names))
    found = target[answers.argmax(1) == target].bincount(minlength=len(kind.names))
    recall = torch.where(count > 0, found / count.clamp(min=1), torch.inf)
    worst = int(recall.argmin())
    return kind.names[worst], recall[worst].item(), int(count[worst])
