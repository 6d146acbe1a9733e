"""The worked examples against numbers worked out by hand, and against torch's own layers."""
import math

import pytest
import torch
from torch import nn

from deepen.nn import worked


def test_four_points_lie_on_a_line_where_no_line_parts_them():
    assert worked.POINTS.sum(1).tolist() == [3, 3, 3, 3]
    assert worked.best_line(worked.POINTS, worked.OUTER) == 3


def test_the_two_features_part_the_four_points():
    values = worked.features(worked.POINTS)
    assert values[:, 0].tolist() == [9, 9, 5, 5]
    assert values[:, 1].tolist() == [0, 0, 2, 2]
    assert worked.best_line(values, worked.OUTER) == 4


def test_best_line_knows_what_a_line_can_part():
    corners = torch.tensor([[0., 0.], [1., 1.], [0., 1.], [1., 0.]])
    assert worked.best_line(corners, torch.tensor([True, True, False, False])) == 3         # xor
    assert worked.best_line(corners, torch.tensor([True, False, False, False])) == 4        # nor
    assert worked.best_line(corners, torch.tensor([True] * 4)) == 4


def test_one_weight_by_hand():
    first, second = worked.one_weight()[:2]
    assert first == {"w": 0.5, "guess": 1.0, "loss": 2.0, "slope": -4.0, "new": pytest.approx(0.9)}
    assert second["guess"] == pytest.approx(1.8) and second["loss"] == pytest.approx(0.72)
    last = worked.one_weight(turns=200)[-1]
    assert last["new"] == pytest.approx(1.5)


def test_the_slopes_of_activations():
    told = worked.activations(torch.tensor([0.0, 2.0]))
    assert told["sigmoid"][1][0] == pytest.approx(0.25) and told["tanh"][1][0] == pytest.approx(1.0)
    assert told["relu"][0].tolist() == [0, 2] and told["relu"][1][1] == 1
    assert told["sigmoid"][0][1] == pytest.approx(1 / (1 + math.exp(-2)))


def test_he_keeps_a_signal_alive_and_others_do_not():
    he, xavier, normal = (worked.signal_sizes(torch.relu, how) for how in ("he", "xavier", "normal"))
    assert 0.3 < he[-1] / he[0] < 3
    assert xavier[-1] < he[-1] / 10 and normal[-1] < 1e-10
    assert worked.signal_sizes(torch.tanh, "zero") == [0.0] * 10


def test_signal_sizes_leave_the_random_generator_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    worked.signal_sizes(torch.relu, "he", depth=1)
    assert torch.equal(before, torch.get_rng_state())


def test_shortcuts_keep_the_gradient_of_a_deep_net_level():
    plain, residual = (worked.skip(20, shortcuts, side=8, count=4) for shortcuts in (False, True))
    assert len(plain) == len(residual) == 19                    # convolutions; the twentieth layer is dense
    assert plain[0] / plain[-1] > 1.5 * residual[0] / residual[-1] > 1
    deep, kept = (worked.skip(56, shortcuts, side=8, count=4) for shortcuts in (False, True))
    assert deep[0] / deep[-1] > 20 * kept[0] / kept[-1]
    assert deep[0] / deep[-1] > 20 * plain[0] / plain[-1] and kept[0] / kept[-1] < 10 * residual[0] / residual[-1]


def test_one_step_down_the_valley():
    way = worked.valley("sgd", 0.95, 1)
    assert way[1].tolist() == pytest.approx([-7 + 0.95 * 0.7, 2 - 0.95 * 4])
    assert worked.valley("adagrad", 1.5)[-1].norm() < worked.valley("sgd", 0.95)[-1].norm() < 0.5


def test_recurrent_equals_torch():
    layer = nn.RNN(1, 1)
    with torch.no_grad():
        layer.weight_ih_l0.fill_(1.0), layer.weight_hh_l0.fill_(0.9), layer.bias_ih_l0.fill_(0.3), layer.bias_hh_l0.zero_()
    inputs = [1.0, 0.0, -2.0, 0.5]
    theirs = layer(torch.tensor(inputs)[:, None])[0].flatten().tolist()
    assert worked.recurrent(inputs, 1.0, 0.9, 0.3) == pytest.approx(theirs, abs=1e-6)


