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
from deepen.core.words import Problem, say, visible
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
    if asked.text("folds"):
        from deepen.app.folds import cross_validate
        return cross_validate(asked, what, settings, flags)
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
    from deepen.engine.report import report
    from deepen.engine.start import revive
    from deepen.engine.verdict import conclude
    system = revive(run, watch.plan.data)
    found = conclude(run, system)
    terminal.facts(screen, [*pairs, *judged(found, watch.plan.goal)])
    meant(screen, found, 3)
    if found.split == "valid":
        wrong(screen, found)
    screen.print()
    terminal.facts(screen, [(say("report"), terminal.here(report(run, system, found)))])
    terminal.commands(screen, say("next"), _next(run))


def judged(found, goal) -> list[tuple[str, Text]]:
    """The goal, met or not and how surely; and what a plain learner reaches beside a deep one."""
    from deepen.engine.goals import sentence
    from deepen.engine.verdict import beside_sentences
    if goal is None:
        example = f"goal={found.score}:{_wish(found.score, found.metrics.get(found.score))}"
        told = Text(say("none was given; give one, for example {example}", example=example), style="dim")
    else:
        met = found.goal.met
        told = Text(sentence(found.goal, terminal.metric), style="bold green" if met and not found.goal.close else "bold yellow")
    beside = beside_sentences(found.score, found.metrics, found.beside, terminal.metric, found.examples)
    return [(say("goal"), told), *((say("beside it"), Text(one)) for one in beside)]


def meant(screen, found, most: int = 99) -> None:
    """What the figures of a maker mean, beside those of real pictures."""
    from deepen.engine.made import told
    lines = told(found.metrics, found.real, terminal.metric, found.examples)
    if lines:
        screen.print()
    for name, sentence in lines[:most]:
        terminal.tell(screen, Text.assemble((f"{say(name)}  ", "bold"), visible(sentence)))


def _wish(score: str | None, value: float | None) -> str:
    """Something a little better than what was reached."""
    from deepen.nn.metrics import BETTER
    if value is None or score is None or score in terminal.SHARES:
        return f"{min(0.99, 1 - (1 - (value or 0.98)) / 2):.2g}"
    wish = value + BETTER[score] * abs(value) / 5
    return f"{wish:.2g}" if abs(wish) < 100 else f"{int(float(f'{wish:.2g}'))}"


def wrong(screen, found) -> None:
    """The worst mistakes, the class that is found least, and what mistakes share in one line."""
    from deepen.engine.verdict import weakest_sentence
    if found.seen is not None:
        terminal.classes(screen, found.seen)
    if found.mistakes:
        screen.print("\n  " + (say("the worst pictures") if found.seen else say("largest errors") if found.mistakes[0].sure is None else say("most confident mistakes")),
                     style="bold")
        terminal.mistakes(screen, found.mistakes[:6])
    told = [(say("weakest class"), weakest_sentence(found.weakest, found.unit))] if found.weakest and found.weakest[1] < 1 else []
    named = {say("class {name}", name=found.weakest[0])} if told and found.weakest else set()
    causes = [cause for cause in found.shared if cause.name not in named or len(found.learned) > 2]   # of two, it is said already
    if causes:
        told.append((say("mistakes share") if found.weakest else say("where it errs"), causes[0].sentence))
    if told:
        screen.print()
    for name, sentence in told:
        terminal.tell(screen, Text.assemble((name, "bold"), "  ", visible(sentence)))


def _next(run) -> list[tuple[str, str]]:
    """The commands that follow a run: judge it, use it, and the next experiment."""
    from deepen.core.kinds import Boxes, Image, Mask, Row, Text
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
        drawn = " --out found" if isinstance(data_of(card).target, (Boxes, Mask, Text)) else ""
        lines.append((f"deepen predict {where} {file}{drawn}", say("ask it about files of your own")))
    experiment = advise(run)
    return [*lines, experiment] if experiment else [*lines, ("deepen runs", say("compare it with the others"))]


def summary(run) -> dict:
    """A run as one JSON object for programs."""
    from deepen.engine import verdict
    from deepen.engine.until import Goal
    from deepen.engine.validate import validations
    asked, card = run.asked(), run.card()
    told: dict = next((event.facts for event in reversed(run.events()) if event.event == "finished"), {})
    goal = asked["asked"].get("goal")
    valid, kept = told.get("valid") or card["metrics"], verdict.read(run)
    tests = [one["metrics"] for one in validations(run) if one["split"] == "test" and one["asked"] is None]
    return {"run": str(run.path), "system": card["system"], "data": card["data"], "steps": told.get("steps", card["step"]),
            "seconds": round(told.get("seconds", 0.0), 3), "metrics": {"valid": valid, "test": tests[-1] if tests else {}},
            "speed": told.get("speed", {}),
            "goal": {"interval": None, **(kept.get("goal") or {"met": Goal.read(goal).met(valid) if goal else None}), "text": goal},
            **{name: kept[name] for name in ("weakest", "shared", "beside", "real") if kept.get(name)}}


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
