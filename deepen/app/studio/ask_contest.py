"""The contest of the two networks of a GAN, one turn at a time, at the desk: what each has painted, what the discriminator
says of it, and how it would have the picture changed."""
import copy
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image as Pillow
from torch import Tensor

from deepen.app.studio.ask_make import pictured
from deepen.app.studio.ask_runs import png
from deepen.core.recipe import checked
from deepen.core.words import Failure, Problem, say
from deepen.engine import drawn, find
from deepen.engine.fit import lend
from deepen.engine.place import Place
from deepen.engine.run import Run
from deepen.engine.start import _trusted, open_data
from deepen.nn import contest as game
from deepen.nn import optim

KEPT, SHOWN, POINTS = 4, 10, 600        # contests at the desk; pictures of each side; turns in the curves
MEANT = 100                             # turns before sameness means something
LOST, EVEN = 0.03, 0.05                 # how much painted pictures are believed where all is lost; less apart is even
BLUE, ORANGE = (8, 119, 189), (245, 147, 34)

_contests: OrderedDict[str, "Contest"] = OrderedDict()     # by run, the newest last


@dataclass
class Contest:
    """A system between two turns."""
    system: Any
    batches: Iterator                                       # of real pictures, without end
    noise: Tensor                                           # what is painted again after each turn
    real: Tensor                                            # uint8 pictures that are shown
    y: Tensor                                               # their classes, and those of the noise
    random: Tensor                                          # where its random numbers are
    step: int                                               # of the run it began from; 0: fresh
    turns: dict[str, int] = field(default_factory=lambda: {"look": 0, "paint": 0})
    losses: dict[str, list[list[float]]] = field(default_factory=lambda: {"look": [], "paint": []})
    ended: str = ""                                         # why it cannot go on


def begin(run: str, fresh: bool, seed: int, slopes: bool = False) -> dict[str, Any]:
    """Begin again: from new networks, or from the newest checkpoint of the run."""
    contest = _fresh(Run(run), seed)
    if not fresh:
        before = Run(run).newest()
        if before is None:
            raise Problem("{run} has no checkpoint to go on from; begin with new networks", run=Path(run).name)
        step, weights, state, _ = before
        contest.system.load_state_dict({**weights, **state["system"]})
        contest.step = step
        for side in ("look", "paint"):                      # the run had slowed down to its end
            optim.set_rate(_optimizer(contest.system, side), contest.system.lr)
    _contests[run] = contest
    _contests.move_to_end(run)
    while len(_contests) > KEPT:
        _contests.popitem(last=False)
    return told(contest, slopes)


def turn(run: str, who: str, times: int, rates: dict[str, float], slopes: bool = False) -> dict[str, Any]:
    """One side's turn, or both one after another, `times`; each with its learning rate."""
    contest = _known(run)
    if not contest.ended:
        for side, rate in rates.items():
            optim.set_rate(_optimizer(contest.system, side), rate)
        with _its_random(contest):
            for side in ("look", "paint") * times if who == "both" else (who,) * times:
                if not _one(contest, side):
                    break
    return told(contest, slopes)


def see(run: str, slopes: bool = False) -> dict[str, Any]:
    """How it stands, without a turn."""
    return told(_known(run), slopes)


def _known(run: str) -> Contest:
    if run not in _contests:
        raise Problem("this contest is not at the desk any more; begin again")
    _contests.move_to_end(run)
    return _contests[run]


def _one(contest: Contest, side: str) -> bool:
    real, y = next(contest.batches)
    system = contest.system
    try:
        loss = float(system.look(real, y) if side == "look" else system.paint(y))
    except Failure as failure:                              # a loss that is no number any more
        contest.ended = str(failure)
        return False
    contest.turns[side] += 1
    contest.losses[side].append([sum(contest.turns.values()), loss])
    return True


