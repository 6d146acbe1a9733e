"""What to try next, from the shape of a run's curves and its verdict; and the command line that asks for a run again, or
changed."""
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepen.core.recipe import fields_of
from deepen.core.words import say
from deepen.engine import find
from deepen.engine.chance import wilson
from deepen.engine.fit import Flags
from deepen.engine.reading import Shape, curve, shape
from deepen.engine.until import Goal, better
from deepen.engine.verdict import read
from deepen.nn.metrics import BETTER

UNEVEN = 3              # times as many examples in the largest class as in the smallest, before balance is tried
OF_SMALL_CLASSES = ("f1", "balanced_accuracy")      # goals that ask for every class alike

Advice = tuple[dict[str, Any], str]                 # changes of the recipe, why


def advise(run, found: Mapping[str, Any] | None = None) -> tuple[str, str] | None:
    """(the command of the next experiment, why), or None where nothing can be said. Only settings that the system has
    are changed. `found`: the plain verdict, else the one kept in the run."""
    asked, events = run.asked(), run.events()
    if not any(event.event == "finished" for event in events):
        return None
    found = read(run) if found is None else found
    kind = find.system(asked["asked"]["system"])
    known = fields_of(kind)
    recipe = {name: asked["recipe"].get(name, one.default) for name, one in known.items()}
    score = next((event.facts["score"] for event in events if event.event == "started"), kind.score)
    advice = _balance(known, recipe, found)
    if advice is None and "learner" in known:
        return _of_learner(asked, events, recipe, found, score)
    seen = shape(events, score, asked.get("made", {}).get("examples", {}).get("valid", 0))
    if advice is None or seen.name in ("diverged", "underfit"):         # first let it learn at all
        epochs = recipe.get("epochs") or _epochs(asked, events)
        advice = _of_curves(seen, recipe, epochs, asked) or advice
    if seen.name == "level" and (name := _better_beside(found, score)):
        return _other(asked, "tabular"), say("{name} did better on the same rows, in less time", name=name)
    if advice is not None:
        return again(asked, advice[0]), advice[1]
    if seen.name in ("short", "failed"):
        return None
    return again(asked, flags={"seed": asked["flags"].get("seed", 0) + 1}), say(
        "the score levelled off: another seed shows how much of it is luck")


def _balance(known, recipe: dict[str, Any], found: Mapping[str, Any]) -> Advice | None:
    """Classes weighed alike, where one is rare, is found less than the others, and the system can."""
    learned, weak = found.get("learned") or {}, found.get("weakest")
    if "balance" not in known or found.get("unit") or not weak or len(learned) < 2 or recipe["balance"] == "balanced" \
            or "balanced" not in known["balance"].choices:
        return None
    few, many = min(learned.values()), max(learned.values())
    if few < 1 or many < UNEVEN * few:
        return None
    name, recall, count = weak
    goal = found.get("goal") or {}
    small = goal.get("met") is False and str(goal["text"]).split()[0] in OF_SMALL_CLASSES
    usual = found.get("metrics", {}).get("accuracy", 0.0)
    if small or (learned.get(name, many) * UNEVEN <= many and wilson(round(recall * count), count)[1] < usual):
        return {"balance": "balanced"}, say(
            "{name} is found least, and the classes are uneven ({few} to {many}): let every class weigh the same", name=name,
            few=f"{few:,}", many=f"{many:,}")
    return None


def _better_beside(found: Mapping[str, Any], score: str) -> str | None:
    """The plain learner that did better, if one did."""
    mine = (found.get("metrics") or {}).get(score)
    return next((name for name, metrics in (found.get("beside") or {}).items()
                 if mine is not None and score in metrics and better(score, metrics[score], mine)), None)


def _of_curves(seen: Shape, recipe: dict[str, Any], epochs: float | None, asked) -> Advice | None:
    """One change that the curves ask for; None where no setting of the system answers."""
    rate = None if recipe.get("rule") == "lbfgs" else recipe.get("lr")      # L-BFGS finds its own steps
    match seen.name:
        case "diverged" if "lr" in recipe and recipe.get("rule") != "lbfgs":
            return {"lr": _short(rate / 10) if rate else 0.001}, say("the loss rose again: the learning rate is too high")
        case "overfit":
            changes = _less(recipe, epochs, seen.turn / max(1, seen.steps), asked)
            return (changes, say("the best score came at step {step} of {steps} and then fell: it began to learn by heart",
                                 step=f"{seen.turn:,}", steps=f"{seen.steps:,}")) if changes else None
        case "underfit" if rate:
            return {"lr": _short(3 * rate)}, say("the loss hardly fell: a higher learning rate shows whether it can learn more")
        case "underfit" if "epochs" in recipe and epochs:
            return {"epochs": _rounded(3 * epochs)}, say("the loss hardly fell: give it more time")
        case "rising" if "epochs" in recipe and epochs:
            return {"epochs": _rounded(2 * epochs)}, say("the score was still getting better when it ended")
        case "level" | "rising":
            if asked["data"].get("source") == "folder" and recipe.get("augment") == "shift 1":
                return {"augment": "flip; shift 4; bright 0.2"}, say(
                    "the score levelled off: photos that are flipped, moved and lit otherwise count as more photos")
            if rate:
                return {"lr": _short(rate / 3)}, say("the score levelled off: another learning rate shows whether more is in it")
    return None


