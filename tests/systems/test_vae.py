"""VAE: the divergence equals Monte Carlo, the bound tightens with k, likelihoods are likelihoods."""
import math

import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.words import Failure
from deepen.engine.fit import judge, lend, quiet
from deepen.engine.place import Place
from deepen.sources.shapes import shapes
from deepen.sources.toys import stripes
from deepen.systems.vae import VAE, kl, log_logistic, log_normal


def data_of(channels=1, height=8, width=8, n=40, classes=True):
    x = torch.randint(0, 256, (n, channels, height, width), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    y = torch.arange(n) % 2 if classes else None
    return Data({"train": Examples(x, y), "valid": Examples(x[:9], None if y is None else y[:9])},
                Image(channels, height, width), Label(("a", "b")) if classes else None)


def made(data, **recipe):
    system = VAE(**{"widths": "16", "code": 3, "batch": 10, "epochs": 2, "judged": 10, **recipe})
    torch.manual_seed(0)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    return system


def learned(data, **recipe):
    system = made(data, **recipe)
    for i, _ in enumerate(system.steps()):
        system.progress = (i + 1) / system.planned
    return system


@pytest.fixture(scope="module")
def striped():
    return learned(stripes(), widths="64", code=4, epochs=20, batch=32, lr=0.003)


def test_divergence_equals_monte_carlo():
    torch.manual_seed(0)
    mean, logvar = torch.randn(3, 5), torch.randn(3, 5)
    z = mean + (0.5 * logvar).exp() * torch.randn(200_000, 3, 5)
    drawn = (log_normal(z, mean, logvar) - log_normal(z)).mean(0)
    assert torch.allclose(kl(mean, logvar), drawn, rtol=0.01)
    assert kl(torch.zeros(1, 5), torch.zeros(1, 5)).item() == 0


def test_normal_density_is_that_of_torch():
    z, mean, logvar = torch.randn(4, 6), torch.randn(4, 6), torch.randn(4, 6)
    wanted = torch.distributions.Normal(mean, (0.5 * logvar).exp()).log_prob(z).sum(1)
    assert torch.allclose(log_normal(z, mean, logvar), wanted, atol=1e-5)


def test_the_bound_tightens_with_k(striped):
    x = striped.data.split("valid")[:][0]
    with quiet(striped):
        found = []
        for k in (1, 5, 50, 500):
            bounds = [striped.bound(x, k, torch.Generator().manual_seed(seed))[0].mean().item() for seed in range(4)]
            found.append(sum(bounds) / 4)
        tight, loose = striped.bound(x, 50, torch.Generator().manual_seed(0))
    assert found == sorted(found) and found[-1] - found[0] > 0.2
    assert (tight >= loose).all()


def test_the_bound_reaches_the_likelihood_itself():
    """With one number behind a picture the likelihood is an integral that a fine grid gives."""
    system = learned(stripes(), widths="32", code=1, epochs=20, batch=32, lr=0.003)
    x = system.data.split("valid")[:][0][:8]
    with quiet(system):
        tight, _ = system.bound(x, 5000, torch.Generator().manual_seed(0))
        bits = system.observed(x, torch.Generator().manual_seed(0))
        # the same bits as the bound drew for its first pictures: one at a time there, so draw the rest alike
        draw, exact = torch.Generator().manual_seed(0), []
        z = torch.linspace(-8, 8, 4001)[:, None]
        for one in x:
            bits = system.observed(one[None], draw)
            torch.randn(5000, 1, 1, generator=draw)
            w = system.fits(bits, system.network().decode(z)) + log_normal(z)
            exact.append((w.logsumexp(0) + math.log(16 / 4000)).item())
    assert torch.allclose(tight, torch.tensor(exact), atol=0.1)


def test_it_stays_finite_where_weights_would_not(striped):
    """Far tails: weights of e^-1000 and less vanish as numbers, not as logarithms."""
    with quiet(striped):
        striped_z = torch.full((1, 4), 40.0)
        assert log_normal(striped_z).item() == pytest.approx(-2 * math.log(2 * math.pi) - 3200)
        x = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8)
        assert striped.bound(x, 20)[0].isfinite().all()


