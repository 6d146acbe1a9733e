"""Validate: open the sealed test set (counted), say how sure the metrics are, and show what went most wrong.

Everything here goes by the kind of the target, never by the system: classes and numbers have mistakes, intervals and a
weakest class; for other kinds the metrics alone are told.
"""
import json
import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label, Number, Row, from_card
from deepen.core.recipe import fields_of
from deepen.core.words import Failure, Problem, say
from deepen.engine import find
from deepen.engine.fit import judge, quiet
from deepen.engine.start import open_data, revive, source_asked
from deepen.engine.translate import translated
from deepen.engine.until import Goal
from deepen.nn import metrics
from deepen.sources._alike import data_like

TURNS, CELLS = 400, 200_000_000      # bootstrap samples, fewer where so many numbers would be drawn again


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


@dataclass(frozen=True)
class Validation:
    """What a validation found."""
    data: str
    split: str
    opened: int                                     # how often this run's test set has been opened, this time included
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]       # 95 %
    weakest: tuple[str, float, int] | None
    mistakes: list[Mistake] = field(default_factory=list)
    examples: int = 0
    seconds: float = 0.0
    goal: dict[str, Any] = field(default_factory=lambda: {"text": None, "met": None})
    said: tuple[str, ...] = ()                      # what was used instead, what was left out


def validate(run, data: str | None = None, split: str | None = None, count: int = 6) -> Validation:
    """Judge the model of `run` on its test split (another one with `split`), or on other `data` (a source or a path).

    Every opening of the run's own test set is written into `validations.jsonl` and counted."""
    began = time.monotonic()
    system, said = with_data(run, data), tuple[str, ...]()
    if data is not None:
        split, said = "test", system.data.said
    elif split is None:
        split = "test"
        if "test" not in system.data.splits and system.data.world is None:
            split = "valid"
            said = (say("this data has no test split: the validation split was used, which chose the model"),)
    if system.data.world is None:
        system.data.split(split)
    measured = judge(system, split)
    if system.data.world is None and answerable(system):
        answers, target = answers_of(system, split)
        found, weak = mistakes_in(system, split, answers, target, count), weakest_in(system.data.target, answers, target)
        between = intervals(system.data.target, answers, target, measured)
    else:
        found, weak, between = [], None, {}
    goal = run.asked()["asked"].get("goal")
    asked = Goal.read(goal) if goal else None
    opened = _opened(run) + (split == "test" and data is None)
    result = Validation(system.data.origin, split, opened, measured, between, weak, found,
                        len(system.data.splits.get(split, ())), time.monotonic() - began,
                        {"text": goal, "met": asked.met(measured) if asked else None}, said)
    _write(run, result, data)
    return result


def with_data(run, data: str | None = None):
    """The trained system of a run with the data it learned from, opened again; or with other data, put into its kinds."""
    asked = {key: value for key, value in run.asked()["data"].items() if key != "origin"}
    if data is None:
        return revive(run, open_data(asked)[0])
    return revive(run, _other(run.card(), asked, data))


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
    names = getattr(examples, "names", None)
    return [Mistake(row, kind.show(target[row]), kind.show(said[row]), None if sure is None else sure[row].item(),
                    pictures[place].cpu(),
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


# how sure

def intervals(kind, answers: Tensor, target: Tensor, measured: dict[str, float]) -> dict[str, tuple[float, float]]:
    """95 % bootstrap intervals of the metrics that can be computed from answers alone; a metric whose plain formula
    does not give what the system measured (it measures something else by that name) gets none."""
    formulas = ({"loss": metrics.nll, "accuracy": metrics.accuracy, "top5": metrics.top5, "f1": metrics.f1,
                 "auc": metrics.auc, "ece": metrics.ece} if isinstance(kind, Label)
                else {"rmse": metrics.rmse, "mae": metrics.mae, "r2": metrics.r2})
    turns = max(40, min(TURNS, CELLS // answers.numel()))
    return {name: metrics.interval(formula, answers, target, turns) for name, formula in formulas.items()
            if name in measured and math.isclose(float(formula(answers, target)), measured[name], rel_tol=1e-3, abs_tol=1e-4)}


# the count of openings

def validations(run) -> list[dict[str, Any]]:
    """Every validation of a run, oldest first."""
    try:
        text = (run.path / "validations.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _opened(run) -> int:
    return sum(told["split"] == "test" and told["asked"] is None for told in validations(run))


def _write(run, found: Validation, asked: str | None) -> None:
    line = {"t": round(time.time(), 3), "data": found.data, "asked": asked, "split": found.split,
            "examples": found.examples, "metrics": found.metrics, "intervals": found.intervals}
    try:
        with (run.path / "validations.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:
        raise Failure("{path} cannot be written: {reason}", path=run.path / "validations.jsonl",
                      reason=error.strerror) from None


# other data

def _other(card: dict[str, Any], asked: dict[str, Any], what: str) -> Data:
    """Other data than a run learned from, read the same way, in the kinds of the model, as one split `test`."""
    other = source_asked(what)
    inputs, target = from_card(card["inputs"]), from_card(card["target"])
    if other["source"] == "table" and isinstance(inputs, Row):
        name = target.name if isinstance(target, Number) else asked.get("target")
        return data_like(inputs, target, Path(other["path"]), name, asked.get("encoding"))
    same = fields_of(find.source(other["source"]))
    kept = {key: value for key, value in asked.items() if key in same and key not in ("source", "path")}
    shares: dict[str, Any] = {key: 0 for key in ("valid", "test") if key in same}
    data, _ = open_data({**kept, **shares, **other})
    said = list(data.said)
    if "test" in data.splits:
        examples = data.splits["test"]
        said.append(say("only its test part was used"))
    else:
        examples = _joined(data)
    examples, told = translated(examples, data, inputs, target)
    return replace(data, splits={"test": examples}, inputs=inputs, target=target, said=(*said, *told))


def _joined(data: Data) -> Examples:
    parts = [split for split in data.splits.values() if len(split)]
    if len(parts) == 1:
        return parts[0]
    names = [name for part in parts for name in part.names or ()]
    return Examples(torch.cat([part.inputs for part in parts]), torch.cat([part.target for part in parts]),
                    names or None)
