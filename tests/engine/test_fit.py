"""fit: what it lends, when it stops, what it obeys, and that nothing it does changes what is learned."""
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Annotated

import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label, Vector
from deepen.core.recipe import Live, Rate
from deepen.core.system import System
from deepen.core.words import Failure, Problem
from deepen.engine import keep
from deepen.engine.fit import Flags, fit
from deepen.engine.run import Run
from deepen.engine.start import resume, start
from deepen.nn import metrics, optim


@dataclass
class Line(System):
    """A line between two clouds."""
    goal = (Vector, Label)
    default_data = "gauss"
    score = "accuracy"

    lr: Annotated[Rate, Live] = 0.1
    updates: int = 1                # optimizer steps a yield
    epochs: float = 4
    break_at: int = 0               # step at which the loss becomes nan
    name: str = ""

    def build(self, data):
        self.model = self.place(torch.nn.Linear(2, 2))
        self.rule = optim.make("sgd", self.model, self.lr)
        self.stream = data.stream("train", 8, self.epochs)
        self.at = 0

    def steps(self):
        for x, y in self.stream:
            optim.set_rate(self.rule, self.lr)
            self.at += 1
            for _ in range(self.updates):
                loss = torch.nn.functional.cross_entropy(self.model(x).float(), y)
                loss = self.descend(loss * (float("nan") if self.at == self.break_at else 1), self.rule)
            yield {"loss": loss}

    def evaluate(self, split="valid"):
        x, y = self.data.splits[split][:]
        torch.rand(3)               # a judge that draws
        p = self.predict(x)
        return {"accuracy": metrics.accuracy(p, y), "loss": metrics.nll(p, y)}

    def predict(self, inputs):
        return self.model(inputs).float().softmax(1)


def clouds(n=160):
    draw = torch.Generator().manual_seed(0)
    y = torch.arange(n) % 2
    x = torch.randn(n, 2, generator=draw) + 3 * (2 * y[:, None] - 1)
    return Data({"train": Examples(x[:120], y[:120]), "valid": Examples(x[120:], y[120:])}, Vector(2), Label(("a", "b")),
                origin="clouds()")


def go(folder, system=None, tell=None, before=None, **flags):
    run = Run(folder)
    if before is None:
        run = Run.new("line", out=folder)
        run.write({"asked": {"system": "line"}})
    system = system or Line()
    told = []
    past = fit(system, clouds(), run, Flags(precision=flags.pop("precision", "fp32"), **flags),
               lambda event: (told.append(event), tell(event, run) if tell else None), before)
    return system, run, past, told


def names(told):
    return [event.event for event in told]


def test_tells_the_story_in_order(tmp_path):
    _, run, past, told = go(tmp_path / "run")
    assert names(told)[0] == "started" and names(told)[-1] == "finished"
    assert past.step == 60 == told[-1].facts["steps"] and told[-1].facts["reason"] == "planned"
    assert names(told).count("evaluated") == 10
    assert [event.event for event in run.events()] == names(told)
    assert past.valid["accuracy"] > 0.95
    assert run.finished() is not None


def test_progress_never_falls_and_ends_at_one(tmp_path):
    seen = []
    system = Line()
    steps = system.steps

    def watched():
        for news in steps():
            seen.append(system.progress)
            yield news
    system.steps = watched
    system.transient = ("steps",)
    go(tmp_path / "run", system)
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == pytest.approx(59 / 60) and system.progress == 1


def test_two_updates_in_one_yield_use_fresh_weights_under_autocast(tmp_path):
    """With autocast's cache of cast weights the second update of a yield would go back through old weights."""
    many, *_ = go(tmp_path / "many", Line(updates=5), precision="bf16")
    with_cache = torch.nn.Linear(2, 2)
    torch.manual_seed(0)
    with_cache = torch.nn.Linear(2, 2)
    rule = torch.optim.SGD(with_cache.parameters(), 0.1)
    system = Line(updates=5)
    data = clouds()
    torch.manual_seed(0)
    system.build(data)
    for x, y in system.stream:
        for _ in range(5):
            with torch.autocast("cpu", torch.bfloat16):      # a context an update: nothing can be stale
                loss = torch.nn.functional.cross_entropy(with_cache(x).float(), y)
            rule.zero_grad()
            loss.backward()
            rule.step()
    assert torch.allclose(many.model.weight, with_cache.weight, atol=1e-6)


def test_a_loss_that_is_no_number_keeps_the_last_good_state(tmp_path):
    with pytest.raises(Failure, match="became nan"):
        go(tmp_path / "run", Line(break_at=31), eval_every=10)
    number, weights, _, damaged = keep.newest(tmp_path / "run" / "checkpoints")
    assert 0 < number <= 30 and not damaged
    assert all(torch.isfinite(tensor).all() for tensor in weights["model"].values())
    assert Run(tmp_path / "run").card()["metrics"]["accuracy"] > 0.5


def test_stops_when_told_and_goes_on_to_the_same_end(tmp_path):
    straight, *_ = go(tmp_path / "straight", Line(epochs=40))

    def stop(event, run):
        if event.event == "evaluated" and event.step == 120:
            run.order("stop")
            time.sleep(0.25)            # commands are looked for every 0.2 s
    _, run, past, told = go(tmp_path / "cut", Line(epochs=40), tell=stop)
    assert told[-1].facts["reason"] == "stop" and past.step < 600 and run.finished() is None
    rest, _, past, _ = go(tmp_path / "cut", Line(epochs=40), before=run.newest())
    assert past.step == 600
    assert torch.equal(rest.model.weight, straight.model.weight)


