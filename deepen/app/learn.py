"""train, resume, and what one may ask of a run that is learning."""
import json
import sys
from collections.abc import Callable
from dataclasses import fields

from rich.text import Text

from deepen.app import terminal
from deepen.app.commands import Asked, commands
from deepen.app.live import Watch
from deepen.core.recipe import convert, fields_of, pairs
from deepen.core.words import Problem, say
from deepen.sources._progress import show


def train(asked: Asked) -> int:
    """`deepen train WHAT key=value …`"""
    what, settings = asked.words[0], pairs(asked.words[1:])
    if on_bad := asked.text("on-bad"):
        settings["data.on_bad"] = on_bad
    show(say("starting …"))
    from deepen.engine.fit import Flags
    from deepen.engine.start import start
    known = fields_of(Flags)
    flags = Flags(**{field.name: convert(known[field.name], value, f"--{field.name.replace('_', '-')}")
                     for field in fields(Flags) if (value := asked.text(field.name.replace("_", "-"))) is not None})
    show()
    return _watch(asked, lambda watch: start(what, settings, flags, asked.text("out"), watch, planned=watch.planned))


def resume(asked: Asked) -> int:
    """`deepen resume RUN`"""
    show(say("starting …"))
    from deepen.engine.run import Run
    from deepen.engine.start import resume
    run = Run.open(asked.words[0])
    show()
    if run.finished():
        screen = terminal.screen(asked.json)
        screen.print(say("{run} is finished; nothing is left to do", run=run.name))
        terminal.commands(screen, say("next"), _next(run))
        if asked.json:
            print(json.dumps(summary(run), ensure_ascii=False))
        return 0
    with run.locked():          # say so before anything is shown when another process writes it
        pass
    return _watch(asked, lambda watch: resume(run, watch, planned=watch.planned))


def _watch(asked: Asked, learn: Callable) -> int:
    screen = terminal.screen(asked.json)
    watch = Watch(screen, asked.quiet)
    try:
        run = learn(watch)
    except KeyboardInterrupt:
        watch.close()
        if watch.run is None:
            raise
        screen.print("\n  " + say("go on with:"))
        screen.print(f"    deepen resume {terminal.here(watch.run.path)}", style="cyan", soft_wrap=True)
        return 1
    finally:
        show()
        watch.close()
    _end(screen, run, watch)
    if asked.json:
        sys.stdout.flush()
        print(json.dumps(summary(run), ensure_ascii=False))
    return 0


def _end(screen, run, watch: Watch) -> None:
    """What came out, what went wrong, and what to do now."""
    told, score = watch.finished, watch.started.get("score")
    where = terminal.here(run.path)
    reasons = {"planned": say("finished"), "minutes": say("finished: the time is used"),
               "patience": say("finished: the score did not get better any more"),
               "stop": say("stopped as you asked; `deepen resume {run}` goes on", run=where)}
    rates = [terminal.speed(unit, value) for unit, value in list(told["speed"].items())[:1]]
    screen.print()
    steps = [say("{steps} steps", steps=f"{told['steps']:,}")] if told["steps"] > 1 else []
    terminal.tell(screen, " · ".join([reasons[told["reason"]], terminal.span(told["seconds"]), *steps, *rates]), style="bold")
    label, values = say("validation"), terminal.metrics(told["valid"], score)
    if told["best_step"] != told["steps"]:
        values.append(Text(say("(step {step}, the best)", step=f"{told['best_step']:,}"), style="dim"))
    pairs = [(label, terminal.flow(screen, values, Text(label).cell_len + 4))] if told["valid"] else []
    terminal.facts(screen, [*pairs, (say("goal"), verdict(watch.plan.goal, told["valid"], score))])
    from deepen.engine.report import report
    from deepen.engine.start import revive
    system = revive(run, watch.plan.data)
    if told["reason"] != "stop" or told["valid"]:
        _wrong(screen, system)
    screen.print()
    terminal.facts(screen, [(say("report"), terminal.here(report(run, system)))])
    terminal.commands(screen, say("next"), _next(run))


def verdict(goal, metrics: dict, score: str | None):
    if goal is None:
        example = f"goal={score or 'accuracy'}:{_wish(score, metrics.get(score))}"
        return Text(say("none was given; give one, for example {example}", example=example), style="dim")
    met, value = goal.met(metrics), terminal.metric(goal.metric, metrics.get(goal.metric))
    if met is None:
        return Text(say("{goal}: {metric} was not measured", goal=goal, metric=goal.metric), style="yellow")
    if met:
        return Text(say("{goal}: met, with {value}", goal=goal, value=value), style="bold green")
    return Text(say("{goal}: not met, {value}", goal=goal, value=value), style="bold yellow")


