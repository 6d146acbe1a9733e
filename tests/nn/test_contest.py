"""The contest of a painter and a critic: losses with known answers, layers that stretch nothing, warnings that come when
they should and only then, ways through the noise."""
import math
import re

import pytest
import torch
from torch import nn

from deepen.core.words import Failure
from deepen.nn import contest


def test_hinge_has_known_answers():
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 0.0, 1.5])
    assert contest.caught(real, fake, "hinge").item() == pytest.approx((0 + 0.5 + 2) / 3 + (0 + 1 + 2.5) / 3)
    assert contest.fooled(fake, "hinge").item() == pytest.approx(0.5)
    assert contest.least("hinge", 0.1) == 0


def test_the_losses_of_the_paper():
    real, fake = torch.tensor([1.0, -2.0]), torch.tensor([0.5, -0.5])
    d_real, d_fake = real.sigmoid(), fake.sigmoid()
    assert contest.caught(real, fake).item() == pytest.approx((-d_real.log() - (1 - d_fake).log()).mean().item(), rel=1e-5)
    assert contest.fooled(fake).item() == pytest.approx(-d_fake.log().mean().item(), rel=1e-5)
    assert contest.fooled(fake, "minimax").item() == pytest.approx((1 - d_fake).log().mean().item(), rel=1e-5)
    assert contest.caught(torch.zeros(4), torch.zeros(4)).item() == pytest.approx(2 * math.log(2))


def test_a_caught_painter_learns_only_from_the_slope_that_does_not_vanish():
    slopes = {}
    for objective in ("minimax", "bce"):
        fake = torch.tensor([-12.0], requires_grad=True)
        contest.fooled(fake, objective).backward()
        slopes[objective] = fake.grad.item()
    assert abs(slopes["minimax"]) < 1e-5 and slopes["bce"] == pytest.approx(-1, abs=1e-4)


@pytest.mark.parametrize("smooth", [0.0, 0.1, 0.3])
def test_the_least_loss_is_reached_by_a_critic_that_knows(smooth):
    real = torch.full((8,), math.log((1 - smooth) / smooth) if smooth else 30.0)
    assert contest.caught(real, torch.full((8,), -30.0), "bce", smooth).item() == pytest.approx(contest.least("bce", smooth), abs=1e-5)


def critic():
    return nn.Sequential(nn.Conv2d(3, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 32, 4, 2, 1), nn.Flatten(), nn.Linear(128, 3))


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_a_spectral_layer_stretches_nothing(dtype):
    torch.manual_seed(0)
    net = contest.spectral(critic()).to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(20):
        with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None, cache_enabled=False):
            loss = net(torch.randn(4, 3, 8, 8)).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    for layer in (net[0], net[2], net[4]):
        assert torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item() == pytest.approx(1, abs=0.02)


def test_spectral_weights_come_back_from_their_state():
    torch.manual_seed(0)
    net, x = contest.spectral(critic()), torch.randn(2, 3, 8, 8)
    net(x)
    other = contest.spectral(critic())
    other.load_state_dict(net.state_dict())
    assert torch.equal(net.eval()(x), other.eval()(x))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net(x)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items()), "eval leaves no trace"
    net.train()(x)
    assert not all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_gradients_of_a_spectral_layer_are_those_of_the_formula():
    torch.manual_seed(0)
    layer = contest.spectral(nn.Linear(4, 3)).eval().double()
    held = layer.parametrizations.weight
    weight = held.original.detach().clone().requires_grad_()
    u = held[0].u.double()
    v = nn.functional.normalize(weight.detach().T @ u, dim=0)
    wanted, = torch.autograd.grad((weight / (u @ weight @ v)).pow(3).sum(), weight)
    layer.weight.pow(3).sum().backward()
    assert torch.allclose(held.original.grad, wanted)


def test_a_still_network_hands_gradients_on_and_takes_none():
    net, x = critic(), torch.randn(2, 3, 8, 8, requires_grad=True)
    with contest.still(net):
        loss = net(x).sum()
    loss.backward()
    assert x.grad.abs().sum() > 0
    assert all(w.grad is None and w.requires_grad for w in net.parameters())


def test_spread_is_the_variance_within_classes():
    x, y = torch.randn(60, 1, 4, 4), torch.arange(60) % 3
    wanted = sum(x[y == k].flatten(1).var(0).mean() * 19 for k in range(3)) / 57
    assert contest.spread(x, y, 3).item() == pytest.approx(wanted.item(), rel=1e-4)
    assert contest.spread(x + 50 * y[:, None, None, None], y, 3).item() == pytest.approx(wanted.item(), rel=1e-3), "classes may lie apart"
    assert contest.spread(x, y, 1).item() == pytest.approx(x.flatten(1).var(0).mean().item(), rel=1e-4)


