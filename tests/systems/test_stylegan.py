"""StyleGAN: any size, with classes and without; a seed paints the same; it mixes, truncates, and says which side broke."""
import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.words import Failure, Problem
from deepen.engine.fit import lend, quiet
from deepen.engine.place import Place
from deepen.nn import contest, optim
from deepen.systems.stylegan import NOISE, StyleGAN


def pictures(channels, height, width, n=64, named=True):
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (n, channels, height, width), generator=draw, dtype=torch.uint8)
    y = torch.arange(n) % 2 if named else None
    valid = Examples(x[:9], y[:9] if named else None)
    return Data({"train": Examples(x, y), "valid": valid}, Image(channels, height, width),
                Label(("a", "b")) if named else None)


def made(data, **recipe):
    system = StyleGAN(**{"width": 4, "style": 16, "batch": 16, "epochs": 1, **recipe})
    torch.manual_seed(0)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    return system


def lively(data, **recipe):
    """One whose noise counts and whose average is what was learned."""
    system = made(data, **recipe)
    for layer in system.ema.module.layers:
        layer.strength.data.fill_(0.5)
    return system


@pytest.mark.parametrize("size, named, layers", [
    ((1, 8, 8), True, 1), ((3, 16, 16), False, 2), ((1, 28, 28), True, 2), ((3, 24, 40), True, 1), ((1, 9, 11), False, 1)])
def test_any_size_of_picture_with_and_without_classes(size, named, layers):
    system = made(pictures(*size, named=named), layers=layers)
    assert len(list(system.steps())) == 4 and system.kinds == (2 if named else 1)
    with quiet(system):
        painted = system.sample(5, seed=3)
        assert painted.shape == (5, *size) and painted.dtype == torch.uint8
        p = system.predict(system.example(2))
    assert p.shape == (2, *size) and p.min() >= 0 and p.max() <= 1


def test_too_small_a_picture_is_refused():
    with pytest.raises(Problem, match="8×8"):
        made(pictures(1, 3, 8))


@pytest.mark.parametrize("n, batch", [(1, 1), (3, 1), (6, 6)])
def test_few_pictures_and_tiny_batches(n, batch):
    system = made(pictures(1, 8, 8, n), batch=batch, epochs=4)
    assert all(torch.isfinite(value) for told in system.steps() for value in told.values())


def test_the_same_seed_paints_the_same():
    system = lively(pictures(1, 8, 8))
    with quiet(system):
        all_of_them = system.sample(8, seed=1)
        assert torch.equal(all_of_them, system.sample(8, seed=1))
        assert not torch.equal(all_of_them, system.sample(8, seed=2))
        few = system.sample(3, seed=1).int()
        assert (all_of_them[:3].int() - few).abs().max() <= 1
        asked = (system.predict(system.example(8, 1)) * 255).round().int()
        assert (all_of_them.int() - asked).abs().max() <= 1         # sample and predict paint alike


def test_a_class_can_be_asked_for():
    system = lively(pictures(1, 8, 8))
    with quiet(system):
        second = system.sample(4, seed=1, class_="b")
        assert torch.equal(second, system.sample(4, seed=1, class_="1"))
        assert torch.equal(second[1], system.sample(4, seed=1)[1])             # there b comes every second time
        assert not torch.equal(second[0], system.sample(4, seed=1)[0])
    with pytest.raises(Problem, match="no class c"):
        system.sample(4, class_="c")
    with pytest.raises(Problem, match="without classes"):
        made(pictures(1, 8, 8, named=False)).sample(4, class_="a")


def test_without_variety_every_noise_paints_the_mean_of_its_class():
    system = made(pictures(1, 8, 8))                                            # its noise counts nothing yet
    with quiet(system):
        still = system.sample(6, seed=1, psi=0.0)
        assert torch.equal(still[0::2], still[:1].expand(3, -1, -1, -1))
        assert torch.equal(still[1::2], still[1:2].expand(3, -1, -1, -1)) and not torch.equal(still[0], still[1])
        assert (still.int() - system.sample(6, seed=9, psi=0.0).int()).abs().max() <= 1
        w, half = (system.styled(system.example(6, 1), psi) for psi in (1.0, 0.5))
        mean = system.many().mean(1)[torch.arange(6) % 2][:, None]
        torch.testing.assert_close(half, (w + mean) / 2)
    one = made(pictures(1, 8, 8, named=False))
    with quiet(one):
        assert one.sample(6, seed=1, psi=0.0).float().std(0).max() == 0


