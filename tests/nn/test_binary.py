"""Networks of signs, packed: the same sums, signs and scores, to the bit."""
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepen.core.kinds import Image, Vector
from deepen.core.words import Problem
from deepen.nn import binary, layers
from deepen.nn.binary import Bits, pack, packed, thresholds, to_signs, to_words
from deepen.nn.design import Design, network

SHAPES = [(1, 1, 1), (3, 63, 5), (4, 64, 64), (5, 65, 63), (2, 127, 65), (9, 128, 129), (7, 129, 1), (33, 200, 130), (6, 784, 100)]


def signs(*shape):
    return torch.randint(2, shape) * 2.0 - 1


def restless(net):
    """Norms and biases as after learning, and worse: scales of both signs and 0."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm1d):
            nn.init.normal_(layer.weight)
            nn.init.normal_(layer.bias)
            layer.running_mean.normal_(0, 9)
            layer.running_var.uniform_(0.1, 90)
            layer.weight.data[0] = 0
        elif getattr(layer, "bias", None) is not None:
            nn.init.normal_(layer.bias)
    return net.eval()


def inputs(kind, count):
    if isinstance(kind, Image):
        return torch.randint(256, (count, *kind.shape), dtype=torch.uint8)
    return torch.randn(count, *kind.shape)


@pytest.mark.parametrize("rows, count, units", SHAPES)
def test_the_product_of_signs_is_the_float_product(rows, count, units):
    torch.manual_seed(rows * count + units)
    x, w = signs(rows, count), signs(units, count)
    layer = Bits(count, units)
    layer.words.copy_(to_words(w > 0))
    assert torch.equal(layer(pack(x)), x @ w.T)
    assert layer.words.nbytes == 8 * units * -(-count // 64)


@pytest.mark.parametrize("rows, count, units", SHAPES)
def test_the_product_of_bytes_is_the_float_product(rows, count, units):
    torch.manual_seed(rows * count + units)
    x, w = torch.randint(256, (rows, count), dtype=torch.uint8), signs(units, count)
    layer = Bits(count, units, planes=8)
    layer.words.copy_(to_words(w > 0))
    assert torch.equal(layer(pack(x)), x.float() @ w.T)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 128, 200])
def test_packing_and_back(count):
    x = torch.randn(7, count)
    x[0] = 0
    assert torch.equal(to_signs(pack(x)[:, 0], count), layers.sign(x))          # 0 is +1
    words = to_words(x >= 0)
    assert words.shape == (7, -(-count // 64)) and torch.equal(to_signs(words, count), layers.sign(x))
    assert torch.equal(pack(x)[:, 0, :words.shape[1]], words)


def test_several_threads_give_the_same(monkeypatch):
    monkeypatch.setattr(binary, "SHARE", 1)
    before = torch.get_num_threads()
    layer, x = Bits(100, 70), signs(50, 100)
    w = signs(70, 100)
    layer.words.copy_(to_words(w > 0))
    turned = Bits(100, 70, signs=True)
    turned.words.copy_(to_words(w > 0))
    try:
        torch.set_num_threads(3)
        assert torch.equal(layer(pack(x)), x @ w.T)
        assert torch.equal(to_signs(turned(pack(x))[:, 0], 70), layers.sign(x @ w.T))
    finally:
        torch.set_num_threads(before)


def test_wrong_inputs_are_refused():
    with pytest.raises(ValueError, match="packed inputs"):
        Bits(100, 3)(pack(torch.zeros(2, 300)))
    with pytest.raises(ValueError, match="packed inputs"):
        Bits(100, 3, planes=8)(pack(torch.zeros(2, 100)))           # signs where bytes are wanted


@pytest.mark.parametrize("biased", [False, True])
def test_a_threshold_says_what_norm_and_sign_say_of_every_sum(biased):
    torch.manual_seed(1)
    norm, most = nn.BatchNorm1d(300), 99
    restless(norm)
    bias = torch.randn(300) if biased else None
    norm.running_mean[:50] = torch.randint(-99, 100, (50,)).float()              # sums that meet the edge itself
    norm.bias.data[:50] = 0
    turned, least = thresholds(norm, bias, most, 300)
    totals = torch.arange(-most, most + 1)[:, None].expand(-1, 300)              # (199, 300)
    y = totals.float() if bias is None else totals.float() + bias
    wanted = norm(y) >= 0
    assert torch.equal(torch.where(turned, -totals, totals) >= least, wanted)
    assert turned.any() and not turned.all() and wanted.all(0).any() and (~wanted).all(0).any()


NETS = [
    ("binary dense 70; norm; sign; dropout 0.1; binary dense 33; norm; sign; binary dense 10; norm", Image(1, 7, 9)),
    ("dense 65; norm; sign; binary dense 130 bias=yes; norm; sign; dense 10", Vector(13)),
    ("binary dense 65; relu; binary dense 30; sign; binary dense 130 bias=yes; sign; dense 10; relu", Vector(13)),
    ("sign; binary dense 10 bias=yes", Image(3, 5, 5)),
    ("binary dense 10; sign", Image(3, 5, 5)),
    ("sign; flatten; norm; binary dense 10", Vector(70)),
]


@pytest.mark.parametrize("text, kind", NETS)
def test_a_packed_network_gives_the_same_scores(text, kind):
    torch.manual_seed(0)
    net = restless(Design(text).build(kind, 10))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    x = inputs(kind, 301)
    small = packed(net)
    scores = net(x)
    assert torch.equal(small(x), scores)
    assert torch.equal(small(x[:1]), net(x[:1]))
    again = binary.loaded(small.lines, {name: tensor.clone() for name, tensor in small.saved().items()})
    assert torch.equal(again(x), scores)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_the_net_by_name_is_packed_32_times_smaller():
    kind = Image(1, 28, 28)
    net = restless(network("binary", kind, 10))
    small, x = packed(net), inputs(kind, 40)
    assert torch.equal(small(x), net(x))
    assert [word for word, *_ in small.lines] == ["pack", "bits", "bits", "bits", "bits", "norm"]
    hidden = small[2]
    assert net.binary_dense2.weight.nbytes == 32 * hidden.words.nbytes
    assert sum(p.nbytes for p in net.parameters()) > 29 * small.bytes           # norms and 784 = 12.25 words with it


def test_what_cannot_be_packed_says_so():
    for text in ("binary conv 4 3; norm; sign; binary dense 10", "dense 4; relu; dense 10"):
        net = Design(text).build(Image(1, 8, 8), 10)
        assert not binary.can_pack(net)
        with pytest.raises(Problem, match="can be packed"):
            packed(net)
    with pytest.raises(Problem, match="not known here"):
        binary.Packed([["system", "rm"]])
    small = packed(Design("sign; binary dense 10").build(Vector(70), 10))
    with pytest.raises(Problem, match="damaged"):
        binary.loaded([["pack"], ["bits", 700, 10]], small.saved())
    with pytest.raises(Problem, match="damaged"):
        binary.loaded([["bits", "many"]], small.saved())


def test_the_gradient_goes_straight_through_where_it_may():
    edge = 1 + 2**-7
    for kind in (torch.float32, torch.bfloat16, torch.float64):
        x = torch.tensor([-3, -edge, -1, -0.5, -0.0, 0.0, 0.5, 1, edge, 3], dtype=kind, requires_grad=True)
        y = layers.sign(x)
        y.backward(torch.full_like(y, 3))
        assert y.tolist() == [-1, -1, -1, -1, 1, 1, 1, 1, 1, 1] and y.dtype == kind
        assert x.grad.tolist() == [0, 0, 3, 3, 3, 3, 3, 3, 0, 0]


def test_the_gradient_of_latent_weights_is_that_of_their_signs():
    layer, x = layers.BinaryDense(5, 3, bias=False), torch.randn(4, 5)
    nn.init.uniform_(layer.weight, -1, 1)
    layer(x).square().sum().backward()
    w = layers.sign(layer.weight.detach()).requires_grad_()
    F.linear(x, w).square().sum().backward()
    assert torch.equal(layer.weight.grad, w.grad)


def test_numba_is_imported_when_it_is_used():
    code = ("import sys, deepen.nn.binary as b, torch; from deepen.nn.design import Design; from deepen.core.kinds import Vector\n"
            "b.packed(Design('sign; binary dense 10').build(Vector(70), 10)); assert 'numba' not in sys.modules")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
