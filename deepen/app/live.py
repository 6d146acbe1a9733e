"""A run while it learns: a moving picture on a terminal, one line a judgement anywhere else."""
import math
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from deepen.app.terminal import facts, here, metric, span, speed, tell
from deepen.core.events import Event
from deepen.core.words import say

BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass
class Watch:
    """Listens to a run's events and shows them. `quiet` shows warnings only."""
    console: Console
    quiet: bool = False
    run: Any = None
    plan: Any = None
    started: dict = field(default_factory=dict)
    finished: dict = field(default_factory=dict)
    loss: str = "loss"                                                  # or the first metric of a system without one
    losses: list[tuple[float, float]] = field(default_factory=list)     # (progress, its value)
    pace: list[tuple[float, int]] = field(default_factory=list)         # (seconds, examples or steps seen)
    newest: dict = field(default_factory=dict)                          # metrics of the newest judgement
    told: float = 0.0                                                   # progress at the last plain line
    live: Live | None = None

    def planned(self, plan, run) -> None:
        """What will be done, before the first step."""
        self.plan, self.run = plan, run
        if self.quiet:
            return
        self.console.print(f"\n  {plan.data_asked['source']} → {plan.system_name.rpartition('/')[2]}", style="bold")
        splits = {"train": say("train"), "valid": say("valid"), "test": say("test, sealed")}
        sizes = " · ".join(f"{len(split):,} {splits.get(name, name)}" for name, split in plan.data.splits.items())
        pairs = [(say("data"), sizes or plan.data.origin)]
        pairs += [("", Text(sentence, style="dim")) for sentence in plan.data.said]
        pairs.append((say("run"), here(run.path)))
        facts(self.console, pairs, _names())

    def __call__(self, event: Event) -> None:
        match event.event:
            case "started":
                self._begin(event)
            case "stepped":
                self._step(event)
            case "evaluated":
                self.newest = event.facts
                if self.live is None and not self.quiet:
                    self._line(event.step)
            case "warned":
                self._say(say("note: {why}", why=event.facts["why"]), "yellow")
            case "changed":
                self._changed(event.facts)
            case "finished":
                self.finished = event.facts
                self.close(event.step)
            case "failed":
                self.close()

    def _begin(self, event: Event) -> None:
        self.started = event.facts
        if self.quiet:
            return
        told = event.facts
        net = self.plan.system.recipe().get("net")
        net = f"{net.replace(chr(10), '; ')} · " if isinstance(net, str) else ""
        size = net + say("{count} parameters", count=f"{told['parameters']:,}")
        facts(self.console, [
            *([(say("network"), size)] if told["parameters"] else []),
            (say("device"), f"{told['device']} {told['precision']} · {say('seed')} {told['seed']}"
             + (f" · {say('resumed at step {step}', step=f'{event.step:,}')}" if told["resumed"] else ""))], _names())
        self.console.print()
        if self.console.is_terminal:
            self.live = Live(console=self.console, auto_refresh=False)
            self.live.start()

    def _step(self, event: Event) -> None:
        told = event.facts
        self.loss = "loss" if "loss" in told else next((name for name in told if name not in _OURS), "loss")
        if told.get(self.loss) is not None:
            self.losses.append((told["progress"], told[self.loss]))
        self.pace = [*self.pace[-8:], (told["seconds"], told["seen"] or event.step)]
        if self.live is not None:
            self.live.update(self._picture(event.step, told), refresh=True)
        elif not self.quiet and not self._judged() and told["progress"] >= self.told + 0.1:
            self.told = told["progress"]
            self._line(event.step)

    def _judged(self) -> bool:
        """Is this run judged as it learns? Then each judgement is a line."""
        return self.plan.data.world is not None or len(self.plan.data.splits.get("valid", ())) > 0

    def _picture(self, step: int, told: dict, done: bool = False) -> Group:
        progress = 1.0 if done else told["progress"]
        width = max(10, min(self.console.width - 26, 64))
        bar = ProgressBar(total=1.0, completed=progress, width=width, complete_style="cyan", finished_style="green")
        left = told["seconds"] * (1 - progress) / progress if progress > 0 else None
        time = "" if left is None or done else say("{time} left", time=span(left))
        first = Text.assemble(("  ", ""), (f"{progress:4.0%} ".replace("%", " %"), "bold"), (f" {time}", ""))
        loss = Text("  ").append_text(self._loss()) if self.losses else ""
        below = [_beside(Text(curve(self.losses, width), style="cyan"), loss, width)] if len(self.losses) > 2 else []
        return Group(_beside(bar, first, width), *below, Text("  ").append_text(self._counts(step)))

    def _loss(self) -> Text:
        return Text.assemble((say(self.loss), "dim"), f" {metric(self.loss, self.losses[-1][1])}")

    def _counts(self, step: int) -> Text:
        planned = self.started.get("planned")
        counts = f"{step:,} / {planned:,}" if planned else f"{step:,}"
        parts = [Text.assemble((say("step"), "dim"), f" {counts}")]
        score = self.started.get("score", "")
        if score in self.newest:
            parts.append(Text.assemble((say(score), "dim"), f" {metric(score, self.newest[score])}"))
        if rate := self._rate():
            parts.append(Text(rate))
        return Text("   ").join(parts)

    def _rate(self) -> str:
        if len(self.pace) < 2 or self.pace[-1][0] <= self.pace[0][0]:
            return ""
        unit = self.plan.data.inputs.unit if self.plan else "steps"
        return speed(unit, (self.pace[-1][1] - self.pace[0][1]) / (self.pace[-1][0] - self.pace[0][0]))

    def _line(self, step: int) -> None:
        loss = [self._loss()] if self.losses else []
        self.console.print(Text("  ") + Text("   ").join([self._counts(step), *loss]))

    def _changed(self, told: dict) -> None:
        if "paused" in told:
            self._say(say("waiting; `deepen go {run}` lets it go on", run=here(self.run.path)) if told["paused"]
                      else say("going on"), "yellow")
        else:
            self._say(", ".join(f"{key} = {value}" for key, value in told.items()), "yellow")

    def _say(self, sentence: str, style: str) -> None:
        tell(self.console, sentence, style=style)

    def close(self, step: int = 0) -> None:
        """Leave the last picture standing; a finished one is full."""
        if self.live is not None:
            if self.finished:
                self.live.update(self._picture(step, self.finished, done=True), refresh=True)
            self.live.stop()
            self.live = None


_OURS = {"progress", "seconds", "seen", "steps_per_second"}


def _names() -> tuple[str, ...]:
    return say("data"), say("run"), say("network"), say("device")


def curve(values: list[tuple[float, float]], width: int) -> str:
    """(progress 0…1, value) pairs as one row of blocks under a bar of `width` characters: lower is smaller. What is
    always above zero, as most losses are, is drawn by its logarithm: the end of learning is seen as well as its start."""
    good = [(at, value) for at, value in values if value is not None and math.isfinite(value)]
    if not good:
        return ""
    if min(value for _, value in good) > 0:
        good = [(at, math.log(value)) for at, value in good]
    low, high = min(value for _, value in good), max(value for _, value in good)
    row, following = [], 0
    for column in range(min(width, max(1, round(good[-1][0] * width)))):
        while following + 1 < len(good) and good[following][0] * width < column + 1:
            following += 1
        share = (good[following][1] - low) / (high - low) if high > low else 0.0
        row.append(BLOCKS[min(7, int(share * 8))])
    return "".join(row)


def _beside(left, right, width: int):
    from rich.table import Table
    table = Table.grid()
    table.add_column(width=2)
    table.add_column(width=width)
    table.add_column(no_wrap=True)
    table.add_row("", left, right)
    return table
