import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepen.core.words import Problem
from deepen.nn import layers
from deepen.nn.design import Design


def test_scale_divides_bytes_only():
    scale = layers.Scale((1, 2, 2))
    x = torch.tensor([[[[0, 51], [102, 255]]]], dtype=torch.uint8)
    assert torch.allclose(scale(x), torch.tensor([[[[0, 0.2], [0.4, 1]]]]))
    assert torch.equal(scale(scale(x)), scale(x))                           # real values are scaled already
    assert torch.equal(layers.Scale((2,), 1.0)(torch.tensor([[3, 4]])), torch.tensor([[3.0, 4.0]]))
    assert scale.half()(x).dtype == torch.float16 and scale.double()(x).dtype == torch.float64


def test_scale_learns_statistics():
    torch.manual_seed(0)
    x = torch.randint(0, 200, (50, 3, 4, 4), dtype=torch.uint8)
    x[:, 2] = 7                                                             # a constant channel
    scale = layers.Scale((3, 4, 4))
    scale.learn(x)
    y = scale(x)
    assert torch.allclose(y.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(y[:, :2].std((0, 2, 3), correction=0), torch.ones(2), atol=1e-4)
    assert y.isfinite().all()
    again = layers.Scale((3, 4, 4))
    again.load_state_dict(scale.state_dict())
    assert torch.equal(again(x), y)
    rows = torch.randn(100, 5) * 7 + 3
    scale = layers.Scale((5,), 1.0)
    scale.learn(rows)
    assert torch.allclose(scale(rows).std(0, correction=0), torch.ones(5), atol=1e-5)


def test_residual_adds_what_came_in():
    block = layers.Residual(4, 4).eval()
    assert isinstance(block.shortcut, nn.Identity)
    nn.init.zeros_(block.body[-1].weight)                                   # the body gives 0
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(block(x), x.relu())
    assert layers.Residual(4, 6, 2)(x).shape == (2, 6, 3, 3)


def test_inception_joins_four_branches_in_the_papers_order():
    block = layers.Inception(3, 4, 2, 5, 2, 6, 7)
    x = torch.randn(2, 3, 9, 9)
    y = block(x)
    assert y.shape == (2, 22, 9, 9)
    assert torch.allclose(y[:, :4], F.relu(block.one(x))) and torch.allclose(y[:, 15:], F.relu(block.pool(x)))
    assert torch.allclose(y[:, 4:9], F.relu(block.three(x))) and torch.allclose(y[:, 9:15], F.relu(block.five(x)))
    # GoogLeNet's inception (3a): 256 channels, 163,696 parameters with biases
    assert sum(p.numel() for p in layers.Inception(192, 64, 96, 128, 16, 32, 32).parameters()) == 163_696


def test_dropconnect_keeps_mean_and_variance():
    torch.manual_seed(0)
    layer = layers.DropConnect(12, 3, p=0.4, masks=0).double()
    nn.init.normal_(layer.bias)
    x = torch.randn(1, 12, dtype=torch.float64)
    passes = layer(x.expand(200_000, -1))                                   # a mask an example
    mean, variance = layer.moments(x)
    error = passes.std(0) / math.sqrt(len(passes))
    assert ((passes.mean(0) - mean).abs() < 4 * error).all()
    assert torch.allclose(passes.var(0), variance[0], rtol=0.02)
    assert torch.equal(layer.eval()(x), F.linear(x, layer.weight, layer.bias))


@pytest.mark.parametrize("masks, different", [(1, 1), (4, 4), (0, 20)])
def test_dropconnect_draws_as_many_masks_as_said(masks, different):
    torch.manual_seed(0)
    layer = layers.DropConnect(50, 8, masks=masks)
    y = layer(torch.ones(20, 50))
    assert len({tuple(round(value, 4) for value in row) for row in y.tolist()}) == different


def test_dropconnect_learns_only_through_what_was_kept():
    layer = layers.DropConnect(30, 5, p=0.5, masks=1, bias=False)
    layer(torch.ones(4, 30)).sum().backward()
    kept = layer.weight.grad != 0
    assert 30 < kept.sum() < 120 and torch.allclose(layer.weight.grad[kept], torch.tensor(8.0))     # 4 / (1 - p)
    assert layers.DropConnect(4, 3, masks=0)(torch.ones(2, 5, 4)).shape == (2, 5, 3)     # one mask a sequence
    assert Design("dropconnect 0.25 masks=3; dense 2").build(type("Kind", (), {"shape": (4,)})).dense1.masks == 3


def test_sign():
    x = torch.tensor([-2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 1.5], requires_grad=True)
    y = layers.sign(x)
    y.backward(torch.arange(1.0, 9))
    assert y.tolist() == [-1, -1, -1, 1, 1, 1, 1, 1]
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 6, 7, 0]                      # straight through, clipped outside -1…1
    assert layers.sign(x.bfloat16()).dtype == torch.bfloat16


