"""The path to noise and the way back against closed forms: moments, DDPM's posterior, exact answers for Gaussian data."""
import math

import pytest
import torch

from deepen.nn import diffusion
from deepen.nn.diffusion import (
    PATHS,
    adams,
    aim,
    backward,
    cosine,
    heun,
    linear,
    noised,
    parted,
    posterior,
    straight,
    times,
)

MEAN, STD = 1.5, 0.5            # of one-dimensional Gaussian data


def exact(path):
    """(x₀, ε) that a perfect network sees in x_t where the data is N(MEAN, STD²)."""
    def look(x, t):
        alpha, sigma = path.alpha[t].item(), path.sigma[t].item()
        x0 = MEAN + alpha * STD**2 / (alpha**2 * STD**2 + sigma**2) * (x - alpha * MEAN)
        return x0, (x - alpha * x0) / sigma
    return look


@pytest.mark.parametrize("name", PATHS)
def test_paths_go_from_data_to_noise(name):
    path = PATHS[name](1000)
    assert path.alpha[0] == 1 and path.sigma[0] == 0
    assert path.alpha[-1] < 0.01 and path.sigma[-1] == pytest.approx(1, abs=1e-4)
    assert (path.alpha.diff() < 0).all() and (path.sigma.diff() >= 0).all()
    if name == "straight":
        torch.testing.assert_close(path.alpha + path.sigma, torch.ones(1001, dtype=torch.float64))
    else:
        torch.testing.assert_close(path.alpha**2 + path.sigma**2, torch.ones(1001, dtype=torch.float64))


def test_linear_has_the_papers_variances():
    kept = linear(1000).alpha**2
    beta = 1 - kept[1:] / kept[:-1]
    assert beta[0].item() == pytest.approx(1e-4) and beta[-1].item() == pytest.approx(0.02)
    assert beta[499].item() == pytest.approx(1e-4 + 499 / 999 * (0.02 - 1e-4))
    assert kept[-1].item() == pytest.approx(4.036e-5, rel=1e-3)         # √ᾱ_T = 0.00635
    assert linear(50).alpha[-1] < 0.01                                   # fewer steps end in the same noise


def test_cosine_follows_its_formula():
    kept = cosine(1000).alpha**2
    for t in (100, 500, 900):
        wanted = math.cos((t / 1000 + .008) / 1.008 * math.pi / 2)**2 / math.cos(.008 / 1.008 * math.pi / 2)**2
        assert kept[t].item() == pytest.approx(wanted, rel=1e-9)
    assert 1 - kept[-1] / kept[-2] == pytest.approx(0.999)              # its last step is held back


@pytest.mark.parametrize("name", PATHS)
def test_noised_has_the_closed_forms_mean_and_variance(name):
    path, dice = PATHS[name](100), torch.Generator().manual_seed(0)
    x0 = torch.tensor([[0.7, -0.3]]).expand(200_000, 2)
    for t in (1, 40, 100):
        x = noised(path, x0, torch.randn(x0.shape, generator=dice), torch.full((len(x0),), t))
        torch.testing.assert_close(x.mean(0), path.alpha[t].float() * x0[0], atol=0.01, rtol=0)
        torch.testing.assert_close(x.std(0), path.sigma[t].float().expand(2), atol=0.01, rtol=0)


def test_each_of_a_batch_has_its_own_time():
    path = straight(10)
    x = noised(path, torch.ones(3, 2, 1, 1), torch.zeros(3, 2, 1, 1), torch.tensor([0, 5, 10]))
    assert x[:, 0, 0, 0].tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(("way", "name"), [("ddpm", "cosine"), ("ddpm", "linear"), ("v", "cosine"), ("v", "linear"), ("flow", "straight")])
@pytest.mark.parametrize("t", [1, 37, 99])
def test_an_answer_is_parted_into_what_was_mixed(way, name, t):
    path, dice = PATHS[name](100), torch.Generator().manual_seed(1)
    x0, eps = torch.randn(2, 50, generator=dice, dtype=torch.float64)
    alpha, sigma = path.alpha[t].item(), path.sigma[t].item()
    found = parted(way, aim(way, x0, eps, alpha, sigma), alpha * x0 + sigma * eps, alpha, sigma)
    torch.testing.assert_close(found, (x0, eps), atol=1e-8, rtol=0)


@pytest.mark.parametrize("name", ["cosine", "linear"])
def test_all_steps_with_eta_1_have_ddpms_posterior_moments(name):
    """One step of the way back from known x_t and x₀, against equations 6 and 7 of DDPM."""
    path = PATHS[name](50)
    x0, x = torch.tensor([0.4], dtype=torch.float64), torch.tensor([-1.1], dtype=torch.float64)
    for t in (1, 2, 25, 50):
        look = lambda x, t: (x0, (x - path.alpha[t] * x0) / path.sigma[t])      # noqa: E731
        mean, = backward(look, path, x, [t, t - 1], 1.0, lambda: torch.zeros(1, dtype=torch.float64))
        above, = backward(look, path, x, [t, t - 1], 1.0, lambda: torch.ones(1, dtype=torch.float64))
        wanted, variance = posterior(path, x0, x, t)
        torch.testing.assert_close(mean, wanted, atol=1e-9, rtol=0)
        assert (above - mean).item()**2 == pytest.approx(variance, abs=1e-9)
    assert posterior(path, x0, x, 1)[1] == 0


