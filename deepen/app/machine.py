"""machine: what this computer is, how fast it is, what it can train, and whether everything is in order."""
import json
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.core.recipe import Amount, Field, convert
from deepen.core.words import say
from deepen.sources._progress import show as progress

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86_400, 365 * 86_400
PRICED = "A100"                     # the GPU whose cost is told


def price_of(asked: Asked) -> float | None:
    """What was given to `--price`: money for an hour."""
    given = asked.text("price")
    return None if given is None else convert(Field("price", Amount, None, False), given, "--price")


def show(asked: Asked) -> int:
    """`deepen machine [--price P] [--quick]`"""
    price = price_of(asked)
    progress(say("starting …"))
    from deepen.engine import machine
    found = machine.look(None if asked.options.get("quick") else 0.3, progress)
    progress()
    screen = terminal.screen(asked.json)
    _what(screen, found)
    trainings = machine.trainings() if found.pace else []
    if found.pace:
        _rates(screen, found)
        _times(screen, found, trainings, price)
    checks = machine.checks()
    _checks(screen, checks)
    if not found.pace:
        terminal.commands(screen, say("next"), [("deepen machine", say("measure it, for a few seconds"))])
    elif price is None:
        terminal.commands(screen, say("next"), [("deepen machine --price 2.5", say("what a GPU costs at 2.50 an hour")),
                                                ("deepen plan SYSTEM", say("what one network costs"))])
    if asked.json:
        gpus = {gpu: peak for gpu, peak in machine.PEAK.items()}
        print(json.dumps({
            "machine": asdict(found), "training": {net: found.training(net) for net in found.pace}, "busy": machine.busy(), "peaks": gpus,
            "trainings": [{"name": one.name, "command": one.command, "operations": one.operations, "here": one.here(found),
                           "gpus": {gpu: one.on(gpu) for gpu in gpus},
                           "cost": None if price is None else {gpu: one.on(gpu) / HOUR * price for gpu in gpus}} for one in trainings],
            "checks": [asdict(one) for one in checks]}, ensure_ascii=False))
    return 0 if all(one.fine or not one.needed for one in checks) else 1


def _what(screen, found) -> None:
    screen.print(f"\n  {say('This computer')}", style="bold")
    cores = say("{cores} cores, {threads} threads for arithmetic", cores=found.cores, threads=found.threads)
    pairs = [(say("system"), found.system), (say("processor"), f"{found.processor} · {cores}"),
             (say("memory"), terminal.size(found.memory) if found.memory else "–"),
             (say("free disk"), terminal.size(found.free_disk)),
             (say("GPU"), f"{found.device_name} · {terminal.size(found.device_memory)}" if found.device == "cuda"
              else found.device_name if found.device != "cpu" else Text(say("none; deepen computes on the CPU"), style="dim")),
             (say("precision"), say("{format} is what `--precision auto` takes here", format=found.precision))]
    terminal.facts(screen, pairs)


def _rates(screen, found) -> None:
    """Measured rates, with bars that compare them."""
    from deepen.engine.machine import busy
    screen.print(f"\n  {say('Measured')}", style="bold", end="")
    screen.print(f"   {say('operations a second; a multiplication with an addition is two')}", style="dim")
    rates = [(say("matrix product"), name, rate) for name, rate in found.matrix.items()]
    rates += [(say("convolution"), name, rate) for name, rate in found.convolution.items()]
    rates += [(say("training"), net, found.training(net)) for net in found.pace]
    most = max(rate for _, _, rate in rates)
    table = Table.grid(padding=(0, 2))
    for column in ({}, {"style": "dim"}, {"justify": "right", "no_wrap": True}, {"style": "cyan", "no_wrap": True}):
        table.add_column(**column)
    for what, name, rate in rates:
        table.add_row(f"  {what}", name, terminal.large(rate), Text("█" * max(1, round(24 * rate / most)))
                      + (Text("  " + terminal.speed("images", 1 / found.pace[name][1]), style="not cyan dim")
                         if what == say("training") else Text("")))
    screen.print(table)
    load = busy()
    if load is not None and load > 1.2:
        screen.print("  " + say("other programs want this processor too ({load:.0f} for each core): quiet, it is faster", load=load),
                     style="yellow")


def _times(screen, found, trainings, price) -> None:
    """What can be trained here in a minute, an hour, a day; and what wants a GPU."""
    from deepen.engine.machine import GPU_USE, PEAK
    groups = ((say("in a minute"), 0, MINUTE), (say("in an hour"), MINUTE, HOUR), (say("in a day"), HOUR, DAY),
              (say("wants a GPU") if found.device == "cpu" else say("longer"), DAY, float("inf")))
    screen.print(f"\n  {say('What it can train')}", style="bold", end="")
    screen.print(f"   {say('estimates; GPUs at {use:.0%} of their data sheet', use=GPU_USE)}", style="dim")
    table = Table.grid(padding=(0, 2))
    table.add_column()
    for _ in range(1 + len(PEAK) + (price is not None)):
        table.add_column(justify="right", no_wrap=True)
    heading = ["", say("here"), *PEAK] + ([say("cost, {gpu}", gpu=PRICED)] if price is not None else [])
    table.add_row(*(Text(word, style="dim") for word in heading))
    for name, low, high in groups:
        inside = sorted((one for one in trainings if low < one.here(found) <= high), key=lambda one: one.here(found))
        if inside:
            table.add_row(Text(f"  {name}", style="bold"))
        for one in inside:
            cost = [] if price is None else [money(one.on(PRICED) / HOUR * price)]
            table.add_row(f"    {one.name}", Text(about(one.here(found)), style="bold"),
                          *(Text(about(one.on(gpu)), style="dim") for gpu in PEAK), *cost)
    screen.print(table)
    ready = [one for one in trainings if one.command and one.here(found) < HOUR]
    if ready:
        terminal.commands(screen, say("start one"), [(one.command, "") for one in ready])


def _checks(screen, checks) -> None:
    screen.print(f"\n  {say('Is everything in order?')}", style="bold")
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column()
    table.add_column(style="dim", overflow="fold")
    for one in checks:
        mark = Text("✓", style="green") if one.fine else Text("✗", style="red") if one.needed else Text("–", style="yellow")
        table.add_row(Text("  ") + mark, one.name, one.told)
    screen.print(table)


def about(seconds: float) -> str:
    """A time in one or two digits and a word: 0.3 s, 12 s, 4 min, 3 h, 12 days, 7 years."""
    for limit, unit, sentence in ((MINUTE, 1, say("{n} s", n="{n}")), (HOUR, MINUTE, say("{n} min", n="{n}")), (2 * DAY, HOUR, say("{n} h", n="{n}")),
                                  (YEAR, DAY, say("{n} days", n="{n}")), (float("inf"), YEAR, say("{n} years", n="{n}"))):
        if seconds < limit:
            count = seconds / unit
            return sentence.replace("{n}", f"{count:.1f}" if (count < 10 and unit != DAY) or count < 1 else f"{count:,.0f}")
    return "–"


def money(amount: float) -> str:
    """An amount in the currency of the price."""
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.2f}" if amount >= 0.01 else "< 0.01"
