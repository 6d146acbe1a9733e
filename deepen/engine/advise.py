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
    scores = [(event.step, event.facts[score]) for event in events
              if event.event == "evaluated" and event.facts.get(score) is not None]
    end = next((event for event in reversed(events) if event.event == "finished"), None)
    if end is None or len(scores) < 3:
        return None
    steps, half = end.step, [value for step, value in scores if step <= end.step / 2]
    best_step, best = scores[0]
    for step, value in scores[1:]:
        if better(score, value, best):
            best_step, best = step, value
    examples = asked.get("made", {}).get("examples", {}).get("valid", 0)
    epochs = recipe.get("epochs") or _epochs(asked, events)
    judged = any("loss" in event.facts for event in events if event.event == "evaluated")  # else it is no measure: a game
    losses = [event.facts["loss"] for event in events
              if judged and event.event == "stepped" and event.facts.get("loss") is not None]
    changes: dict[str, Any] = {}
    flags: dict[str, Any] = {}
    if recipe.get("lr") and losses and losses[-1] > 1.5 * min(losses):
        changes, why = {"lr": float(f"{recipe['lr'] / 10:.1g}")}, say("the loss rose again: the learning rate is too high")
    elif best_step < 0.7 * steps and better(score, best, scores[-1][1]) and _differ(best, scores[-1][1], examples):
        changes, why = _less(recipe, epochs, best_step / steps), say(
            "the best score came at step {step} of {steps} and then fell: it began to learn by heart",
            step=f"{best_step:,}", steps=f"{steps:,}")
    elif best_step > 0.85 * steps and half and "epochs" in recipe and epochs and _differ(half[-1], scores[-1][1], examples):
        changes, why = {"epochs": _rounded(2 * epochs)}, say("the score was still rising when it ended")
    elif recipe.get("lr"):
        changes, why = {"lr": float(f"{recipe['lr'] / 3:.1g}")}, say(
            "the score levelled off: another learning rate shows whether more is in it")
    else:
        flags, why = {"seed": asked["flags"].get("seed", 0) + 1}, say(
            "the score levelled off: another seed shows how much of it is luck")
    return (again(asked, changes, flags), why) if changes or flags else None


def _epochs(asked, events) -> float | None:
    """How many times the run went through its training data, where the system chose that itself."""
    seen = next((event.facts["seen"] for event in reversed(events) if event.event == "stepped"), 0)
    examples = asked.get("made", {}).get("examples", {}).get("train", 0)
    return seen / examples if seen and examples else None


def _rounded(epochs: float) -> int | float:
    return round(epochs) if epochs >= 1 else float(f"{epochs:.2g}")


def _less(recipe: dict[str, Any], epochs: float | None, share: float) -> dict[str, Any]:
    """One change against learning by heart."""
    if not recipe.get("augment", "-"):
        return {"augment": "shift 1; rotate 10"}
    if recipe.get("decay") == 0:
        return {"decay": 0.01}
    return {"epochs": _rounded(share * epochs)} if "epochs" in recipe and epochs else {}


def _differ(one: float, other: float, examples: int) -> bool:
    """Is the difference more than noise? For shares of `examples` at least two of these must have changed."""
    least = 2 / examples if examples and 0 <= one <= 1 and 0 <= other <= 1 else 0.0
    return abs(one - other) > max(least, 0.002 * abs(other))


def again(asked: dict[str, Any], changes: dict[str, Any] | None = None, flags: dict[str, Any] | None = None) -> str:
    """The command line that asks for the run of `asked` (its run.toml) again, with changes to its recipe and flags."""
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
    words += [f"--{key.replace('_', '-')} {value}" for key, value in {**asked.get("flags", {}), **(flags or {})}.items()
              if key in usual and value != usual[key]]
    return " ".join(word if word.startswith("--") else shlex.quote(word) for word in words)


def _data(asked: dict[str, Any], kind) -> list[str]:
    """`data=` and `data.…` words, where they are not what would be taken anyway."""
    given = {key: value for key, value in asked["data"].items() if key != "origin"}
    source = given.pop("source")
    what, words = str(asked["asked"]["what"]), []
    named = what in (source, given.get("path")) or (
        Path(what).expanduser().exists() and not what.endswith(".py"))
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
