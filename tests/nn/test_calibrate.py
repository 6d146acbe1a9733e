"""One temperature mends how sure an answer is, and leaves the answer alone."""
import pytest
import torch
from torch.nn import functional as F

from deepen.nn import metrics
from deepen.nn.calibrate import RANGE, temperature


def told(factor, rows=20000, seed=0):
    """Classes drawn by softmax(z), and `factor`·z told instead."""
    draw = torch.Generator().manual_seed(seed)
    z = torch.randn(rows, 3, generator=draw) * 2
    y = torch.multinomial(z.softmax(1), 1, generator=draw)[:, 0]
    return factor * z, y


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0])
def test_it_finds_the_factor(factor):
    z, y = told(factor)
    found = temperature(z, y)
    assert found == pytest.approx(factor, rel=0.05)
    before, after = z.softmax(1), (z / found).softmax(1)
    assert torch.equal(before.argmax(1), after.argmax(1))
    if factor != 1:
        assert metrics.nll(after, y) < metrics.nll(before, y) - 0.02
        assert metrics.ece(after, y) < 0.5 * metrics.ece(before, y)


def test_no_other_temperature_tells_it_better():
    z, y = told(2.5, 500)
    found = temperature(z, y)
    losses = [F.cross_entropy(z / t, y).item() for t in (found * 0.98, found, found * 1.02)]
    assert losses[1] == min(losses)


def test_always_right_and_always_wrong_stay_in_the_range():
    z = torch.tensor([[5.0, 0.0], [0.0, 5.0]]).repeat(10, 1)
    right = torch.tensor([0, 1]).repeat(10)
    assert 1 / RANGE <= temperature(z, right) < 0.15
    assert temperature(z, 1 - right) == pytest.approx(RANGE)
    assert temperature(torch.tensor([[0.0, -torch.inf], [0.0, -torch.inf]]), torch.tensor([0, 0])) > 0
