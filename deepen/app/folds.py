"""train --folds N: cross-validation, one run a fold, and what they say together."""
import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.app.live import Watch
from deepen.core.recipe import Field, convert
from deepen.core.words import Problem, say


def cross_validate(asked: Asked, what: str, settings: Mapping[str, Any], flags) -> int:
    """Train once a fold and tell the mean and the spread of every metric."""
    from deepen.engine.folds import folds
    count = convert(Field("folds", int, 5, False), asked.text("folds"), "--folds")
    if asked.text("out"):
        raise Problem("--out names one run folder, but --folds makes {count}; leave --out out", count=count)
    screen = terminal.screen(asked.json)

    def watch(fold: int) -> Watch:
        if not asked.quiet:
            screen.print("\n  " + say("fold {fold} of {count}", fold=fold, count=count), style="bold")
        return Watch(screen, asked.quiet)
    found = folds(what, settings, count, flags, watch)
    score = found.runs[0].events()[0].facts["score"]
    screen.print("\n  " + say("validated on every fold once"), style="bold")
    rows = [(run.name, terminal.metric(score, run.metrics[score])) for run in found.runs]
    terminal.facts(screen, [*((name, f"{score} {value}") for name, value in rows), (say("together"), Text(", ".join(
        f"{name} {terminal.metric(name, mean)} ± {terminal.metric(name, spread)}"
        for name, (mean, spread) in sorted(found.metrics.items(), key=lambda one: one[0] != score)), style="bold"))])
    terminal.commands(screen, say("next"), [
        (f"deepen train {what}", say("one model on all of the training data, now that you know how well it does")),
        ("deepen runs", say("compare it with the others"))])
    if asked.json:
        sys.stdout.flush()
        print(json.dumps({"runs": [str(run.path) for run in found.runs], "folds": count,
                          "metrics": {name: {"mean": mean, "spread": spread} for name, (mean, spread) in found.metrics.items()}},
                         ensure_ascii=False))
    return 0