def test_the_logistic_likelihood_is_one():
    """Over all 256 values of a number the masses add up to 1, wide or narrow, in the middle or beyond the end."""
    x = torch.arange(256.0)[:, None] / 255
    mean = torch.tensor([0.0, 0.3, 0.5, 1.0, 1.4, 0.501])
    for scale in (-7.0, -4.0, -2.0, 0.0):
        total = log_logistic(x, mean, torch.full((6,), scale)).logsumexp(0)
        assert torch.allclose(total, torch.zeros(6), atol=2e-3), scale
    assert log_logistic(torch.zeros(1), torch.ones(1), torch.full((1,), -7.0)).isfinite().all()


def test_grey_is_a_chance_drawn_anew_and_alike_for_judging():
    system = made(data_of())
    x = torch.full((200, 1, 8, 8), 64, dtype=torch.uint8)
    first, second = system.observed(x), system.observed(x)
    assert set(first.unique().tolist()) == {0, 1} and not torch.equal(first, second)
    assert first.mean().item() == pytest.approx(64 / 255, abs=0.02)
    again = [system.observed(x, torch.Generator().manual_seed(0)) for _ in range(2)]
    assert torch.equal(*again)
    assert judge(system) == judge(system)


def test_a_tighter_bound_may_be_learned_from():
    """Both objectives are −log p's upper bounds; with five codes the one is lower on average at the same weights."""
    system = made(data_of(n=200))
    x = system.observed(system.data.split("train")[:][0], torch.Generator().manual_seed(0))
    with torch.no_grad():
        mean, logvar, z, out = system.model(x, 5)
        w = system.fits(x, out) + log_normal(z) - log_normal(z, mean, logvar)
        assert (w.logsumexp(0) - math.log(5)).mean() > w.mean()
    found = learned(stripes(), widths="64", code=4, epochs=20, batch=32, lr=0.003, samples=5)
    assert judge(found)["nats"] < judge(made(stripes(), widths="64", code=4))["nats"] - 3


@pytest.mark.parametrize("size", [(1, 2, 3), (3, 8, 8), (1, 28, 28), (3, 12, 9)])
@pytest.mark.parametrize("classes", [True, False])
def test_any_pictures_go_through(size, classes):
    data = data_of(*size, classes=classes)
    told = {key: value for key, value in VAE.suits(data, {}).items() if key == "likelihood"}
    assert bool(told) == (size[0] == 3)
    system = learned(data, **told)
    with quiet(system):
        assert system.sample(5, seed=3).shape == (5, *size) and system.walk(7).shape == (7, *size)
        assert system.axes(2).shape == (2, 3) and system.painted(system.centre()[None]).shape == (1, *size)
        answer = system.predict(data.split("valid")[:][0])
        assert answer.shape == (9, *size) and answer.min() >= 0 and answer.max() <= 1
        assert list(system.panels())


def test_pictures_of_shapes_in_colour_learn():
    data = shapes(count=120, size=16)
    before, after = made(data, likelihood="logistic", widths="64"), learned(data, likelihood="logistic", widths="64", epochs=10)
    with quiet(before), quiet(after):
        x = data.split("valid")[torch.arange(12)][0]
        assert judge(after)["frechet_own"] > 0 and list(after.panels())
        assert after.bound(x, 10)[0].mean() > before.bound(x, 10)[0].mean() + 100


def test_the_kl_term_comes_in_slowly():
    """What is learned is −log p(x|z) + β KL, with β from 0 to 1 in the first half."""
    system, told = made(data_of(n=200), anneal=0.5, lr=0.0), {}
    for progress in (0.0, 0.25, 0.5, 1.0):
        system.progress, system.stream.consumed = progress, 0
        torch.manual_seed(0)                                        # the same bits and noise each time
        told[progress] = next(system.steps())
    kl_now = told[0.0]["kl"].item()
    assert kl_now > 0.01
    for progress, beta in ((0.25, 0.5), (0.5, 1.0), (1.0, 1.0)):
        assert (told[progress]["loss"] - told[0.0]["loss"]).item() == pytest.approx(beta * kl_now, rel=0.02)


def test_the_same_seed_gives_the_same_sample_on_any_count(striped):
    with quiet(striped):
        few, many = striped.sample(3, seed=2).int(), striped.sample(8, seed=2).int()
        assert (many[:3] - few).abs().max() <= 1
        assert not torch.equal(few, striped.sample(3, seed=3).int())
        still = striped.sample(6, seed=2, spread=0.0)
        assert torch.equal(still, still[:1].expand_as(still))


def test_a_loss_that_is_no_number_stops_it():
    system = made(data_of())
    next(iter(system.model.parameters())).data.fill_(float("nan"))
    with pytest.raises(Failure, match="loss"):
        next(system.steps())
