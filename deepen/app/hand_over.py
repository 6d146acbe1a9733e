"""report and export: what leaves a run to be read by people and used by programs."""
import json
from pathlib import Path

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.core.words import say
from deepen.sources._progress import show


def report(asked: Asked) -> int:
    """`deepen report RUN`"""
    show(say("writing the report …"))
    from deepen.engine.report import report
    from deepen.engine.run import Run
    run = Run.open(asked.words[0])
    file = report(run)
    show()
    screen = terminal.screen(asked.json)
    screen.print(say("the report is {file}; it opens in any browser, without a network", file=terminal.here(file)))
    if asked.json:
        print(json.dumps({"run": str(run.path), "file": str(file), "bytes": file.stat().st_size}, ensure_ascii=False))
    return 0


def export(asked: Asked) -> int:
    """`deepen export RUN [--out FOLDER]`"""
    show(say("exporting and comparing …"))
    from deepen.engine.export import export
    from deepen.engine.run import Run
    run = Run.open(asked.words[0])
    made = export(run, asked.text("out"))
    show()
    screen = terminal.screen(asked.json)
    screen.print(f"\n  {run.name}", style="bold")
    terminal.facts(screen, [
        (say("files"), "\n".join(terminal.here(Path(file)) for file in made["files"])),
        (say("parity"), say("largest difference from the trained model {parity}, over {count} inputs",
                            parity=f"{made['parity']:.1g}", count=f"{made['compared']:,}")),
        (say("size"), say("{size} kB", size=f"{made['bytes'] / 1000:,.0f}")),
        (say("speed"), say("{time} ms for one input", time=f"{made['milliseconds']:.2f}")),
        *([(say("packed"), _packed(made["bits"], Path(made["files"][-1]).name))] if "bits" in made else [])])
    if asked.json:
        print(json.dumps({"run": str(run.path), **made}, ensure_ascii=False))
    return 0


def _packed(bits: dict, file: str) -> str:
    """What a network of signs became."""
    return say("1 bit a weight: {size} kB in {file}, {time} ms for one input, scores equal to the bit for {count} inputs",
               size=f"{bits['bytes'] / 1000:,.0f}", file=file, time=f"{bits['milliseconds']:.2f}", count=f"{bits['compared']:,}")
