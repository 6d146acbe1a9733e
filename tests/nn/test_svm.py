"""The vector machine and the ridge give the answers of scikit-learn."""
import numpy as np
import torch
from sklearn.linear_model import Ridge as TheirRidge
from sklearn.svm import LinearSVC

from deepen.nn.svm import Ridge, svm


def test_the_plane_is_scikit_learns():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(400, 6, generator=draw)
    y = x[:, 0] - 0.5 * x[:, 1] + 0.4 * torch.randn(400, generator=draw) > 0.3
    plane = svm(x, y, 0.1)
    theirs = LinearSVC(C=0.1, loss="squared_hinge", dual=False, tol=1e-9, intercept_scaling=1e4).fit(x.numpy(), y.numpy())
    assert np.allclose(plane[:-1], theirs.coef_[0], atol=2e-3) and np.allclose(plane[-1], theirs.intercept_[0], atol=2e-3)
    assert torch.allclose(svm(x, y, 0.1, start=plane), plane, atol=1e-4)


def test_a_plane_known_by_hand():
    """Two points 2 apart: the widest margin is half way, and steep enough for both to lie on it when misses are dear."""
    plane = svm(torch.tensor([[1.0], [3.0]]), torch.tensor([False, True]), 1e6)
    assert torch.allclose(plane, torch.tensor([1.0, -2.0]), atol=1e-3)


def test_ridge_in_parts_is_scikit_learns():
    draw = torch.Generator().manual_seed(1)
    x, y = torch.randn(300, 5, generator=draw), torch.randn(300, 2, generator=draw)
    mine = Ridge(5, 2)
    for part in range(3):
        mine.add(x[part::3], y[part::3])
    weights = mine.solve(7.0)
    theirs = TheirRidge(alpha=7.0).fit(x.numpy(), y.numpy())
    assert np.allclose(weights[:, :-1], theirs.coef_, atol=1e-4) and np.allclose(weights[:, -1], theirs.intercept_, atol=1e-4)
    again = Ridge(5, 2)
    again.load_state_dict(mine.state_dict())
    assert torch.equal(again.solve(7.0), weights)
    assert (Ridge(5, 2).solve(1000.0) == 0).all()                           # nothing was seen: nothing is moved