def _less(recipe: dict[str, Any], epochs: float | None, share: float, asked) -> dict[str, Any]:
    """One change against learning by heart."""
    if not recipe.get("augment", "-"):
        return {"augment": "shift 1; rotate 10"}
    if asked["data"].get("source") == "folder" and recipe.get("augment") == "shift 1":
        return {"augment": "flip; shift 4; bright 0.2"}
    if recipe.get("dropout", 1.0) < 0.2:
        return {"dropout": 0.3}
    if recipe.get("decay") == 0:
        return {"decay": 0.01}
    return {"epochs": _rounded(max(share, 0.2) * epochs)} if "epochs" in recipe and epochs and share < 1 else {}


def _of_learner(asked, events, recipe: dict[str, Any], found: Mapping[str, Any], score: str) -> tuple[str, str] | None:
    """For learners that learn in one go: boosting, then what boosting lacks, then a deep network on the same table."""
    if recipe["learner"] != "boosting":
        return again(asked, {"learner": "boosting", "depth": None, "trees": None}), say("on tables boosting is the learner to beat")
    own = curve(events, score, "stepped")
    ended: Mapping[str, Any] = next((event.facts for event in reversed(events) if event.event == "finished"), {})
    valid = (found.get("metrics") or ended.get("valid") or {}).get(score)
    if own and valid is not None and _by_heart(score, own[-1][1], valid) and recipe["depth"] is None:
        return again(asked, {"depth": 4}), say(
            "it is much better on the rows it learned from: smaller trees learn less by heart")
    if recipe["trees"] is not None:
        return again(asked, {"trees": None, "rate": None}), say("without a number it adds trees as long as validation gains")
    return _other(asked, "mlp"), say("a deep network on the same table: does it beat the trees?")


def _other(asked, system: str) -> str:
    """The same data and goal with another system."""
    return again({**asked, "asked": {**asked["asked"], "what": system, "system": system}, "recipe": {}})


def _by_heart(score: str, own: float, valid: float) -> bool:
    """Is the score on the rows learned from much better than on others?"""
    if BETTER[score] > 0:
        return own - valid > 0.05 and 1 - own < 0.5 * (1 - valid)
    return own < 0.6 * valid


def _epochs(asked, events) -> float | None:
    """How many times the run went through its training data, where the system chose that itself."""
    seen = next((event.facts["seen"] for event in reversed(events) if event.event == "stepped" and "seen" in event.facts), 0)
    examples = asked.get("made", {}).get("examples", {}).get("train", 0)
    return seen / examples if seen and examples else None


def _rounded(epochs: float) -> int | float:
    return round(epochs) if epochs >= 1 else float(f"{epochs:.2g}")


def _short(rate: float) -> float:
    return float(f"{rate:.1g}")


def again(asked: dict[str, Any], changes: dict[str, Any] | None = None, flags: dict[str, Any] | None = None) -> str:
    """The command line that asks for the run of `asked` (its run.toml) again, with changes to its recipe and flags."""
    kind = find.system(asked["asked"]["system"])
    words = ["deepen", "train", str(asked["asked"]["what"])]
    defaults = {**{name: one.default for name, one in fields_of(kind).items()}, **kind().recipe()}     # none may be settled
    words += [f"{key}={_plain(value)}" for key, value in {**asked["recipe"], **(changes or {})}.items()
              if key not in defaults or not _same(value, defaults[key])]
    words += _data(asked, kind)
    if goal := asked["asked"].get("goal"):
        wanted = Goal.read(goal)
        words.append(f"goal={wanted.metric}:{wanted.wanted:g}")
    usual = {name: one.default for name, one in fields_of(Flags).items()}
    words += [f"--{key.replace('_', '-')} {value}" for key, value in {**asked.get("flags", {}), **(flags or {})}.items()
              if key in usual and value != usual[key]]
    return " ".join(word if word.startswith("--") else shlex.quote(word) for word in words)


def _same(value, usual) -> bool:
    """TOML has lists where a recipe has tuples."""
    return list(value) == list(usual) if isinstance(value, (list, tuple)) and isinstance(usual, (list, tuple)) else value == usual


def _data(asked: dict[str, Any], kind) -> list[str]:
    """`data=` and `data.…` words, where they are not what would be taken anyway."""
    given = {key: value for key, value in asked["data"].items() if key not in ("origin", "kept")}
    source = given.pop("source")
    what, words = str(asked["asked"]["what"]), []
    named = what in (source, given.get("path")) or (
        Path(what).expanduser().exists() and not what.endswith(".py"))
    path = given.pop("path", None)
    if not named and (path or source != kind.default_data):
        words.append(f"data={path or source}")
    usual = {name: one.default for name, one in fields_of(find.source(source)).items()}
    return words + [f"data.{key}={_plain(value)}" for key, value in given.items()
                    if key not in usual or not _same(value, usual[key])]


def _plain(value):
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else value
