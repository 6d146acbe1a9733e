"""The part of a report that says what borrowed weights brought: the runs beside this one that differ in nothing else."""
import math
from collections.abc import Mapping
from html import escape
from statistics import mean, variance
from typing import Any

from deepen.core.words import say
from deepen.engine import charts
from deepen.engine.advise import again
from deepen.engine.run import Run, runs
from deepen.nn.metrics import BETTER

BORROWED = {"weights": "", "freeze": "none", "layer_decay": 1.0}        # settings, and what they are without transfer
OWN = {**BORROWED, "lr": None}          # and the rate: what was taught wants a lower one
STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)       # t of 95 % by degrees of freedom: two runs tell little
Groups = dict[tuple, list[float]]


def brought(run: Run, score: str, number) -> str:
    """Bars of the score of every way to begin that was tried on this data, and the margin over beginning from scratch."""
    asked = run.asked()
    if not asked["recipe"].get("weights") or "freeze" not in asked["recipe"] or score not in run.metrics:   # eyes are no beginning
        return ""
    groups = alike(run, asked, score)
    best = sorted(groups, key=lambda way: -BETTER[score] * mean(groups[way]))
    scratch, mine = next((groups[way] for way in best if not way[0]), []), groups[_way(asked["recipe"])]
    rows = [(_named(way, len({way[-1] for way in groups}) > 1), mean(groups[way]), min(groups[way]), max(groups[way]),
             say("{value} ({count} runs)", value=number(score, mean(groups[way])), count=len(groups[way]))) for way in best]
    if not scratch:
        told = say("To see what the weights bring, train the same without them; this page then shows both:")
        return f"<p>{escape(told)}</p><pre>{escape(again(asked, BORROWED))}</pre>"
    return f"<p>{escape(_margin(mine, scratch, score, number))}</p>{charts.spans(rows)}"


def alike(run: Run, asked: Mapping[str, Any], score: str) -> Groups:
    """The score of each finished run in the same folder that differs from this one in the beginning, its rate and the seed
    alone, by the way it began: (weights, freeze, layer_decay, lr)."""
    groups: Groups = {_way(asked["recipe"]): [run.metrics[score]]}
    for other in runs(run.path.parent):
        theirs = other.asked()
        if other.path != run.path and _rest(theirs) == _rest(asked):
            valid = (other.finished() or {}).get("valid") or {}
            if score in valid:
                groups.setdefault(_way(theirs["recipe"]), []).append(valid[score])
    return groups


def _way(recipe: Mapping[str, Any]) -> tuple:
    return tuple(recipe.get(name, usual) for name, usual in OWN.items())


def _rest(asked: Mapping[str, Any]) -> tuple:
    """What must be the same for two runs to be compared."""
    recipe = {key: value for key, value in asked.get("recipe", {}).items() if key not in OWN}
    flags = {key: value for key, value in asked.get("flags", {}).items() if key != "seed"}
    return asked["asked"].get("system"), recipe, {k: v for k, v in asked["data"].items() if k not in ("origin", "kept")}, flags


def _named(way: tuple, rates: bool) -> str:
    weights, freeze, decay, lr = way
    more = f", lr={lr:g}" if rates and lr is not None else ""
    if not weights:
        return say("from scratch") + more
    name = {"none": say("weights, all learns"), "start": say("weights, the head first"), "gradual": say("weights, block by block"),
            "body": say("weights, the head alone")}.get(freeze, freeze)
    return name + (f", layer_decay={decay:g}" if decay != 1 else "") + more


def _margin(mine: list[float], scratch: list[float], score: str, number) -> str:
    """The difference of the means with its 95 % interval, where there are runs enough to tell."""
    gap = BETTER[score] * (mean(mine) - mean(scratch))
    values = {"metric": score, "value": number(score, mean(mine)), "other": number(score, mean(scratch)),
              "margin": f"{'+' if gap >= 0 else '−'}{number(score, abs(gap))}"}
    if min(len(mine), len(scratch)) < 2:
        return say("{metric} is {value} with these weights and {other} without: {margin}. One run each may be luck: more seeds tell.",
                   **values)
    freedom = min(len(mine), len(scratch), len(STUDENT) + 1) - 1             # the lesser of both: rather too wide than too narrow
    spread = STUDENT[freedom - 1] * math.sqrt(variance(mine) / len(mine) + variance(scratch) / len(scratch))
    if abs(gap) <= spread:
        return say("{metric} is {value} with these weights and {other} without: {margin} ± {spread}, which may be luck.",
                   spread=number(score, spread), **values)
    return say("{metric} is {value} with these weights and {other} without: {margin} ± {spread}.", spread=number(score, spread), **values)