def test_set_changes_live_fields_and_refuses_others(tmp_path):
    def change(event, run):
        if event.event == "evaluated" and event.step == 60:
            run.order("set", key="lr", value="0.5")
            run.order("set", key="updates", value="3")
            run.order("set", key="lt", value="3")
            run.order("set", key="lr", value="-1")
            time.sleep(0.25)
    system, _, _, told = go(tmp_path / "run", Line(epochs=40), tell=change)
    assert system.lr == 0.5 and system.updates == 1
    assert [event.facts for event in told if event.event == "changed"] == [{"lr": 0.5}]
    warned = [event.facts["why"] for event in told if event.event == "warned"]
    assert len(warned) == 3 and "updates cannot be changed" in warned[0] and "lr" in warned[1] and "at least 0" in warned[2]


def test_pause_waits_and_is_not_learning_time(tmp_path):
    def pause(event, run):
        if event.event == "evaluated" and event.step == 60:
            run.order("pause")
            run.order("go")
            time.sleep(0.25)
    _, _, past, told = go(tmp_path / "run", Line(epochs=40), tell=pause)
    assert [event.facts for event in told if event.event == "changed"] == [{"paused": True}, {"paused": False}]
    assert past.step == 600


def test_minutes_end_a_run_and_move_progress(tmp_path):
    system, _, past, told = go(tmp_path / "run", Line(epochs=100_000), minutes=0.01)
    assert told[-1].facts["reason"] == "minutes"
    assert 0.6 <= past.seconds < 5 and system.progress == 1


def test_patience_ends_a_run(tmp_path):
    _, _, past, told = go(tmp_path / "run", Line(epochs=100, lr=0), patience=3, eval_every=10)
    assert told[-1].facts["reason"] == "patience" and past.step == 40


def test_best_and_last(tmp_path):
    _, best, past, _ = go(tmp_path / "best", Line(lr=3), eval_every=1)
    scores = [event.facts["accuracy"] for event in best.events() if event.event == "evaluated"]
    assert past.valid["accuracy"] == max(scores) and best.card()["step"] == past.best_step
    _, last, *_ = go(tmp_path / "last", Line(lr=3), eval_every=1, keep="last")
    assert last.card()["step"] == 60 and last.metrics["accuracy"] == scores[-1]


def test_the_test_split_is_sealed_while_learning(tmp_path):
    class Peeks(Line):
        def evaluate(self, split="valid"):
            return super().evaluate("test")
    data = clouds()
    sealed = Data({**data.splits, "test": data.splits["valid"]}, data.inputs, data.target)
    run = Run.new("x", out=tmp_path / "run")
    run.write({"asked": {"system": "line"}})
    with pytest.raises(Problem, match="sealed"):
        fit(Peeks(), sealed, run, Flags(precision="fp32"))


def test_a_second_writer_is_refused(tmp_path):
    run = Run.new("x", out=tmp_path / "run")
    with run.locked(), pytest.raises(Problem, match="another process"), Run(run.path).locked():
        raise AssertionError("two writers")


def test_a_torn_last_event_is_cut(tmp_path):
    _, run, _, told = go(tmp_path / "run")
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"t": 1, "step": 2, "ev')
    assert len(run.events()) == len(told)
    Run(run.path).tell(told[0])         # another process goes on with it
    assert len(run.events()) == len(told) + 1
    for line in (run.path / "events.jsonl").read_text().splitlines():
        json.loads(line)


def test_a_finished_run_is_not_learned_again(tmp_path):
    run = start("classify", {"data": "stripes", "net": "conv 4 3; relu; globalpool; dense classes", "epochs": 1},
                out=tmp_path / "run")
    before = (run.path / "model" / "weights.safetensors").read_bytes()
    assert run.finished()
    resume(run)
    assert (run.path / "model" / "weights.safetensors").read_bytes() == before


LONG = ["train", "classify", "data=stripes", "net=conv 8 3; norm; relu; globalpool; dense classes", "epochs=60",
        "batch=16", "--eval-every", "40", "--quiet"]


def deepen(*words, **more):
    return subprocess.Popen([sys.executable, "-m", "deepen", *words], env={**os.environ, "OMP_NUM_THREADS": "1"},
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


def weights_of(path):
    return (path / "model" / "weights.safetensors").read_bytes()


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    process = deepen(*LONG, "--out", str(tmp_path / "run"))
    while not list((tmp_path / "run" / "checkpoints").glob("0*")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 1 and "deepen resume" in told, told
    assert keep.newest(tmp_path / "run" / "checkpoints") is not None


@pytest.mark.slow
def test_kill_9_five_times_ends_like_an_undisturbed_run(tmp_path):
    assert deepen(*LONG, "--out", str(tmp_path / "calm")).wait(120) == 0
    process = deepen(*LONG, "--out", str(tmp_path / "run"))
    for wait in (0.3, 0.7, 0.2, 1.1, 0.5):
        while not (tmp_path / "run" / "events.jsonl").exists() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(wait)
        process.kill()
        process.communicate()
        process = deepen("resume", str(tmp_path / "run"), "--quiet")
    told = process.communicate(timeout=120)[0].decode()
    assert process.returncode == 0, told
    assert weights_of(tmp_path / "run") == weights_of(tmp_path / "calm")
