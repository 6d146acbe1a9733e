"""GAN: algorithm 1's turns, maxout, the slope that vanishes, its own noise, and what it says when it goes wrong."""
import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.words import Failure
from deepen.engine.fit import Flags, lend, quiet
from deepen.engine.place import Place
from deepen.engine.start import start
from deepen.sources.toys import stripes
from deepen.systems.gan import GAN, Maxout


def pictures(channels, height, width, n=64, classes=True):
    x = torch.randint(0, 256, (n, channels, height, width), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    y = torch.arange(n) % 2 if classes else None
    return Data({"train": Examples(x, y), "valid": Examples(x[:9], None if y is None else y[:9])},
                Image(channels, height, width), Label(("a", "b")) if classes else None)


def made(data, **recipe):
    system = GAN(**{"width": 16, "batch": 16, "epochs": 1, **recipe})
    torch.manual_seed(0)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    return system


def test_maxout_is_the_largest_of_its_lines():
    layer = Maxout(3, 2, pieces=4)
    x = torch.randn(5, 3)
    lines = x @ layer.lines.weight.T + layer.lines.bias                     # (5, 2·4), the lines of a unit beside each other
    wanted = torch.stack([lines[:, :4].amax(1), lines[:, 4:].amax(1)], 1)
    assert torch.allclose(layer(x), wanted, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1, 1), (3, 2, 3), (1, 8, 8), (3, 9, 7), (1, 28, 28)])
@pytest.mark.parametrize("batch", [1, 16])
def test_any_size_of_picture_and_of_batch(size, batch):
    system = made(pictures(*size, n=16), batch=batch)
    assert len(list(system.steps())) == 16 // batch
    with quiet(system):
        painted = system.sample(5, seed=3)
        assert painted.shape == (5, *size) and painted.dtype == torch.uint8
        p = system.predict(system.example(2))
    assert p.shape == (2, *size) and p.min() >= 0 and p.max() <= 1


@pytest.mark.parametrize("critics", [1, 3])
def test_the_critic_takes_k_steps_for_each_of_the_painter(critics):
    system, turns = made(pictures(1, 8, 8), critics=critics, epochs=3), []
    lent = system.descend
    system.descend = lambda loss, rule, clip=None, name="loss": (turns.append(name[0]), lent(loss, rule, clip, name))[1]
    told = [set(metrics) for metrics in system.steps()]
    assert "".join(turns) == (("d" * critics + "g") * 12)[:12 + 12 // critics]
    assert [one == {"discriminator", "generator"} for one in told] == [k % critics == critics - 1 for k in range(12)]


def test_each_side_moves_only_its_own_network():
    system = made(pictures(1, 8, 8))
    real, y = system.data.split("train")[:16]
    weights = {name: [w.clone() for w in getattr(system, name).parameters()] for name in ("generator", "discriminator")}

    def moved(name):
        return any(not torch.equal(a, b) for a, b in zip(weights[name], getattr(system, name).parameters(), strict=True))
    system.look(real, y)
    assert moved("discriminator") and not moved("generator")
    weights["discriminator"] = [w.clone() for w in system.discriminator.parameters()]
    system.paint(y)
    assert moved("generator") and not moved("discriminator")


def test_the_slope_of_equation_one_vanishes_for_a_caught_painter():
    slopes = {}
    for saturating in (True, False):
        system = made(pictures(1, 8, 8), saturating=saturating, lr=1e-9, dropout=0.0)
        system.discriminator[-1].bias.data.fill_(-20.0)
        y = torch.zeros(16, dtype=torch.long)
        system.paint(y)
        slopes[saturating] = sum(w.grad.abs().sum().item() for w in system.generator.parameters())
    assert slopes[True] < 1e-5 * slopes[False]


def test_pictures_without_classes():
    system = made(pictures(3, 8, 8, classes=False))
    assert len(list(system.steps())) == 4
    with quiet(system):
        assert set(system.evaluate()) == {"frechet_own", "sample_precision", "sample_recall"}


def test_latent_space_and_panels():
    system = made(pictures(1, 8, 8))
    with quiet(system):
        assert torch.equal(system.sample(8, seed=2)[:4], system.sample(4, seed=2))
        assert torch.equal(system.painted(system.example(5)), system.sample(5))
        axes = system.axes(3)
        assert axes.shape == (3, 64) and torch.allclose(axes @ axes.T, torch.eye(3), atol=1e-4)
        walk = system.walk(7, seed=1)
        assert torch.equal(walk[[0, 6]], system.sample(2, seed=1))
        assert torch.equal(system.painted(system.centre()[None]), system.sample(1)) and len(list(system.panels())) == 2


@pytest.mark.parametrize("side", ["discriminator", "generator"])
def test_it_says_which_side_broke(side):
    system = made(pictures(1, 8, 8))
    lent, broken = system.descend, system.looking if side == "discriminator" else system.painting
    system.descend = lambda loss, rule, clip=None, name="loss": lent(loss * float("nan") if rule is broken else loss, rule, clip, name)
    with pytest.raises(Failure, match=f"{side}'s loss"):
        next(system.steps())


def test_an_exploding_game_keeps_the_last_good_state(tmp_path, monkeypatch):
    from deepen.nn import contest
    count, caught = [0], contest.caught

    def explodes(*given, **own):
        count[0] += 1
        return caught(*given, **own) * (float("nan") if count[0] > 12 else 1.0)
    monkeypatch.setattr(contest, "caught", explodes)
    with pytest.raises(Failure, match="discriminator's loss became nan"):
        start("gan", {"data": "stripes", "data.valid": 0.1, "epochs": 2, "batch": 32}, Flags(eval_every=5), out=tmp_path / "run")
    from deepen.engine.run import Run
    step, weights, state, _ = Run(tmp_path / "run").newest()
    assert step in (5, 10) and all(value.isfinite().all() for value in weights["generator"].values())
    assert state["fit"]["step"] == step


def test_a_collapsed_painter_is_told_in_words(monkeypatch):
    from deepen.nn import contest
    monkeypatch.setattr(contest, "FIRST", 200)
    system = made(stripes(), epochs=15)
    system.noise = lambda y, draw=None: torch.zeros(len(y), 64)
    said = [one for _ in system.steps() for one in system.said]
    assert any("mode collapse" in one for one in said)
