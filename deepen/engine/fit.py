"""fit: the one loop that drives a system and tells events. It knows no system; it knows `System`."""
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from deepen.core.data import Data
from deepen.core.events import Event
from deepen.core.recipe import Count, _field, convert, fields_of, unknown
from deepen.core.system import System
from deepen.core.words import Problem, say
from deepen.engine import keep
from deepen.engine.place import Place
from deepen.engine.run import Run
from deepen.engine.shown import Album
from deepen.engine.until import better, gently

LOG_SECONDS, POLL_SECONDS, SAVE_SECONDS, SAVE_SHARE = 0.25, 0.2, 30.0, 0.05
Minutes = Annotated[float, _field(gt=0, le=100_000, allow_inf_nan=False)]


@dataclass(frozen=True)
class Flags:
    """How a run is run (what is learned is the recipe)."""
    device: str = "auto"                                            # auto, cpu, cuda, mps
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"     # number format of the arithmetic
    seed: Annotated[int, _field(ge=0, le=2**62)] = 0                # everything random follows from it
    minutes: Minutes | None = None                                  # stop after so many minutes
    keep: Literal["best", "last"] = "best"                          # which state becomes the model
    eval_every: Count | None = None                                 # judge every N steps (default: ten times a run)
    patience: Count | None = None                                   # stop after N judgements without a better score


@dataclass
class Progress:
    """What fit itself must remember to go on."""
    step: int = 0
    seconds: float = 0.0            # learning and judging together
    judging: float = 0.0            # of which judging
    progress: float = 0.0
    order: int = 0                  # id of the last command obeyed
    best: float | None = None
    best_step: int = 0
    worse: int = 0                  # judgements since the best
    valid: dict[str, float] = field(default_factory=dict)       # of the state that is kept
    last: dict[str, float] = field(default_factory=dict)        # of the newest judgement


def fit(system: System, data: Data, run: Run, flags: Flags | None = None, tell: Callable[[Event], None] | None = None,
        before: tuple | None = None) -> Progress:
    """Build `system` on `data`, let it learn, judge and save it into `run`; every fact goes to `tell` as an `Event`.

    `before` is a checkpoint of the same run as `keep.newest` gives it: then learning goes on from there.
    Raises `Failure` when the work fails (a loss that is no number, no space left); the last good checkpoint stays.
    """
    return _Fit(system, data, run, flags or Flags(), tell).learn(before)


def lend(system: System, data: Data, place: Place) -> None:
    """Give a system what `build` and `steps` may use."""
    system.data, system.device = data, place.device
    system.place, system.descend = place.place, place.descend          # type: ignore[method-assign]


def judge(system: System, split: str = "valid") -> dict[str, float]:
    """Metrics of a split. Leaves no trace: networks in eval mode, no gradients, random generators put back."""
    with quiet(system):
        return {name: float(value) for name, value in system.evaluate(split).items()}


@contextmanager
def quiet(system: System) -> Iterator[None]:
    """Look at a system without changing what it will learn."""
    modes = [(module, module.training) for net in system.networks() for module in net.modules()]
    devices = [system.device] if system.device.type == "cuda" else []
    for module, _ in modes:
        module.training = False
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=devices):
            yield
    finally:
        for module, training in modes:
            module.training = training