def _wish(score: str | None, value: float | None) -> str:
    """Something a little better than what was reached."""
    from deepen.nn.metrics import BETTER
    if value is None or score is None or score in terminal.SHARES:
        return f"{min(0.99, 1 - (1 - (value or 0.98)) / 2):.2g}"
    wish = value + BETTER[score] * abs(value) / 5
    return f"{wish:.2g}" if abs(wish) < 100 else f"{int(float(f'{wish:.2g}'))}"


def _wrong(screen, system) -> None:
    from deepen.engine.validate import found_wrong
    if len(system.data.splits.get("valid", ())):
        wrong(screen, *found_wrong(system, "valid", 6))


def wrong(screen, found, weak) -> None:
    """The worst mistakes, and the class that is found least."""
    if found:
        screen.print("\n  " + (say("largest errors") if found[0].sure is None else say("most confident mistakes")),
                     style="bold")
        terminal.mistakes(screen, found)
    if weak and weak[1] < 1:
        name, recall, count = weak
        share = say("{name}: {found} of {count} are found ({share})", name=name, found=round(recall * count), count=count,
                    share=f"{recall * 100:.0f} %")
        screen.print()
        terminal.tell(screen, Text.assemble((say("weakest class"), "bold"), "  ", share))


def _next(run) -> list[tuple[str, str]]:
    """The commands that follow a run: judge it, use it, and the next experiment."""
    from deepen.core.kinds import Image, Row
    from deepen.engine import find
    from deepen.engine.advise import advise
    from deepen.engine.run import data_of
    where, card = terminal.here(run.path), run.card()
    inputs, kind = data_of(card).inputs, find.system(card["system"])
    sealed = run.asked().get("made", {}).get("examples", {}).get("test")
    lines = [(f"deepen validate {where}", say("the honest number, on the sealed test set") if sealed
              else say("judge it with intervals; it has no test set"))]
    if not run.finished():
        lines.insert(0, (f"deepen resume {where}", say("go on")))
    if hasattr(kind, "sample") and "sample" in commands():
        lines.append((f"deepen sample {where}", say("see what it makes")))
    elif hasattr(kind, "play"):
        lines.append((f"deepen play {where}", say("watch it play")))
    elif isinstance(inputs, (Image, Row)) and not hasattr(kind, "example"):
        file = "FILE.png" if isinstance(inputs, Image) else "FILE.csv"
        lines.append((f"deepen predict {where} {file}", say("ask it about files of your own")))
    experiment = advise(run)
    return [*lines, experiment] if experiment else [*lines, ("deepen runs", say("compare it with the others"))]


def summary(run) -> dict:
    """A run as one JSON object for programs."""
    from deepen.engine.until import Goal
    from deepen.engine.validate import validations
    asked, card = run.asked(), run.card()
    told: dict = next((event.facts for event in reversed(run.events()) if event.event == "finished"), {})
    goal = asked["asked"].get("goal")
    valid = told.get("valid") or card["metrics"]
    tests = [one["metrics"] for one in validations(run) if one["split"] == "test" and one["asked"] is None]
    return {"run": str(run.path), "system": card["system"], "data": card["data"], "steps": told.get("steps", card["step"]),
            "seconds": round(told.get("seconds", 0.0), 3), "metrics": {"valid": valid, "test": tests[-1] if tests else {}},
            "speed": told.get("speed", {}),
            "goal": {"text": goal, "met": Goal.read(goal).met(valid) if goal else None}}


# asking a run that learns

def order(asked: Asked) -> int:
    """Write one command into the run's folder; the process that learns reads it between steps."""
    from deepen.engine.run import Run
    run, do = Run.open(asked.words[0]), asked.command.name
    if not run.busy():
        raise Problem("{run} is not learning now; `deepen resume {path}` lets it go on", run=run.name,
                      path=terminal.here(run.path))
    for key, value in pairs(asked.words[1:]).items() if do == "set" else [(None, None)]:
        run.order(do, **({"key": key, "value": value} if key else {}))
    terminal.screen(asked.json).print(say("{run} was asked to {do}", run=run.name, do=" ".join([do, *asked.words[1:]])))
    if asked.json:
        print(json.dumps({"run": str(run.path), "do": do}))
    return 0
