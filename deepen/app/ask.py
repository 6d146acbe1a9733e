"""validate, predict, plan: questions to a system that has learned, or is going to."""
import json
import shlex
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from deepen.app import learn, terminal
from deepen.app.commands import Asked
from deepen.core.recipe import Count, Field, Fraction, convert, pairs
from deepen.core.words import Problem, say, visible
from deepen.sources._progress import show


def validate(asked: Asked) -> int:
    """`deepen validate RUN [--data PATH] [--split …] [--inception FILE [--samples N]]`"""
    if asked.text("data") and asked.text("split"):
        raise Problem("give --data or --split, not both: other data is judged as a whole")
    show(say("judging …"))
    from deepen.engine.advise import advise
    from deepen.engine.run import Run
    from deepen.engine.validate import validate
    run = Run.open(asked.words[0])
    samples = asked.text("samples")
    if samples and not asked.text("inception"):
        raise Problem("--samples says how many pictures FID compares; give the weights for it with --inception FILE.safetensors")
    found = validate(run, asked.text("data"), asked.text("split"), inception=asked.text("inception"),
                     samples=convert(Field("samples", Count, None, False), samples, "--samples") if samples else None)
    show()
    screen, where = terminal.screen(asked.json), terminal.here(run.path)
    screen.print(f"\n  {run.name}", style="bold")
    terminal.tell(screen, _opened(found, asked), style="dim")
    told = [(say("data"), found.data), ("", say("{split}: {count} examples", split=say(found.split), count=f"{found.examples:,}"))]
    terminal.facts(screen, [*told, *(("", Text(sentence, style="dim")) for sentence in found.said)])
    screen.print()
    screen.print(_metrics(found, run.card()["metrics"], _score(run), screen.width))
    judged = found.verdict
    if judged.goal or judged.beside:
        terminal.facts(screen, learn.judged(judged, judged.goal)[not judged.goal:])
    learn.meant(screen, judged)
    learn.wrong(screen, judged)
    experiment = advise(run)
    terminal.commands(screen, say("next"), [experiment] if experiment else
                      [(f"deepen predict {where} FILE", say("ask it about files of your own"))])
    if asked.json:
        own = found.split if asked.text("data") is None else "other"
        summary = learn.summary(run)
        summary["metrics"][own] = found.metrics
        print(json.dumps({**summary, "goal": found.goal, "opened": found.opened, "intervals": found.intervals,
                          "weakest": found.weakest, "shared": [cause.sentence for cause in judged.shared],
                          "beside": judged.beside, **({"real": dict(judged.real)} if judged.real else {}), **({"unit": judged.unit, "classes": judged.seen.classes} if judged.seen else {}), "mistakes": [_plain(one) for one in found.mistakes],
                          "judged": {"data": found.data, "split": found.split, "examples": found.examples},
                          "next": experiment[0] if experiment else None}, ensure_ascii=False))
    return 0


def _opened(found, asked: Asked) -> str:
    if asked.text("data"):
        return say("judged on other data; its own test set stays as it is")
    if found.split != "test":
        return say("judged on {split}; the test set stays sealed", split=say(found.split))
    if found.opened == 1:
        return say("the test set was opened for the first time: this is the honest number")
    return say("the test set has been opened {count} times: each look makes it a little less honest", count=found.opened)


def _score(run) -> str | None:
    return next((event.facts["score"] for event in run.events() if event.event == "started"), None)


def _metrics(found, valid: dict, score: str | None, width: int) -> Table:
    narrow, sure = width < 64, bool(found.intervals)
    table = Table(box=None, padding=(0, 1 if narrow else 2), header_style="dim", show_edge=False)
    for heading in ("  " + say("metric"), say(found.split), *([say("95 % interval")] if sure else []), *([] if narrow else [say("validation")])):
        table.add_column(heading, justify="left" if heading.startswith(" ") else "right", no_wrap=True)
    for name, value in sorted(found.metrics.items(), key=lambda one: one[0] != score):
        unit = score if name == "baseline" and score else name          # what a plain learner scores
        low, high = found.intervals.get(name, (None, None))
        between = "" if low is None else f"{terminal.metric(name, low)} … {terminal.metric(name, high)}"
        table.add_row(f"  {say(name)}", Text(terminal.metric(unit, value), style="bold"), *([between] if sure else []),
                      *([] if narrow else [terminal.metric(unit, valid.get(name))]))
    return table


def _plain(mistake) -> dict:
    score = getattr(mistake, "score", None)                 # of boxes, masks and sentences: how well, 0…1
    return {"row": mistake.row, "was": mistake.was, "said": mistake.said, "sure": mistake.sure, "where": mistake.where,
            **({} if score is None else {"score": score})}