def test_lstm_equals_torch():
    cell = nn.LSTMCell(1, 1)
    w_x, w_h, b = (0.5, -1.0, 2.0, 0.3), (0.1, 0.7, -0.4, 0.9), (0.0, 1.0, -0.2, 0.4)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor(w_x)[:, None]), cell.weight_hh.copy_(torch.tensor(w_h)[:, None])
        cell.bias_ih.copy_(torch.tensor(b)), cell.bias_hh.zero_()
    h, c = cell(torch.tensor([[0.8]]), (torch.tensor([[0.2]]), torch.tensor([[-0.5]])))
    mine = worked.lstm(0.8, 0.2, -0.5, w_x, w_h, b)
    assert (mine["h"], mine["c"]) == (pytest.approx(h.item(), abs=1e-6), pytest.approx(c.item(), abs=1e-6))


def test_the_edge_filter_answers_three_and_minus_three():
    picture = torch.tensor([[0., 0., 1., 1., 1., 0., 0.]] * 4)
    assert worked.convolution(picture, worked.EDGE).tolist() == [[3, 3, 0, -3, -3]] * 2


def test_pooling_takes_the_largest_and_the_mean():
    picture = torch.arange(16.).reshape(4, 4)
    assert worked.pooled(picture).tolist() == [[5, 7], [13, 15]]
    assert worked.pooled(picture, "mean").tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_softmax_of_the_goldfish():
    p = worked.softmax(torch.tensor([2., 3., 5.]).log())
    assert p.tolist() == pytest.approx([0.2, 0.3, 0.5])


def test_small_windows_see_as_much_with_fewer_weights():
    assert worked.stack([5]) == (25, 5) and worked.stack([3, 3]) == (18, 5)
    assert worked.stack([7]) == (49, 7) and worked.stack([3, 3, 3]) == (27, 7)


def test_rank():
    p = torch.tensor([0.30, 0.24, 0.20, 0.14, 0.08, 0.04])
    assert worked.rank(p, 2) == (3, False, True)
    assert worked.rank(p, 0) == (1, True, True)
    assert worked.rank(p, 5) == (6, False, False)


def test_formats_of_pi():
    stored = worked.formats(math.pi)
    assert stored["fp16"] == (3.140625, 16) and stored["bf16"] == (3.140625, 16) and stored["1 bit"] == (1.0, 1)
    assert abs(stored["fp32"][0] - math.pi) < 1e-7
    assert worked.formats(1e-6)["bf16"][0] == pytest.approx(1e-6, rel=1e-2)
    assert worked.formats(1e-9)["fp16"][0] == 0                                             # lost


def test_counting_equal_bits_multiplies():
    a, b = (torch.randint(0, 2, (2, 99), generator=torch.Generator().manual_seed(0)) * 2 - 1)
    multiplied, counted = worked.one_bit_product(a, b)
    assert multiplied == counted == int((a * b).sum())


def test_workers_share_the_gradient():
    dice = torch.Generator().manual_seed(0)
    x, y, w = torch.randn(8, 3, generator=dice), torch.randn(8, generator=dice), torch.randn(3, generator=dice)
    for workers in (2, 4, 8):
        whole, shared = worked.shared_gradient(x, y, w, workers)
        assert torch.allclose(whole, shared, atol=1e-6)
    by_hand = 2 / 8 * x.T @ (x @ w - y)
    assert torch.allclose(whole, by_hand, atol=1e-6)


def test_noise_takes_the_picture_away():
    left = worked.signal_left()
    assert float(left[0]) == pytest.approx(math.sqrt(1 - 1e-4))
    assert bool((left[1:] < left[:-1]).all()) and float(left[-1]) ** 2 == pytest.approx(4.04e-5, rel=0.01)


def test_values_of_the_corridor_are_powers_of_the_discount():
    assert worked.corridor(length=4, discount=0.5, turns=4)[-1] == [0.125, 0.25, 0.5, 1.0]
    assert worked.corridor(length=4, discount=0.5, turns=1)[-1] == [0.0, 0.0, 0.0, 1.0]


def test_one_hot_rows_and_dense():
    assert worked.one_hot(2, 4).tolist() == [0, 0, 1, 0]
    assert worked.dense(torch.tensor([1., 2.]), torch.tensor([[3., 4.]]), torch.tensor([5.])).tolist() == [16]


def test_every_layer_is_timed():
    times = worked.layer_times(batch=2, turns=1)
    assert [name for name, _, _ in times if name.startswith("conv")] == [f"conv{n}" for n in range(1, 7)]
    assert all(forward > 0 and (backward > 0 or name == "scale") for name, forward, backward in times)
