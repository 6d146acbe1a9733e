"""The judge of generated pictures knows real ones, refuses noise, sees missing classes, and leaves no trace."""
import pytest
import torch

from deepen.nn import judge
from deepen.sources.digits import digits


@pytest.fixture(scope="module")
def real():
    return digits()


@pytest.fixture(scope="module")
def critic(real):
    return judge.judge_of(*real.split("train")[:], classes=10)


def test_it_recognises_real_pictures_and_refuses_noise(real, critic):
    x, y = real.split("valid")[:]
    _, p = judge.looked(critic, x)
    assert (p.argmax(1) == y).float().mean() > 0.95
    assert judge.recognised(p) > 0.85 and judge.modes(p) == 10
    noise = torch.randint(0, 256, (500, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert judge.recognised(judge.looked(critic, noise)[1]) < 0.05


def test_distance_orders_real_blurred_one_class_and_noise(real, critic):
    x, y = real.split("train")[:]
    features = judge.looked(critic, x)[0]

    def far(pictures):
        return judge.frechet_own(judge.looked(critic, pictures)[0], features)
    test = far(real.split("test")[:][0])
    shifted = far(x.roll(1, 3))
    one = far(x[y == 1])                            # perfect pictures of one class: collapsed
    noise = far(torch.randint(0, 256, x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8))
    assert test < 1 and test < shifted < noise and one > 10 * test


def test_modes_counts_recognised_classes_only():
    sure, unsure = torch.eye(4) * 0.97 + 0.01, torch.full((1, 4), 0.25)
    p = torch.cat([sure[0].expand(60, 4), sure[1].expand(38, 4), sure[2].expand(1, 4), unsure.expand(21, 4)])
    assert judge.recognised(p) == pytest.approx(99 / 120)
    assert judge.modes(p) == 2                      # class 2 has 1 of 120, below one percent; class 3 none
    assert judge.modes(p, least=0.005) == 3


def test_frechet_distance_of_known_crowds():
    a = torch.randn(5000, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert judge.frechet_own(a, a) == pytest.approx(0, abs=1e-8)
    shift = torch.tensor([3.0, 0, 0, 4.0, 0, 0])
    assert judge.frechet_own(a, a + shift) == pytest.approx(25, abs=1e-6)
    assert judge.frechet_own(a, 3 * a - 2 * a.mean(0)) == pytest.approx(4 * torch.cov(a.T).trace().item(), rel=1e-9)
    turned = a @ torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[0]
    wide = a * torch.tensor([1.0, 2, 3, 1, 1, 1]) + 1
    direct = torch.linalg.eigvals(torch.cov(turned.T) @ torch.cov(wide.T)).real.clamp(min=0).sqrt().sum()
    expected = ((turned.mean(0) - wide.mean(0)).square().sum() + torch.cov(turned.T).trace()
                + torch.cov(wide.T).trace() - 2 * direct)
    assert judge.frechet_own(turned, wide) == pytest.approx(expected.item(), rel=1e-9)


def test_it_survives_fewer_pictures_than_features():
    a = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    assert judge.frechet_own(a, a) == pytest.approx(0, abs=1e-6)


def test_training_a_judge_leaves_no_trace_and_is_remembered(real):
    x, y = (part[:200] for part in real.split("train")[:])
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with torch.no_grad():
        first = judge.judge_of(x, y, 10, steps=5)
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)
    assert judge.judge_of(x.clone(), y.clone(), 10) is first
    assert not any(parameter.requires_grad for parameter in first.parameters()) and not first.training
    assert judge.judge_of(x + 1, y, 10, steps=5) is not first