def _fresh(run: Run, seed: int) -> Contest:
    """New networks of the run's own recipe, and its data."""
    asked = run.asked()
    name = asked["asked"]["system"]
    kind = find.system(_trusted(run, name) if name.partition(":")[0].endswith(".py") else name)
    if not (hasattr(kind, "look") and hasattr(kind, "paint")):
        raise Problem("{system} is no contest of two networks; dcgan is one", system=Path(name).stem)
    data, _ = open_data({key: value for key, value in asked["data"].items() if key != "origin"})
    system = kind(**checked(kind, asked["recipe"]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        lend(system, data.sealed(), Place("cpu", "fp32"))
        system.build(system.data)
        train = system.data.split("train")
        rows = torch.randperm(len(train))[:max(SHOWN, system.batch)]
        real, y = train[rows]
        if y is None:
            y = torch.zeros(len(real), dtype=torch.int64)
        order = _by_class(y)
        real, y = real[order], y[order]
        noise = system.noise(y)
        return Contest(system, _batches(system, seed), noise, real, y, torch.get_rng_state(), 0)


def _by_class(y: Tensor) -> Tensor:
    """Rows so that the first few are of different classes: 0, 1, 2, …, 0, 1, 2, …"""
    turn = torch.zeros_like(y)
    for kind in y.unique():
        turn[y == kind] = torch.arange(int((y == kind).sum()))
    return (turn * (int(y.max()) + 1) + y).argsort()


def _batches(system, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Real pictures and their classes, for as long as anybody plays."""
    train, draw = system.data.split("train"), torch.Generator().manual_seed(seed)
    while True:
        rows = torch.randperm(len(train), generator=draw)
        for part in rows.split(system.batch):
            if len(part) == min(system.batch, len(train)):
                real, y = train[part]
                yield real, torch.zeros(len(real), dtype=torch.int64) if y is None else y


@contextmanager
def _its_random(contest: Contest):
    """Random numbers of its own, so that the same turns give the same contest whatever else the desk is asked."""
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(contest.random)
        yield
        contest.random = torch.get_rng_state()


# what is told after a turn

def told(contest: Contest, slopes: bool) -> dict[str, Any]:
    """{turns, losses, rates, real: [{picture, believed}], painted: [{picture, believed, push, slope}], believed: {real,
    painted}, variety, said}: `believed` is the discriminator's probability that a picture is real."""
    system = contest.system
    with _as_played(system):
        real_said = system.real(_floats(contest.real), contest.y)
        painted = system.generator(contest.noise)
        painted_said, push = _pushed(system, painted, contest.y)
    real, made = contest.real[:SHOWN], pictured(_bytes(painted[:SHOWN]))
    believed = {side: _number(said.sigmoid().mean()) for side, said in (("real", real_said), ("painted", painted_said))}
    variety, names = _number(_variety(contest, painted)), getattr(system.data.target, "names", None)
    return {
        "step": contest.step, "turns": contest.turns, "batch": len(contest.y), "ended": contest.ended,
        "losses": {side: points[-POINTS:] for side, points in contest.losses.items()},
        "rates": {side: _optimizer(system, side).param_groups[0]["lr"] for side in ("look", "paint")},
        "real": [{"picture": png(one), "believed": _number(p), "name": names[k] if names else ""}
                 for one, p, k in zip(real, real_said.sigmoid(), contest.y.tolist(), strict=False)],
        "painted": [{"picture": png(one), "believed": _number(p), "push": _number(slope.norm()), **({"slope": _overlay(slope)} if slopes else {})}
                    for one, p, slope in zip(made, painted_said.sigmoid(), push, strict=False)],
        "believed": believed, "variety": variety, "said": _sentences(contest, believed, variety)}


def _number(value: Tensor) -> float | None:
    """JSON knows no NaN."""
    return float(value) if value.isfinite() else None


def _sentences(contest: Contest, believed: dict[str, Any], variety: float | None) -> list[dict[str, Any]]:
    """How the game stands, where one should know: {text, bad}."""
    if contest.ended:
        return [{"text": contest.ended, "bad": True}]
    told: list[dict[str, Any]] = []
    if variety is None or None in believed.values():
        return told
    if contest.turns["look"] >= 5 and believed["painted"] < LOST and believed["real"] > 1 - 5 * LOST:
        told.append({"bad": True, "text": say(
            "The discriminator wins: it believes hardly any painted picture, so the generator hears the same “no” whatever it "
            "paints. Give the generator more turns, or the discriminator a smaller learning rate.")})
    elif contest.turns["look"] >= 5 and abs(believed["painted"] - believed["real"]) < EVEN:
        told.append({"bad": False, "text": say(
            "The discriminator tells the two apart hardly better than by guessing: the painted pictures are good, or it has not "
            "learned enough. Look at them and decide.")})
    if contest.turns["paint"] >= MEANT and variety < game.ALIKE:
        told.append({"bad": True, "text": say(
            "Mode collapse: painted pictures of one class differ only {share} as much as real ones, so the generator paints nearly "
            "the same whatever the noise. A smaller learning rate for the generator lets the discriminator catch up.",
            share=f"{variety:.0%}")})
    return told


def _pushed(system, painted: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(logits (B,) of painted pictures, how each pixel should change (B, C, H, W) to be believed more): minus the slope of the
    generator's loss."""
    with torch.enable_grad():
        x = painted.detach().clone().requires_grad_()
        logits = system.real(x, y)
        slope, = torch.autograd.grad(len(y) * game.fooled(logits, getattr(system, "objective", "bce")), x)
    return logits.detach(), -slope


def _variety(contest: Contest, painted: Tensor) -> Tensor:
    """How unlike painted pictures of a class are, beside the real ones."""
    kinds = int(contest.y.max()) + 1
    return game.spread(painted, contest.y, kinds) / game.spread(_floats(contest.real), contest.y, kinds).clamp(min=1e-6)


def _overlay(slope: Tensor) -> str:
    """Where a picture (C, H, W) should be lighter (blue) and darker (orange), as a picture to lay over it."""
    value = slope.mean(0)
    share = value.abs() / value.abs().max().clamp(min=1e-12)
    colour = torch.where(value[..., None] > 0, torch.tensor(BLUE), torch.tensor(ORANGE))
    pixels = torch.cat([colour, (share * 220)[..., None]], 2).to(torch.uint8)
    return drawn.address(Pillow.fromarray(pixels.numpy(), "RGBA"), 1 << 20)


@contextmanager
def _as_played(system):
    """Networks as in the game (norms by the batch) that keep nothing of this look."""
    kept = [(net, copy.deepcopy(dict(net.named_buffers())), [(part, part.training) for part in net.modules()]) for net in system.networks()]
    for net, _, _ in kept:
        net.train()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        for net, buffers, modes in kept:
            for name, now in net.named_buffers():
                now.copy_(buffers[name])
            for part, training in modes:
                part.training = training


def _optimizer(system, side: str) -> torch.optim.Optimizer:
    return system.looking if side == "look" else system.painting


def _floats(pictures: Tensor) -> Tensor:
    return pictures.float() / 127.5 - 1


def _bytes(x: Tensor) -> Tensor:
    return ((x + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)