def predict(asked: Asked) -> int:
    """`deepen predict RUN FILE … [--out FOLDER] [--as coco|voc] [--sure S]`"""
    show(say("starting …"))
    from deepen.engine.answer import answers, paints
    from deepen.engine.run import Run
    run, files = Run.open(asked.words[0]), [Path(word) for word in asked.words[1:]]
    system = run.system()
    kind = system.data.inputs if paints(system) else system.data.target
    show()
    results, sure = _results(asked, kind, paints(system))
    screen, errors = terminal.screen(asked.json), terminal.screen(True)
    table = Table(box=None, padding=(0, 2), show_header=False, show_edge=False)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    failed = 0
    for one in answers(run, files, sure):
        drawn = results.add(Path(one.where), one.photo) if results and one.photo else None
        if one.problem:
            failed += 1
            errors.print(visible(f"deepen: {one.problem}" if one.where in one.problem else f"deepen: {one.where}: {one.problem}"))
        if asked.json:
            print(json.dumps({"file": one.where, **({"error": one.problem} if one.problem else one.told),
                              **({"drawn": str(drawn)} if drawn else {})}, ensure_ascii=False))
        elif not one.problem:
            best, *others = one.lines
            table.add_row(f"  {visible(one.where)}", Text(visible(best), style="bold"), Text(visible("   ".join(others)), style="dim"))
    if table.row_count:
        screen.print(table)
    if results:
        results.finish()
        told = {"count": len(results.names), "folder": terminal.here(results.folder)}
        screen.print(say("{count} pictures as they came back: {folder}", **told) if paints(system) else
                     say("{count} pictures with what was found on them: {folder}", **told))
    if failed and len(files) > 1:
        errors.print(say("{count} of {all} files could not be read", count=failed, all=len(files)))
    return 1 if failed else 0


def _results(asked: Asked, kind, paints: bool):
    """(where answers are written, or None; how sure a box must be to be told)."""
    from deepen.engine.photo import KINDS, SURE
    from deepen.engine.results import Results
    given = [name for name in ("out", "as", "sure") if asked.text(name) is not None]
    if given and not isinstance(kind, KINDS) and not paints:
        raise Problem("--{option} is for models that answer with boxes, masks, sentences or pictures; this one answers with {kind}",
                      option=given[0], kind=type(kind).__name__.lower())
    if asked.text("as") and not asked.text("out"):
        raise Problem("--as says how the answers are written; give --out FOLDER too")
    sure = convert(Field("sure", Fraction, SURE, False), asked.text("sure") or SURE, "--sure")
    out = asked.text("out")
    return Results(kind, Path(out), asked.text("as")) if out else None, sure


def plan(asked: Asked) -> int:
    """`deepen plan SYSTEM key=value … [--find-lr]`"""
    if asked.options.get("find-lr"):
        from deepen.app.rate import find_lr
        return find_lr(asked)
    show(say("starting …"))
    from deepen.engine.plan import plan
    sketch = plan(asked.words[0], pairs(asked.words[1:]), asked.text("input"), asked.text("classes"), timed=True)
    show()
    screen = terminal.screen(asked.json)
    if sketch.parameters:
        _sketch(screen, sketch)
    else:
        screen.print(say("{system} learns without a network; there are no layers to show", system=sketch.system))
    terminal.commands(screen, say("next"), [(shlex.join(["deepen", "train", *asked.words]), say("let it learn"))])
    if asked.json:
        told = asdict(sketch)
        memory = {key: told.pop(key) for key in ("weights", "learning")}
        print(json.dumps({**told, "memory": memory}, ensure_ascii=False))
    return 0


def _sketch(screen, sketch) -> None:
    """The table of a network's layers, and what they add up to."""
    table = Table(box=None, padding=(0, 2), header_style="dim", show_edge=False)
    for heading, right in (("  " + say("layer"), False), ("", False), (say("shape"), True),
                           (say("parameters"), True), ("MACs", True)):
        table.add_column(heading, justify="right" if right else "left", overflow="fold", no_wrap=right)
    table.add_row("  " + say("input"), "", _shape(sketch.input), "", "", style="dim")
    for layer in sketch.layers:
        table.add_row(f"  {layer.name}", layer.text, _shape(layer.shape), f"{layer.parameters:,}" if layer.parameters else "",
                      f"{layer.macs:,}" if layer.macs else "")
    screen.print()
    screen.print(table)
    screen.print()
    terminal.facts(screen, [
        (say("parameters"), f"{sketch.parameters:,}"),
        ("MACs", say("{count} multiplications with an addition, for one example", count=terminal.large(sketch.macs))),
        (say("memory"), say("about {learning} to learn with batch {batch}; the weights take {weights}", batch=sketch.batch,
                            learning=terminal.size(sketch.learning), weights=terminal.size(sketch.weights))),
        (say("formats"), "\n".join(_format(one, sketch.timed) for one in sketch.formats))])


def _format(one, batch: int) -> str:
    """`bf16: 58 MB, 9.3 ms for a batch of 32 here`."""
    if one.milliseconds is None:
        return say("{name}: {size}", name=one.name, size=terminal.size(one.bytes))
    return say("{name}: {size}, {time} ms for a batch of {batch} here", name=one.name, size=terminal.size(one.bytes),
               time=f"{one.milliseconds:.3g}", batch=batch)


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) if shape else "–"
