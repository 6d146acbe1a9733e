"""DCGAN: begins as in the paper, fits any size of picture, keeps its two sides apart, and says which one broke."""
import pytest
import torch
from torch import nn

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label, Number
from deepen.core.words import Failure, Problem
from deepen.engine import keep
from deepen.engine.fit import Flags, lend, quiet
from deepen.engine.place import Place
from deepen.engine.start import open_data, start
from deepen.nn import contest
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
    monkeypatch.setattr(contest, "LOST", 3)
    system = made(pictures(1, 8, 8), lr=0.0)
    system.discriminator[-2].bias.data.fill_(-50.0)
    with pytest.raises(Failure, match="discriminator has caught every picture for 3 steps"):
        list(system.steps())
    assert system.watch.turn == 3
    fair = made(pictures(1, 8, 8))
    assert len(list(fair.steps())) == 4 and fair.watch.lost == 0


def told_of(tmp_path, monkeypatch, **recipe):
    """What a run on these pictures warns of, each with the step at which it was told."""
    said = []
    monkeypatch.setattr(contest, "FIRST", 200)
    start("dcgan", {"data": "stripes", "data.valid": 0, "batch": 16, "width": 8, **recipe}, Flags(precision="fp32"), out=tmp_path / "run",
          tell=lambda event: said.append((event.step, event.facts["why"])) if event.event == "warned" else None)
    return said


def test_a_run_says_that_it_has_collapsed_and_a_healthy_one_does_not(tmp_path, monkeypatch):
    healthy = told_of(tmp_path / "a", monkeypatch, epochs=11)
    assert healthy == []
    monkeypatch.setattr(DCGAN, "noise", lambda self, y, draw=None: self.coded(torch.zeros(len(y), 64), y))
    (step, why), = told_of(tmp_path / "b", monkeypatch, epochs=11)
    assert step == 200 and "mode collapse" in why and "objective=hinge" in why


def test_a_run_says_that_the_discriminator_wins(tmp_path, monkeypatch):
    monkeypatch.setattr(DCGAN, "paint", lambda self, y, fake=None: torch.tensor(1.0))       # the painter never answers
    said = told_of(tmp_path, monkeypatch, epochs=15, smooth=0.0, lr=0.003)
    assert any("the discriminator wins" in why for _, why in said)


@pytest.mark.parametrize("recipe", [{"objective": "hinge"}, {"spectral": True}, {"objective": "hinge", "spectral": True}])
def test_variants_learn_and_resume_exactly(recipe, tmp_path):
    def learned(steps, state=None):
        system = DCGAN(width=8, batch=16, epochs=1, **recipe)
        torch.manual_seed(0)
        lend(system, open_data({"source": "stripes"})[0], Place("cpu", "fp32"))
        system.build(system.data)
        if state is not None:
            weights, random = state
            keep.save(tmp_path / "c", {"discriminator": weights.pop("discriminator"), "generator": weights.pop("generator")},
                      {"system": weights})
            nets, rest = keep.load(tmp_path / "c")
            system.load_state_dict({**nets, **rest["system"]})
            torch.set_rng_state(random)
        for _, metrics in zip(range(steps), system.steps(), strict=False):
            assert all(torch.isfinite(value) for value in metrics.values())
        return system.state_dict(), torch.get_rng_state()
    straight, _ = learned(6)
    halves, _ = learned(3, learned(3))
    for name in ("generator", "discriminator"):
        assert straight[name].keys() == halves[name].keys()
        for key, value in straight[name].items():
            assert torch.equal(value, halves[name][key]), key
    assert recipe.get("spectral", False) == any(key.endswith(".0.u") for key in straight["discriminator"])


