"""The learning rate to try first, in words and as a curve: `deepen plan WHAT --find-lr`."""
import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.core.recipe import Field, convert, pairs
from deepen.core.words import Problem, say
from deepen.sources._progress import show

HIGH, WIDE = 9, 64          # of the curve: rows and columns of characters, 4 and 2 dots each
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))         # of a braille character, by column and row


def find_lr(asked: Asked) -> int:
    """`deepen plan SYSTEM key=value … --find-lr [--report FILE.html]`"""
    settings = pairs(asked.words[1:])
    if "lr" in settings:
        raise Problem("--find-lr looks for lr; leave lr={given} out", given=settings["lr"])
    if asked.text("input") or asked.text("classes"):
        raise Problem("--find-lr needs data to learn from; leave --input and --classes out")
    show(say("starting …"))
    from deepen.engine.fit import Flags
    from deepen.engine.rate import STEPS, find_rate
    seed = convert(Field("seed", Flags.__annotations__["seed"], 0, False), asked.text("seed") or 0, "--seed")
    found = find_rate(asked.words[0], settings, seed, told=lambda step: show(
        say("trying learning rates: {step} of {all}", step=step, all=STEPS)))
    show()
    screen = terminal.screen(asked.json)
    screen.print("\n  " + say("loss over the learning rate, each step a little higher"), style="bold")
    for drawn in curve(found.rates, found.smooth, found.suggested, min(WIDE, screen.width - 14)):
        screen.print(drawn, soft_wrap=True)
    screen.print()
    end = say("from there on it explodes") if found.burst else say("it did not explode up to {rate}", rate=_rate(found.rates[-1]))
    terminal.facts(screen, [
        (say("falls fastest"), say("at {rate}", rate=_rate(found.steepest))),
        (say("lowest"), say("at {rate}; {end}", rate=_rate(found.lowest), end=end)),
        ("lr", Text(say("{rate}: a tenth of the lowest's, the highest rate to try first", rate=_rate(found.suggested)),
                    style="bold"))])
    line = shlex.join(["deepen", "train", *asked.words, f"lr={_rate(found.suggested)}"])
    page = asked.text("report")
    if page:
        from deepen.engine.report_rate import write
        page = str(write(found, shlex.join(asked.words), line, Path(page).expanduser()))
        terminal.facts(screen, [(say("report"), terminal.here(Path(page)))])
    terminal.commands(screen, say("next"), [(line, say("let it learn"))])
    if asked.json:
        print(json.dumps({**asdict(found), "lr": found.suggested, "report": page}))
    return 0


def curve(rates: Sequence[float], losses: Sequence[float], mark: float, wide: int = WIDE) -> list[Text]:
    """A curve in dots over a logarithmic axis, with the suggested rate as a column."""
    low, high = math.log10(rates[0]), math.log10(rates[-1])
    start = losses[0]
    shown = [min(loss, start + 0.25 * (start - min(losses)) + 1e-9) for loss in losses]     # an explosion fills no screen
    top, bottom = max(shown), min(shown)
    dots = [[0] * wide for _ in range(HIGH)]
    column = None
    for x in range(2 * wide):
        at = x / (2 * wide - 1) * (len(shown) - 1)
        i = min(int(at), len(shown) - 2)
        value = shown[i] + (at - i) * (shown[i + 1] - shown[i])
        y = round((top - value) / max(top - bottom, 1e-12) * (4 * HIGH - 1))
        dots[y // 4][x // 2] |= DOTS[x % 2][y % 4]
    if high > low:
        column = round((math.log10(mark) - low) / (high - low) * (wide - 1))
    lines = []
    for number, row in enumerate(dots):
        name = terminal.number(top) if number == 0 else terminal.number(bottom) if number == HIGH - 1 else ""
        line = Text(f"  {name:>8} ", style="dim")
        for x, dot in enumerate(row):
            line.append(chr(0x2800 + dot) if dot else "│" if x == column else " ", style="cyan" if dot else "yellow")
        lines.append(line)
    scale = [" "] * (wide + 8)
    for power in range(math.ceil(low), math.floor(high) + 1):
        place = round((power - low) / max(high - low, 1e-12) * (wide - 1))
        label = f"{10.0 ** power:g}"
        scale[place:place + len(label)] = label
    return [*lines, Text(" " * 11 + "".join(scale).rstrip(), style="dim")]


def _rate(rate: float) -> str:
    """A learning rate as it is typed: 0.0031."""
    return f"{float(f'{rate:.1e}'):.10f}".rstrip("0").rstrip(".")
