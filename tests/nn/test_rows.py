"""The first layers of tables, by hand: pieces, what is missing, what was never seen, members that share weights."""
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepen.nn.rows import Heads, Pieces, Rows, Scaled, Shared, TabM, edges_of

NAN = float("nan")


def test_pieces_by_hand():
    """Edges 0, 1, 3, 7: 2 is through the first, half through the second, not yet in the third."""
    layer = Pieces(1, 3)
    layer.learn(torch.tensor([[0.0], [1.0], [3.0], [7.0]]))
    e = layer(torch.tensor([[2.0], [0.5], [5.0], [0.0], [7.0]]))[:, 0]
    assert torch.allclose(e, torch.tensor([[1, 0.5, 0], [0.5, 0, 0], [1, 1, 0.5], [0, 0, 0], [1, 1, 1]]))
    out = layer(torch.tensor([[-0.5], [-100.0], [9.0], [1000.0]]))[:, 0]           # the line goes on, one piece at most
    assert torch.allclose(out, torch.tensor([[-0.5, 0, 0], [-1, 0, 0], [1, 1, 1.5], [1, 1, 2]]))


def test_pieces_are_quantiles_and_those_that_coincide_go_to_the_other_rows():
    draw = torch.Generator().manual_seed(0)
    x = torch.cat([torch.randn(5000, 1, generator=draw).exp(), torch.zeros(5000, 2)], 1)
    x[:500, 1] = torch.arange(500) + 1000.0                         # most have nothing, a tenth much
    x[:10, 2] = 5.0
    layer = Pieces(3, 8)
    layer.learn(x)
    e = layer(x)
    assert torch.allclose(e[:, 0].clamp(0, 1).sum(1).quantile(torch.tensor([0.25, 0.5, 0.75])), torch.tensor([2.0, 4.0, 6.0]), atol=0.02)
    assert layer.start[1, 0] == 0 and layer.start[1, 1:].min() == 1000 and (layer.slope[1, 1:-1].diff().abs() < 1e-3).all()
    assert (layer.slope > 0).sum(1).tolist() == [8, 8, 1] and e.isfinite().all()
    assert e[0, 2].tolist() == [1.0] + 7 * [0.0] and e[10:, 2].abs().sum() == 0


def test_edges_by_hand():
    x = torch.tensor([0.0] * 90 + [10.0, 20.0, 30.0, 40.0, 50.0])
    assert edges_of(x, 3).tolist() == [0.0, 10.0, 50.0]             # all quantiles are 0 but the last; 10 is what is left's first
    assert edges_of(x, 100).tolist() == [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    assert edges_of(x[:90], 5).tolist() == [0.0]


@pytest.mark.parametrize("numbers", ["pieces", "periodic", "plain"])
def test_a_constant_and_an_empty_column_divide_by_nothing(numbers):
    x = torch.tensor([[5.0, NAN, 1e9], [5.0, NAN, 1e9], [5.0, NAN, 1e9]])
    rows = Rows((None, None, None), numbers, 4, 3)
    rows.learn(x)
    told = rows(torch.tensor([[5.0, NAN, 1e9], [6.0, 3.0, NAN], [-1e30, 1e30, 0.0]]))
    assert told.isfinite().all() and told.shape == (3, rows.size)
    assert torch.equal(rows.scaled(x)[0], torch.zeros(3, 3))


def test_missing_is_the_median_and_a_flag_that_was_learned():
    layer = Scaled(2)
    layer.learn(torch.tensor([[1.0, 10.0], [2.0, 20.0], [NAN, 30.0], [6.0, 40.0]]))
    assert layer.median.tolist() == [2.0, 20.0]
    scaled, missing = layer(torch.tensor([[NAN, NAN], [2.0, 20.0]]))
    assert torch.equal(scaled[0], scaled[1])
    assert missing.tolist() == [[1.0, 0.0], [0.0, 0.0]]                     # nobody learned what a gap in column 2 means


def test_scaled_is_mean_0_and_spread_1():
    x = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1e-3, 1.0, 1e6]) + 7
    layer = Scaled(3)
    layer.learn(x)
    scaled, _ = layer(x)
    assert torch.allclose(scaled.mean(0), torch.zeros(3), atol=1e-3)
    assert torch.allclose(scaled.std(0), torch.ones(3), atol=1e-2)


def test_categories_each_have_their_vector_and_the_unseen_share_one():
    rows = Rows((("a", "b"), None, ("x", "y", "z")), "plain", 4)
    assert rows.parts == [1, 1, 4, 4] and rows.vectors.num_embeddings == 7
    nn.init.normal_(rows.vectors.weight)
    told = rows(torch.tensor([[0.0, 1, 0], [1, 1, 2], [NAN, 1, NAN], [2, 1, 3], [-1, 1, 99], [1e30, 1, 1]]))
    w = rows.vectors.weight
    assert torch.equal(told[0, 2:], torch.cat([w[0], w[3]])) and torch.equal(told[1, 2:], torch.cat([w[1], w[5]]))
    for unseen in told[2:5]:
        assert torch.equal(unseen[2:], torch.cat([w[2], w[6]]))
    assert told.isfinite().all()