def test_a_spectral_critic_has_no_batch_norm_and_stretches_nothing():
    system = made(pictures(1, 8, 8), spectral=True, epochs=3, lr=1e-4)
    list(system.steps())
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in system.discriminator.modules())
    for layer in system.discriminator:
        if isinstance(layer, nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def test_a_step_of_each_side_can_be_taken_alone():
    system = made(pictures(1, 8, 8))
    real, y = system.data.split("train")[:16]
    before = [w.clone() for w in system.generator.parameters()]
    first = system.look(real, y)
    assert all(torch.equal(a, b) for a, b in zip(before, system.generator.parameters(), strict=True))
    critic = [w.clone() for w in system.discriminator.parameters()]
    system.paint(y)
    assert all(torch.equal(a, b) for a, b in zip(critic, system.discriminator.parameters(), strict=True))
    assert not torch.equal(before[0], next(system.generator.parameters()))
    for _ in range(10):
        last = system.look(real, y)
    assert last < first


@pytest.mark.parametrize("by_class", [True, False])
def test_a_class_is_asked_for_by_name_or_number(by_class):
    system = made(pictures(1, 8, 8), by_class=by_class)
    with torch.no_grad():
        if not by_class:
            with pytest.raises(Problem, match="without classes"):
                system.sample(3, class_="b")
            return
        assert torch.equal(system.sample(4, class_="b"), system.sample(4, class_="1"))
        assert (system.example(4, class_="b")[:, 64:] == torch.tensor([0.0, 1.0])).all()
        with pytest.raises(Problem, match="no class c"):
            system.sample(3, class_="c")


def ends(system, seed):
    """Samples of a seed, of the two classes that it picks."""
    return system.painted(system.noise(contest.ends(2, "ab", "", seed), torch.Generator().manual_seed(seed)))


def test_latent_space_and_panels():
    system = made(pictures(3, 16, 16))
    with quiet(system):
        codes = system.example(5)
        assert torch.equal(system.painted(codes), system.sample(5)) and codes.shape == (5, 66)
        assert torch.equal(system.sample(8, seed=2)[:4], system.sample(4, seed=2))
        axes, centre = system.axes(3), system.centre()
        assert axes.shape == (3, 66) and axes.norm(dim=1) == pytest.approx(torch.ones(3), abs=1e-4)
        assert torch.equal(system.painted(centre[None]), system.sample(1)) and system.centre("b")[65] == 1
        walk = system.walk(7, seed=1)
        assert walk.shape == (7, 3, 16, 16) and torch.equal(walk[[0, 6]], ends(system, 1))
        assert torch.equal(system.walk(2, seed=1, class_="b"), system.sample(2, seed=1, class_="b"))
        panels = list(system.panels())
    assert len(panels) == 4
    for panel in panels:
        assert panel.title and panel.text and panel.pictures.dtype == torch.uint8 and len(panel.pictures) % panel.across == 0


def test_the_average_is_what_is_kept():
    system = made(digits(), epochs=0.1)
    list(system.steps())
    assert system.network() is system.ema.module
    assert made(digits(), average=0.0).network().training


def test_pictures_without_classes_are_painted_and_told_distances_only():
    data = pictures(1, 8, 8)
    data = Data({name: Examples(split.inputs) for name, split in data.splits.items()}, data.inputs, None)
    system = made(data)
    assert len(list(system.steps())) == 4
    with quiet(system):
        told = system.evaluate()
        assert {"frechet_own", "sample_precision", "sample_recall"} == set(told)
        assert system.sample(3).shape == (3, 1, 8, 8) and len(list(system.panels())) == 2


def test_targets_that_are_no_classes_are_left_alone():
    x = pictures(1, 8, 8).split("train").inputs
    system = made(Data({"train": Examples(x, torch.rand(64))}, Image(1, 8, 8), Number("height")))
    assert len(list(system.steps())) == 4


@pytest.mark.parametrize("recipe", [{"batch": 1}, {"epochs": 0.01}])
def test_one_picture_a_step_is_refused_in_one_sentence(recipe):
    with pytest.raises(Problem, match="two or more"):
        made(pictures(1, 8, 8), **recipe)


def test_one_picture_can_be_learned():
    x = torch.full((1, 3, 8, 8), 200, dtype=torch.uint8)
    system = made(Data({"train": Examples(x, torch.zeros(1, dtype=torch.long))}, Image(3, 8, 8), Label(("only",))), epochs=40)
    assert len(list(system.steps())) == 3
    assert system.watch.means[0] == 1


def test_what_suits_larger_pictures():
    assert DCGAN.suits(digits(), {}) == {}
    chosen = DCGAN.suits(pictures(1, 28, 28, 700), {})
    assert chosen["width"] == 32 and chosen["epochs"] == pytest.approx(500_000 / 700, abs=0.1)
    assert DCGAN.suits(pictures(3, 56, 56, 700), {})["epochs"] == pytest.approx(chosen["epochs"] / 4, abs=0.1)
