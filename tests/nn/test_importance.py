"""Permutation importance: the column that decides matters, the one that is noise does not, and nothing is changed."""
import pytest
import torch

from deepen.nn import metrics
from deepen.nn.importance import importance


def rows(count=2000):
    x = torch.randn(count, 4, generator=torch.Generator().manual_seed(0))
    x[::7, 3] = float("nan")
    return x


def test_of_a_line_it_is_twice_the_squared_weight():
    """Shuffling column j of Σ w_j x_j adds (w_j (x_j − x_j'))², on average 2 w_j² var(x_j) (Fisher et al. 2019)."""
    x, w = rows()[:, :3], torch.tensor([2.0, 1.0, 0.0])
    before = x.clone()
    found = importance(lambda part: part @ w, x, x @ w, lambda guess, truth: (guess - truth).square().mean(), better=-1)
    assert found.shape == (3, 5) and torch.equal(x, before)
    assert torch.allclose(found.mean(1).float(), 2 * w.square(), rtol=0.1)
    assert torch.equal(found[2], torch.zeros(5, dtype=torch.float64))


def test_of_classes_in_batches_and_with_gaps():
    x = rows()
    y = (x[:, 1] > 0).long()

    def predict(part):
        assert len(part) <= 300
        return torch.nn.functional.one_hot((part[:, 1] > 0).long(), 2).float()
    found = importance(predict, x, y, metrics.accuracy, rounds=3, batch=300)
    assert found[1].mean() == pytest.approx(0.5, abs=0.05) and found[[0, 2, 3]].abs().max() == 0


def test_the_seed_decides():
    x, w = rows()[:, :3], torch.tensor([2.0, 1.0, 0.5])
    first, again, other = (importance(lambda part: part @ w, x, x @ w, metrics.rmse, seed=seed, better=-1) for seed in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other) and (first > 0).all()


def test_without_rows_there_is_none():
    with pytest.raises(ValueError, match="0 rows and 3 targets"):
        importance(lambda part: part, torch.zeros(0, 2), torch.zeros(3), metrics.rmse)