def test_periodic_by_hand():
    """Trained on 0…8 evenly, 2 lies a quarter through: -√3/2 of the spread scale."""
    rows = Rows((None,), "periodic", 2, 4)
    rows.learn(torch.arange(9.0)[:, None])
    c, w = rows.frequency[0], rows.weight[0]
    places = torch.tensor([0.0, 2.0, 4.0, 8.0]), (-math.sqrt(3), -math.sqrt(3) / 2, 0.0, math.sqrt(3))
    v = torch.stack([torch.cat([torch.sin(2 * math.pi * c * t), torch.cos(2 * math.pi * c * t)]) for t in places[1]])
    assert torch.allclose(rows(places[0][:, None])[:, :2], F.relu(v @ w), atol=1e-5)


def test_even_draws_apart_what_is_crowded():
    x = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0)).exp().pow(4)           # long tails
    layer = Pieces(1, 32)
    layer.learn(x)
    even = layer.even(layer(x))[:, 0]
    assert abs(float(even.mean())) < 0.01 and float(even.std()) == pytest.approx(1, abs=0.01)
    assert (even[x[:, 0].argsort()].diff() > -1e-6).all()


def test_one_member_is_a_plain_network():
    torch.manual_seed(0)
    rows = Rows((None, None, None), "plain")
    net = TabM(rows, 2, 2, 8, 1)
    a, b = net.layers
    plain = nn.Sequential(nn.Linear(rows.size, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    for mine, theirs in ((plain[0], a), (plain[2], b)):
        assert torch.equal(theirs.r, torch.ones_like(theirs.r)) and torch.equal(theirs.s, torch.ones_like(theirs.s))
        mine.load_state_dict({"weight": theirs.weight, "bias": theirs.bias[0]})
    plain[4].load_state_dict({"weight": net.head.weight[0].T, "bias": net.head.bias[0]})
    x = torch.randn(5, 3)
    z = net(x)
    assert z.shape == (5, 1, 2) and torch.allclose(z[:, 0], plain(rows(x)), atol=1e-6)
    assert torch.allclose(net.probabilities(z), plain(rows(x)).softmax(1), atol=1e-6)


def test_a_member_is_the_network_with_its_own_matrix():
    torch.manual_seed(0)
    layer = Shared(4, 3, 2)
    for adapter in (layer.r, layer.s, layer.bias):
        nn.init.normal_(adapter)
    x = torch.randn(6, 2, 4)
    for i in range(2):
        w = layer.s[i][:, None] * layer.weight * layer.r[i][None]           # W ∘ (s rᵀ), BatchEnsemble's equation 1
        assert torch.allclose(layer(x)[:, i], x[:, i] @ w.T + layer.bias[i], atol=1e-5)
    heads = Heads(4, 3, 2)
    assert torch.allclose(heads(x)[:, 1], x[:, 1] @ heads.weight[1] + heads.bias[1], atol=1e-5)


def test_members_start_apart_and_learn_apart():
    """The loss of one member moves its own adapters and the shared weights, nobody else's adapters."""
    torch.manual_seed(0)
    net = TabM(Rows((None, None, ("a", "b"))), 2, 2, 8, 3)
    x = torch.tensor([[0.1, 2.0, 1.0], [1.0, -1.0, 0.0]])
    nn.init.normal_(net.rows.vectors.weight)
    z = net(x)
    assert not torch.allclose(z[:, 0], z[:, 1])
    z[:, 1].square().sum().backward()
    for own in (net.head.weight, net.layers[0].r, net.layers[1].s, net.layers[1].bias):
        assert own.grad[1].abs().sum() > 0 and own.grad[[0, 2]].abs().sum() == 0
    assert net.layers[0].weight.grad.abs().sum() > 0
    column = net.layers[0].r.split(net.rows.parts, 1)[0]                    # one number a member for a whole column
    assert (column == column[:, :1]).all() and len(column[:, 0].unique()) == 3


def test_the_mean_of_the_members_answers():
    net = TabM(Rows((None,), "plain"), 3, 1, 4, 5)
    z = torch.randn(7, 5, 3)
    assert torch.allclose(net.probabilities(z), z.softmax(-1).mean(1), atol=1e-6)
    net.temperature.fill_(2.0)
    p = z.softmax(-1).mean(1).sqrt()
    assert torch.allclose(net.probabilities(z), p / p.sum(1, keepdim=True), atol=1e-6)
    net.centre.fill_(10.0)
    net.spread.fill_(3.0)
    assert torch.allclose(net.number(z[..., :1]), z[..., 0].mean(1) * 3 + 10)