def test_no_noise_is_drawn_at_the_last_step_nor_with_eta_0():
    path, drawn = straight(20), []
    def draw():
        drawn.append(1)
        return torch.zeros(4, 1)
    list(backward(exact(path), path, torch.randn(4, 1), times(20, 20), 1.0, draw))
    assert len(drawn) == 19
    list(backward(exact(path), path, torch.randn(4, 1), times(20, 20), 0.0, draw))
    assert len(drawn) == 19


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_with_exact_answers_the_way_back_gives_the_data(name, eta):
    """Gaussian data: mean and deviation of what comes out within 2 %."""
    path, dice = PATHS[name](1000), torch.Generator().manual_seed(2)
    def draw():
        return torch.randn(20_000, 1, generator=dice, dtype=torch.float64)
    *_, x = backward(exact(path), path, draw(), times(1000, 1000), eta, draw)
    assert x.mean().item() == pytest.approx(MEAN, rel=0.02)
    assert x.std().item() == pytest.approx(STD, rel=0.02)


def test_the_way_without_noise_is_the_exact_flow():
    """Gaussian data: x₀ = m + s·z for the noise z (the flow of probability is a line here), and steps of Heun or Adams
    come nearer than plain ones."""
    path = straight(1000)
    z = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    *_, fine = backward(exact(path), path, z, times(1000, 1000))
    *_, rough = backward(exact(path), path, z, times(1000, 10))
    *_, twice = heun(exact(path), path, z, times(1000, 10))
    *_, remembered = adams(exact(path), path, z, times(1000, 10))
    wanted = MEAN + STD * z
    torch.testing.assert_close(fine, wanted, rtol=0.02, atol=0.002)
    assert (twice - wanted).abs().max() < (rough - wanted).abs().max() / 3
    assert (remembered - wanted).abs().max() < (rough - wanted).abs().max() / 2


def test_on_the_straight_path_a_step_is_eulers():
    path, x = straight(10), torch.randn(5, 3, dtype=torch.float64)
    velocity = torch.randn(5, 3, dtype=torch.float64)
    look = lambda x, t: parted("flow", velocity, x, path.alpha[t].item(), path.sigma[t].item())     # noqa: E731
    there, = backward(look, path, x, [8, 5])
    torch.testing.assert_close(there, x - 0.3 * velocity)


def test_times_go_from_the_last_to_0():
    assert times(1000, 4) == [1000, 750, 500, 250, 0]
    assert times(10, 10) == list(range(10, -1, -1)) == times(10, 99)


def test_spread_times_cover_the_path():
    torch.manual_seed(0)
    t = diffusion.spread_times(1000, 1000)
    assert sorted(t.tolist()) == list(range(1, 1001))
    t = torch.cat([diffusion.spread_times(1000, 1000, middle=True) for _ in range(20)])
    assert t.min() >= 1 and t.max() <= 1000
    inside = ((t > 269) & (t <= 731)).double().mean().item()            # sigmoid(±1): 68 % of a normal number
    assert inside == pytest.approx(0.683, abs=0.01)


def test_clipped_keeps_what_is_seen_together():
    path, x = cosine(100), torch.tensor([2.0, -0.5])
    x0, eps = diffusion.clipped(path, x, torch.tensor([1.7, 0.2]), 60)
    assert x0.tolist() == pytest.approx([1.0, 0.2])
    torch.testing.assert_close(path.alpha[60].item() * x0 + path.sigma[60].item() * eps, x)


def test_guidance_0_ignores_the_class_and_1_is_as_learned():
    told, free = torch.tensor([3.0]), torch.tensor([1.0])
    assert [diffusion.guided(told, free, w).item() for w in (0, 1, 3)] == [1, 3, 7]


def test_dice_give_each_sample_its_own_noise():
    few, many = diffusion.dice(3, (3,), 5), diffusion.dice(7, (3,), 5)
    for _ in range(2):
        assert torch.equal(few(), many()[:3])
    assert torch.equal(diffusion.dice(2, (3,), 5, first=4)(), diffusion.dice(7, (3,), 5)()[4:6])
    assert not torch.equal(few()[0], few()[1])


def test_energy_distance_of_known_clouds():
    a, b = torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]])
    assert diffusion.energy(a, b).item() == pytest.approx(2 * 2.0 - 0.5 - 0.5)
    far = torch.randn(2, 4000, 2, generator=torch.Generator().manual_seed(0))
    assert 0 < diffusion.energy(*far).item() < 0.005 < diffusion.energy(far[0], far[1] + 0.3).item()


def test_dots_stand_where_the_points_are():
    sheet = diffusion.dots(torch.tensor([[[2.5, 2.5], [99.0, 0.0]]]), torch.tensor([[0, 1]]), side=20)
    assert sheet.shape == (1, 3, 20, 20) and sheet.dtype == torch.uint8
    marked = (sheet[0] != 255).any(0).nonzero()
    assert len(marked) == 4 and marked[:, 0].max() <= 2 and marked[:, 1].min() >= 17        # above right; the other is outside