def test_a_walk_begins_and_ends_at_samples():
    system = made(pictures(1, 8, 8))
    with quiet(system):
        codes = system.noise(contest.ends(2, "ab", "", 4), torch.Generator().manual_seed(4))
        steps, ends = system.walk(5, seed=4).int(), system.shown(system.styled(codes), codes).int()
        assert steps.shape == (5, 1, 8, 8)
        assert (steps[[0, -1]] - ends).abs().max() <= 1
        middle = (steps[0] - steps[2]).abs().sum(), (steps[0] - steps[4]).abs().sum()
    assert 0 < middle[0] < middle[1]


def test_axes_are_the_principal_directions_of_styles():
    system = lively(pictures(1, 8, 8), by_class=False)
    with quiet(system):
        axes, w = system.axes(16), system.many().flatten(0, 1)
        assert axes.shape == (16, 16) and system.painted(system.centre() + axes).shape == (16, 1, 8, 8)
        torch.testing.assert_close(system.axes(3), axes[:3])
        spreads, _ = torch.linalg.eigh(torch.cov(w.T))
        torch.testing.assert_close(axes.square().sum(1).sort().values, spreads.clamp(min=0), atol=1e-4, rtol=0.01)
        turned = axes @ axes.T
        assert (turned - turned.diag().diag()).abs().max() < 1e-4
        torch.testing.assert_close(system.centre(), w.mean(0))
        changed = (system.painted(system.centre() + axes).float() - system.painted(system.centre() - axes).float())
        assert (changed.abs().sum((1, 2, 3)).diff() <= 1e-4).all()


def test_its_panels():
    system = lively(pictures(3, 16, 16))
    with quiet(system):
        mixing, truncation, noise = system.panels()
        assert mixing.across == 7 and len(mixing.pictures) == 49
        assert mixing.pictures[0].min() == 255                                  # the corner stays blank
        own = system.sample(12, seed=2, class_="b").int()
        assert (mixing.pictures[1:7].int() - own[6:]).abs().max() <= 1          # above: the fine ones
        assert (mixing.pictures[7::7].int() - own[:6]).abs().max() <= 1         # left: the coarse ones
        assert len({tuple(one.flatten().tolist()) for one in mixing.pictures}) == 49
        own = system.sample(6, seed=2).int()
        assert truncation.across == 5 and len(truncation.pictures) == 30
        assert (truncation.pictures[4::5].int() - own).abs().max() <= 1         # ψ = 1
        assert noise.across == 6 and noise.pictures.dtype == torch.uint8 and noise.pictures[5::6].amax() == 255


def test_each_side_moves_only_its_own_network_and_the_mapping_slowly():
    system = made(pictures(1, 8, 8), mapping=0.25)
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
    first, *_, slow = [group["lr"] for group in system.painting.param_groups]
    assert slow / first == pytest.approx(0.25) and first == pytest.approx(system.lr / 100)     # it warms up
    assert {id(p) for group in system.painting.param_groups for p in group["params"]} == {
        id(p) for p in system.generator.parameters()}
    assert all(p.requires_grad for p in system.discriminator.parameters())


def test_the_penalty_comes_every_sixteenth_step():
    system = made(pictures(1, 8, 8), penalty=1000.0)
    flat = made(pictures(1, 8, 8), penalty=0.0)
    real, y = system.data.split("train")[:16]
    fake = torch.rand(16, 1, 8, 8)
    for one in (system, flat):
        one.lr = 0.0
        optim.set_rate(one.looking, 0.0)
    told = [system.look(real, y, fake).item() > flat.look(real, y, fake).item() + 1 for _ in range(33)]
    assert [turn for turn, due in enumerate(told) if due] == [0, 16, 32]
    assert system.watch.tries == ("penalty=10000",) * 2 and flat.watch.tries == ("penalty=1",) * 2


def test_styles_are_mixed_as_often_as_asked():
    system = made(pictures(1, 28, 28), layers=2)                                # five layers
    system.generator = lambda codes, others, cut: cut
    cuts = system.mixtures(torch.zeros(4000, dtype=torch.long))
    assert (cuts < 5).float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert sorted(cuts.unique().tolist()) == [1, 2, 3, 4, 5]
    system.mixing = 0.0
    assert system.mixtures(torch.zeros(100, dtype=torch.long)).unique().tolist() == [5]


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


def test_codes_hold_noise_and_class():
    system = made(pictures(1, 8, 8))
    codes = system.noise(torch.tensor([1, 0, 1]))
    assert codes[:, NOISE: NOISE + 2].tolist() == [[0, 1], [1, 0], [0, 1]] and codes.shape[1] % 16 == 0


def test_more_pictures_need_fewer_epochs():
    many = pictures(1, 28, 28, n=900)
    assert StyleGAN.suits(many, {}) == {"epochs": 500.0} and StyleGAN.suits(pictures(1, 8, 8), {}) == {}
