"""DCGAN: begins as in the paper, fits any size of picture, keeps its two sides apart, and says which one broke."""
import pytest
import torch
from torch import nn

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.words import Failure, Problem
from deepen.engine.fit import lend
from deepen.engine.place import Place
from deepen.sources.digits import digits
from deepen.systems.dcgan import DCGAN


def pictures(channels, height, width, n=64):
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (n, channels, height, width), generator=draw, dtype=torch.uint8)
    return Data({"train": Examples(x, torch.arange(n) % 2), "valid": Examples(x[:9], torch.arange(9) % 2)},
                Image(channels, height, width), Label(("a", "b")))


def made(data, **recipe):
    system = DCGAN(**{"width": 8, "batch": 16, "epochs": 1, **recipe})
    torch.manual_seed(0)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    return system


@pytest.mark.parametrize("by_class", [True, False])
@pytest.mark.parametrize("size", [(1, 8, 8), (3, 16, 16), (1, 28, 28), (3, 32, 32), (3, 24, 40), (1, 9, 11), (1, 4, 5)])
def test_any_size_of_picture(size, by_class):
    system = made(pictures(*size), by_class=by_class)
    assert len(list(system.steps())) == 4
    with torch.no_grad():
        painted = system.sample(5, seed=3)
        assert painted.shape == (5, *size) and painted.dtype == torch.uint8
        p = system.predict(system.example(2))
    assert p.shape == (2, *size) and p.min() >= 0 and p.max() <= 1


def test_too_small_a_picture_is_refused():
    with pytest.raises(Problem, match="4×4"):
        made(pictures(1, 3, 8))


def test_weights_begin_as_in_the_paper():
    system = made(pictures(3, 32, 32), width=64)
    for net in (system.generator, system.discriminator):
        large = [layer.weight for layer in net.modules()
                 if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) and layer.weight.numel() > 10_000]
        assert large
        for weight in large:
            assert weight.std().item() == pytest.approx(0.02, abs=0.001) and abs(weight.mean().item()) < 0.001
        norms = torch.cat([layer.weight for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)])
        assert norms.mean().item() == pytest.approx(1, abs=0.01) and norms.std().item() == pytest.approx(0.02, abs=0.005)


def test_each_side_moves_only_its_own_network():
    system = made(pictures(1, 8, 8))
    changed = []

    def watched(loss, optimizer, clip=None, name="loss"):
        before = [[p.clone() for p in net.parameters()] for net in (system.generator, system.discriminator)]
        value = lent(loss, optimizer, clip, name)
        changed.append(tuple(any(not torch.equal(a, b) for a, b in zip(old, net.parameters(), strict=True))
                             for old, net in zip(before, (system.generator, system.discriminator), strict=True)))
        return value
    lent, system.descend = system.descend, watched
    next(system.steps())
    assert changed == [(False, True), (True, False)]


def test_the_album_of_a_seed_is_painted_again():
    system = made(pictures(1, 8, 8))
    with torch.no_grad():
        assert torch.equal(system.sample(6, seed=1), system.sample(6, seed=1))
        assert not torch.equal(system.sample(6, seed=1), system.sample(6, seed=2))


@pytest.mark.parametrize("side, said", [("discriminator", "discriminator's loss"), ("generator", "generator's loss")])
def test_it_says_which_side_broke(side, said):
    system = made(pictures(1, 8, 8))
    if side == "discriminator":
        next(system.discriminator.parameters()).data.fill_(float("nan"))
    else:
        lent = system.descend
        system.descend = lambda loss, rule, clip=None, name="loss": lent(
            loss * float("nan") if rule is system.painting else loss, rule, clip, name)
    with pytest.raises(Failure, match=said):
        next(system.steps())


def test_a_critic_that_always_wins_ends_the_run(monkeypatch):
    from deepen.systems import dcgan
    monkeypatch.setattr(dcgan, "LOST", 3)
    system = made(pictures(1, 8, 8), lr=0.0)
    system.discriminator[-2].bias.data.fill_(-50.0)
    with pytest.raises(Failure, match="discriminator has caught every picture for 3 steps"):
        list(system.steps())
    assert system.turn == 3
    fair = made(pictures(1, 8, 8))
    assert len(list(fair.steps())) == 4 and fair.lost == 0


def test_the_average_is_what_is_kept():
    system = made(digits(), epochs=0.1)
    list(system.steps())
    assert system.network() is system.ema.module
    assert made(digits(), average=0.0).network().training


def test_pictures_without_classes_are_refused_in_one_sentence():
    data = pictures(1, 8, 8)
    with pytest.raises(Problem, match="class"):
        made(Data(data.splits, data.inputs, None))
