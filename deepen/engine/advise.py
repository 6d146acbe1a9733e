"""What to try next, read from the curve of a run; and the command line that asks for a run again, or changed."""
import shlex
from pathlib import Path
from typing import Any

from deepen.core.recipe import fields_of
from deepen.core.words import say
from deepen.engine import find
from deepen.engine.fit import Flags
from deepen.engine.until import better


def advise(run) -> tuple[str, str] | None:
    """(the command of the next experiment, why), or None where the curve says nothing. Only settings that the system
    has are changed."""
    asked, events = run.asked(), run.events()
    kind = find.system(asked["asked"]["system"])
    recipe = {name: asked["recipe"].get(name, one.default) for name, one in fields_of(kind).items()}
    score = next((event.facts["score"] for event in events if event.event == "started"), kind.score)
    scores = [(event.step, event.facts.get(score)) for event in events if event.event == "evaluated"]
    scores = [(step, value) for step, value in scores if value is not None]
    end = next((event for event in reversed(events) if event.event == "finished"), None)
    if end is None or len(scores) < 3:
        return None
    steps, half = end.step, [value for step, value in scores if step <= end.step / 2]
    best_step, best = scores[0]
    for step, value in scores[1:]:
        if better(score, value, best):
            best_step, best = step, value
    losses = [event.facts["loss"] for event in events if event.event == "stepped" and event.facts.get("loss") is not None]
    if "lr" in recipe and losses and losses[-1] > 1.5 * min(losses):
        changes, why = {"lr": float(f"{recipe['lr'] / 10:.1g}")}, say("the loss rose again: the learning rate is too high")
    elif best_step < 0.7 * steps and better(score, best, scores[-1][1]):
        changes, why = _less(recipe, best_step / steps), say(
            "the best score came at step {step} of {steps} and then fell: it began to learn by heart",
            step=f"{best_step:,}", steps=f"{steps:,}")
    elif best_step > 0.85 * steps and half and "epochs" in recipe and _gained(half[-1], scores[-1][1]):
        changes, why = {"epochs": _plain(2 * recipe["epochs"])}, say("the score was still rising when it ended")
    elif "lr" in recipe and recipe["lr"]:
        changes, why = {"lr": float(f"{recipe['lr'] / 3:.1g}")}, say(
            "the score levelled off: another learning rate shows whether more is in it")
    else:
        return None
    return (again(asked, changes), why) if changes else None


def _less(recipe: dict[str, Any], share: float) -> dict[str, Any]:
    """One change against learning by heart."""
    if not recipe.get("augment", "-"):
        return {"augment": "shift 1; rotate 10"}
    if recipe.get("decay") == 0:
        return {"decay": 0.01}
    if "epochs" in recipe:
        return {"epochs": _plain(max(1, round(share * recipe["epochs"])))}
    return {}


def _gained(before: float, after: float) -> bool:
    return abs(after - before) > 0.002 * max(abs(after), 1e-9)


def again(asked: dict[str, Any], changes: dict[str, Any] | None = None) -> str:
    """The command line that asks for the run of `asked` (its run.toml) again, with `changes` to the recipe."""
    kind = find.system(asked["asked"]["system"])
    words = ["deepen", "train", str(asked["asked"]["what"])]
    defaults = {name: one.default for name, one in fields_of(kind).items()}
    words += [f"{key}={_plain(value)}" for key, value in {**asked["recipe"], **(changes or {})}.items()
              if key not in defaults or value != defaults[key]]
    words += _data(asked, kind)
    if goal := asked["asked"].get("goal"):
        metric, _, wanted = goal.split()
        words.append(f"goal={metric}:{wanted}")
    usual = {name: one.default for name, one in fields_of(Flags).items()}
    words += [f"--{key.replace('_', '-')} {value}" for key, value in asked.get("flags", {}).items()
              if key in usual and value != usual[key]]
    return " ".join(word if word.startswith("--") else shlex.quote(word) for word in words)


def _data(asked: dict[str, Any], kind) -> list[str]:
    """`data=` and `data.…` words, where they are not what would be taken anyway."""
    given = {key: value for key, value in asked["data"].items() if key != "origin"}
    source = given.pop("source")
    what, words = str(asked["asked"]["what"]), []
    named = what in (source, given.get("path")) or Path(what).expanduser().exists() and not what.endswith(".py")
    path = given.pop("path", None)
    if not named and (path or source != kind.default_data):
        words.append(f"data={path or source}")
    usual = {name: one.default for name, one in fields_of(find.source(source)).items()}
    return words + [f"data.{key}={_plain(value)}" for key, value in given.items()
                    if key not in usual or value != usual[key]]


def _plain(value):
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else value