class _Fit:
    def __init__(self, system, data, run, flags, tell):
        self.system, self.data, self.run, self.flags = system, data, run, flags
        self.listeners = [run.tell] + [tell] * (tell is not None)
        self.place = Place(flags.device, system.precision if flags.precision == "auto" else flags.precision)
        self.past, self.album = Progress(), Album(run.path / "shown")
        self.model: dict | None = None                  # the best weights so far, until they are written
        self.pending: list[Mapping[str, Any]] = []      # metrics since the last log
        self.saving = 0.0                               # seconds spent on checkpoints
        self.saved_at = self.logged_at = self.polled_at = self.started = 0.0
        self.step_of_log = 0

    def tell(self, name, **facts) -> None:
        event = Event(name, self.past.step, facts)
        for listener in self.listeners:
            listener(event)

    def learn(self, before) -> Progress:
        system, past = self.system, self.past
        torch.manual_seed(self.flags.seed)
        lend(system, self.data.sealed().to(self.place.device), self.place)
        system.progress, system.resumed = 0.0, before is not None
        system.build(system.data)
        if before is not None:
            self.restore(before)
        self.judged_at = past.step
        planned = system.planned
        every = self.flags.eval_every or max(1, (planned or 10_000) // 10)
        can_judge = ("valid" in self.data.splits and len(self.data.splits["valid"]) > 0) or self.data.world is not None
        average = getattr(getattr(system, "ema", None), "module", None)         # a copy: not counted
        self.tell("started", planned=planned, device=str(self.place.device), precision=self.place.precision,
                  seed=self.flags.seed, resumed=before is not None, score=system.score,
                  parameters=sum(p.numel() for net in system.networks() if net is not average for p in net.parameters()))
        inexact = [] if system.exact_resume else [say("this run can be resumed, but not bit for bit: its world cannot be rewound")]
        self.hear([*(system.said if before is None else ()), *inexact])
        self.started = self.logged_at = self.polled_at = self.saved_at = time.monotonic()
        self.started -= past.seconds
        reason, budget = "planned", self.flags.minutes and self.flags.minutes * 60
        with gently() as asked, self.place.autocast():
            for metrics in system.steps():
                past.step += 1
                self.hear(system.said)
                self.pending.append({name: value.detach() if isinstance(value, Tensor) else value
                                     for name, value in metrics.items()})
                now = time.monotonic()
                past.seconds = now - self.started
                share = max(past.step / planned if planned else 0.0, past.seconds / budget if budget else 0.0)
                system.progress = past.progress = min(1.0, max(past.progress, share))
                if past.step % every == 0 and can_judge:
                    self.judge()
                    if self.flags.patience and past.worse >= self.flags.patience:
                        reason = "patience"
                        break
                elif now - self.logged_at > LOG_SECONDS or len(self.pending) >= 10_000:
                    self.log(now)
                if now - self.polled_at > POLL_SECONDS or asked.is_set():
                    self.polled_at = now
                    if asked.is_set() or self.obey(asked):
                        reason = "interrupt" if asked.is_set() else "stop"
                        break
                    if now - self.saved_at > SAVE_SECONDS:
                        self.save_if_cheap()
                if budget and past.seconds >= budget:
                    reason = "minutes"
                    break
            self.finish(reason, can_judge)
        return past

    def hear(self, said) -> None:                           # what a system has to say is told once
        for why in said:
            self.tell("warned", why=why)
        self.system.said = ()

    def finish(self, reason: str, can_judge: bool) -> None:
        past = self.past
        if reason == "interrupt":
            self.log(time.monotonic())
            self.save()
            self.tell("warned", why=say("interrupted and saved at step {step}", step=past.step))
            raise KeyboardInterrupt
        if can_judge and (self.judged_at != past.step or not past.last):
            self.judge()
        with quiet(self.system):
            self.album.paint(self.system, past.step, past.seconds, last=True)
        self.log(time.monotonic())
        if self.flags.keep == "last" or past.best is None:
            self.model, past.valid = self.weights(), dict(past.last)
        self.save()
        past.seconds = time.monotonic() - self.started
        learning = max(past.seconds - past.judging - self.saving - self.album.spent, 1e-9)
        speed = {f"{self.data.inputs.unit}_per_second": self.system.seen / learning} if self.system.seen else {}
        self.tell("finished", reason=reason, steps=past.step, seconds=past.seconds, learning_seconds=learning,
                  valid=past.valid, last=past.last, best_step=past.best_step if self.flags.keep == "best" else past.step,
                  speed={**speed, "steps_per_second": past.step / learning})

    def log(self, now: float) -> None:
        """Tell the means since the last log: the only place where metrics are read from the device."""
        steps, seconds = self.past.step - self.step_of_log, now - self.logged_at
        self.logged_at, self.step_of_log = now, self.past.step
        if not self.pending:
            return
        self.place.check()
        means = _means(self.pending)
        self.pending.clear()
        self.tell("stepped", progress=round(self.past.progress, 4), seconds=round(self.past.seconds, 3), seen=self.system.seen,
                  steps_per_second=round(steps / max(seconds, 1e-9), 2), **means)

    def judge(self) -> None:
        past, began = self.past, time.monotonic()
        self.log(began)
        past.last, self.judged_at = judge(self.system), past.step
        is_best = better(self.system.score, score := past.last.get(self.system.score, float("nan")), past.best)
        past.worse = 0 if is_best else past.worse + 1
        if is_best:
            past.best, past.best_step, past.valid = score, past.step, dict(past.last)
            if self.flags.keep == "best":
                self.model = self.weights()
        past.judging += time.monotonic() - began
        past.seconds = time.monotonic() - self.started
        self.logged_at = time.monotonic()
        self.tell("evaluated", split="valid", best=is_best, **past.last)
        with quiet(self.system):
            self.album.paint(self.system, past.step, past.seconds)
        self.save_if_cheap()

    def weights(self) -> dict:
        """A copy of what will be used: the network (or whatever holds the answers)."""
        return {name: value.detach().cpu().clone() if isinstance(value, Tensor) else value
                for name, value in self.system.network().state_dict().items()}

    def save_if_cheap(self) -> None:
        if self.saving <= SAVE_SHARE * self.past.seconds:
            self.save()

    def save(self) -> None:
        self.place.check()
        began = time.monotonic()
        if self.model is not None:
            self.run.write_model(self.model, self.system, self.past.valid, self.past.step)
            self.model = None
        parts = self.system.state_dict()
        networks = self.system.networks()
        nets = {name for name in parts if any(getattr(self.system, name) is net for net in networks)}
        random = {"cpu": torch.get_rng_state()}
        if self.place.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.place.device)
        keep.save(self.run.checkpoint(self.past.step), {name: parts[name] for name in parts if name in nets},
                  {"system": {name: parts[name] for name in parts if name not in nets}, "fit": vars(self.past).copy(),
                   "random": random, "scaler": self.place.scaler.state_dict()})
        keep.tidy(self.run.path / "checkpoints")
        self.saved_at = time.monotonic()
        self.saving += self.saved_at - began
        self.tell("saved", seconds=round(self.saved_at - began, 4))

    def restore(self, before) -> None:
        _, weights, state, damaged = before
        for name in damaged:
            self.tell("warned", why=say("checkpoint {name} is damaged; the one before it is used", name=name))
        self.system.load_state_dict({**weights, **state["system"]})
        self.past.__dict__.update(state["fit"])
        self.system.progress, self.step_of_log = self.past.progress, self.past.step
        if state["scaler"]:
            self.place.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"]["cpu"])
        if "cuda" in state["random"] and self.place.device.type == "cuda":
            torch.cuda.set_rng_state(state["random"]["cuda"], self.place.device)

    def obey(self, asked) -> bool:
        """Read new commands; True when one says stop. `pause` waits here for `go`."""
        paused = False
        while True:
            for order in self.run.orders(after=self.past.order):
                self.past.order = order["id"]
                match order["do"]:
                    case "stop":
                        return True
                    case "pause" | "go":
                        paused = order["do"] == "pause"
                        self.tell("changed", paused=paused)
                    case "save":
                        self.save()
                    case "set":
                        self.change(order.get("key", ""), order.get("value"))
            if not paused or asked.is_set():
                return False
            time.sleep(POLL_SECONDS)
            self.started += POLL_SECONDS        # a pause is not learning time

    def change(self, key: str, value) -> None:
        """Change a `Live` field while it learns; anything else is refused with a warning."""
        known = fields_of(type(self.system))
        try:
            if key not in known:
                raise unknown("setting", key, known)
            if not known[key].live:
                raise Problem("{key} cannot be changed while it learns; these can: {live}", key=key,
                              live=", ".join(name for name in known if known[name].live) or "–")
            setattr(self.system, key, convert(known[key], value, key))
            self.tell("changed", **{key: getattr(self.system, key)})
        except Problem as problem:
            self.tell("warned", why=str(problem))


def _means(pending: list[Mapping[str, Any]]) -> dict[str, float]:
    """The mean of each metric over the yields that had it; tensors are stacked and read once."""
    means = {}
    for name in dict.fromkeys(name for metrics in pending for name in metrics):
        values = [metrics[name] for metrics in pending if name in metrics]
        tensors = [value.float() for value in values if isinstance(value, Tensor)]
        means[name] = torch.stack(tensors).mean().item() if tensors else sum(float(value) for value in values) / len(values)
    return means