def test_binary_layers_compute_with_signs():
    dense = layers.BinaryDense(7, 3, bias=False)
    x = torch.randn(5, 7)
    assert torch.equal(dense(x), x @ torch.where(dense.weight >= 0, 1.0, -1.0).T)
    conv = layers.BinaryConv(2, 4, 3, padding=1, bias=False)
    x = layers.sign(torch.randn(1, 2, 5, 5))
    padded = torch.ones(1, 2, 7, 7)                                         # a border of +1, the sign of 0
    padded[:, :, 1:-1, 1:-1] = x
    y = conv(x)
    assert torch.equal(y, F.conv2d(padded, torch.where(conv.weight >= 0, 1.0, -1.0)))
    assert ((y.long() - 18) % 2 == 0).all()                                 # 18 values of ±1: every sum is even


def test_latent_weights_stay_within_reach():
    torch.manual_seed(0)
    dense = layers.BinaryDense(4, 2, bias=False)
    nn.init.constant_(dense.weight, 0.9)
    optimizer = torch.optim.SGD(dense.parameters(), 1.0)
    for _ in range(3):
        optimizer.zero_grad()
        (-dense(torch.ones(1, 4)).sum()).backward()                         # pushes every weight up
        optimizer.step()
    dense(torch.ones(1, 4))
    assert dense.weight.max() == 1
    with torch.no_grad():
        dense.weight.fill_(3)
    dense.eval()(torch.ones(1, 4))
    assert dense.weight.max() == 3                                          # judging changes nothing


def test_binary_network_learns_and_exports():
    torch.manual_seed(0)
    kind = type("Kind", (), {"shape": (8,)})
    net = Design("binary dense 64; norm; sign; binary dense classes; norm").build(kind, 2, init="xavier")
    x = torch.randn(256, 8)
    y = (x[:, 0] + x[:, 1] > 0).long()
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()
    assert (net(x).argmax(1) == y).float().mean() > 0.9
    program = torch.export.export(net, (x,))
    assert torch.equal(program.module()(x), net(x))


def test_globals_and_last():
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(layers.GlobalMaxMean()(x), torch.cat([x.flatten(2).amax(2), x.mean((2, 3))], 1))
    assert torch.equal(layers.GlobalMean()(x), x.mean((2, 3)))
    s = torch.randn(2, 7, 3)
    assert torch.equal(layers.GlobalMaxMean()(s), torch.cat([s.amax(1), s.mean(1)], 1))
    assert torch.equal(layers.GlobalMean()(s), s.mean(1)) and torch.equal(layers.Last()(s), s[:, 6])


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_gives_the_sequence(cell):
    layer = layers.Recurrent(cell, 3, 5)
    x = torch.randn(2, 7, 3)
    y = layer(x)
    assert y.shape == (2, 7, 5)
    assert torch.allclose(layer(x[:, :4]), y[:, :4], atol=1e-6)             # what comes later changes nothing before


def test_initialise():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(16, 200, 5), nn.BatchNorm2d(200), nn.Linear(300, 500))
    spread = {"he": (math.sqrt(2 / 400), math.sqrt(2 / 300)), "normal": (0.01, 0.01), "zero": (0, 0),
              "xavier": (math.sqrt(2 / (400 + 5000)), math.sqrt(2 / 800))}
    for how in layers.BEGINNINGS:
        nn.init.ones_(net[0].bias)
        assert layers.initialise(net, how) is net
        for layer, wanted in zip((net[0], net[2]), spread[how], strict=True):
            assert abs(layer.weight.std().item() - wanted) <= 0.02 * wanted
            assert layer.bias.abs().max() == 0
    assert net[1].weight.min() == 1                                         # norms are left alone
    with pytest.raises(Problem, match="there is no initialisation hi"):
        layers.initialise(net, "hi")