def looking_on(painted, caught=1.0, fooled=None, steps=600, kinds=2, **own):
    watch, said, draw = contest.Watch(torch.device("cpu"), kinds, **own), [], torch.Generator().manual_seed(0)
    y = torch.arange(16) % 2
    for step in range(steps):
        real = torch.randn(16, 1, 4, 4, generator=draw)
        said += [(step + 1, one) for one in watch.see(real, painted(real, y), y, torch.tensor(caught), fooled)]
    return watch, said


def test_a_collapsed_painter_is_told_once():
    two = torch.randn(2, 1, 4, 4)                                           # one picture a class
    _, said = looking_on(lambda real, y: two[y] + 0.05 * torch.randn_like(real))
    assert [step for step, _ in said] == [500] and "mode collapse" in said[0][1] and re.search(r"with [0-3]% of", said[0][1])


def test_a_healthy_contest_is_not_disturbed():
    assert looking_on(lambda real, y: 0.6 * torch.randn_like(real))[1] == []


def test_pictures_of_one_sort_are_no_collapse():
    watch, said = contest.Watch(torch.device("cpu")), []
    one, y = torch.ones(8, 1, 4, 4), torch.zeros(8, dtype=torch.long)
    for _ in range(600):
        said += watch.see(one, one, y, torch.tensor(1.0))
    assert said == []


@pytest.mark.parametrize("objective, smooth", [("bce", 0.0), ("bce", 0.1), ("hinge", 0.0)])
def test_a_critic_that_wins_is_told_once_with_what_to_try(objective, smooth):
    caught = contest.least(objective, smooth) + 0.005
    _, said = looking_on(lambda real, y: torch.randn_like(real), caught, objective=objective, smooth=smooth, tries=("a", "spectral=true"))
    assert len(said) == 1 and "the discriminator wins" in said[0][1] and "spectral=true" in said[0][1]


def test_a_hopeless_contest_ends():
    with pytest.raises(Failure, match="for 500 steps"):
        looking_on(lambda real, y: torch.randn_like(real), fooled=torch.tensor(12.0), steps=600)
    watch, _ = looking_on(lambda real, y: torch.randn_like(real), fooled=torch.tensor(9.0), steps=600)
    assert watch.lost == 0


def test_what_was_told_is_remembered_over_a_save():
    watch, said = looking_on(lambda real, y: torch.zeros_like(real))
    assert len(said) == 1
    other = contest.Watch(torch.device("cpu"), 2)
    other.load_state_dict(watch.state_dict())
    assert other.words() == [] and other.turn == 600 and torch.equal(other.means, watch.means)


def test_a_way_leads_from_one_class_to_another_that_the_seed_picks():
    names = tuple("abcdefghij")
    found = [tuple(contest.ends(10, names, "", seed).tolist()) for seed in range(40)]
    assert found == [tuple(contest.ends(10, names, "", seed).tolist()) for seed in range(40)]
    assert all(a != b for a, b in found) and len(set(found)) > 20 and {a for a, _ in found} == set(range(10))
    assert contest.ends(10, names, "c", 3).tolist() == [2, 2] and contest.ends(1, (), "", 3).tolist() == [0, 0]
    assert contest.wanted(5, 3, names[:3]).tolist() == [0, 1, 2, 0, 1] and contest.wanted(2, 3, names[:3], "b").tolist() == [1, 1]


def test_the_most_visible_direction_comes_first():
    weight = torch.zeros(6, 20)
    weight[3], weight[1], weight[4, :3] = 5.0, torch.linspace(-2, 2, 20), 1.0
    axes = contest.visible(lambda z: (z @ weight).tanh().view(-1, 1, 4, 5), 0.01 * torch.randn(5, 6), 5, 2)
    assert axes.shape == (2, 6)
    assert abs(axes[0, 3]) > 0.99 and abs(axes[1, 1]) > 0.97 and (axes[:, 5] == 0).all()
    assert axes.norm(dim=1) == pytest.approx(torch.ones(2), abs=1e-4)


def test_arithmetic_carries_a_difference_over():
    def painted(codes):                         # the first number of a code is how bright its picture is
        return (codes[:, :1, None, None] * 20 + 128).clamp(0, 255).to(torch.uint8).expand(-1, 1, 2, 2)
    torch.manual_seed(0)
    panel = contest.arithmetic(painted, torch.randn(200, 4), torch.zeros(3, 4), mean=8)
    bright, dark, sample, total = panel.pictures[:, 0, 0, 0].view(3, 4).float().T
    assert panel.across == 4 and (sample == 128).all() and (bright > 140).all() and (dark < 116).all()
    assert torch.allclose(total - sample, bright - dark, atol=2)
