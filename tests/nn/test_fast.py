import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepen.core.kinds import Image, Vector
from deepen.nn import fast
from deepen.nn.design import Design, network
from deepen.nn.nets.deepconv import deepconv

GREY = Image(1, 28, 28)


def gradients(net, x, y):
    net.zero_grad()
    loss = F.cross_entropy(net(x), y)
    loss.backward()
    return loss.detach(), [p.grad.clone() for p in net.parameters()]


@pytest.mark.parametrize("rise", ["relu", "leakyrelu 0.2"])
@pytest.mark.parametrize("pool", ["pool 2", "pool 3 stride=2 pad=1", "pool 3 stride=1"])
def test_pool_before_relu_is_the_same(rise, pool):
    torch.manual_seed(0)
    design = Design(f"conv 6 3; {rise}; {pool}; conv 6 3; norm; {rise}; {pool}; dense 10")
    plain, quick = (design.build(GREY, 10, fast=fast).double() for fast in (False, True))
    quick.load_state_dict(plain.state_dict())
    order = [name for name, _ in quick.named_children()]
    assert order.index("pool1") < order.index(rise.split()[0] + "1") and list(plain.state_dict()) == list(quick.state_dict())
    x, y = torch.randint(256, (8, 1, 28, 28), dtype=torch.uint8), torch.randint(10, (8,))
    (loss, slow), (same, swift) = gradients(plain, x, y), gradients(quick, x, y)
    assert torch.allclose(loss, same, rtol=1e-12)
    for a, b in zip(slow, swift, strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-12)


def test_only_what_keeps_the_order_is_swapped():
    def order(text):
        return [name for name, _ in Design(text).build(GREY).named_children()][1:]
    assert order("tanh; pool 2; relu; meanpool 2; gelu; pool") == ["tanh1", "pool1", "relu1", "meanpool1", "gelu1", "pool2"]
    assert order("relu; leakyrelu; pool 2") == ["relu1", "pool1", "leakyrelu1"]


@pytest.mark.parametrize("inputs, outputs, window, stride, pad, groups", [
    (4, 8, 3, 1, 2, 1), (1, 6, 5, 1, 0, 1), (1, 6, 3, 1, 2, 1), (1, 16, 3, 1, 1, 1), (4, 8, 4, 2, 3, 2), (2, 3, 1, 1, 1, 1)])
@pytest.mark.parametrize("last", [False, True])
def test_conv_is_the_same_in_bf16(inputs, outputs, window, stride, pad, groups, last):
    """Small whole numbers, so that every sum is exact whatever its order: the results must be equal to the bit."""
    torch.manual_seed(0)
    ours = fast.Conv(inputs, outputs, window, stride, pad, groups=groups)
    ours.weight.data = torch.randint(-1, 2, ours.weight.shape).float()
    ours.bias.data = torch.randint(-1, 2, ours.bias.shape).float()
    plain = nn.Conv2d(inputs, outputs, window, stride, pad, groups=groups)
    plain.load_state_dict(ours.state_dict())
    x = torch.randint(-1, 2, (2, inputs, 9, 10)).float()
    if last:
        x, ours, plain = (part.to(memory_format=torch.channels_last) for part in (x, ours, plain))
    results = []
    for conv in (ours, plain):
        z = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            y = conv(z)
        y.backward((torch.arange(y.numel()).view(y.shape) % 3 - 1).to(y.dtype))
        results.append((y, z.grad, conv.weight.grad, conv.bias.grad))
    for mine, theirs in zip(*results, strict=True):
        assert mine.dtype == theirs.dtype and torch.equal(mine, theirs)
    if last and outputs > 1:
        assert results[0][0].is_contiguous(memory_format=torch.channels_last)


def test_conv_goes_around_only_where_it_must(monkeypatch):
    pads = []
    pad = F.pad
    monkeypatch.setattr(F, "pad", lambda x, *rest: pads.append(rest) or pad(x, *rest))
    wide, usual = fast.Conv(4, 8, 3, padding=2), fast.Conv(4, 8, 3, padding=1)
    x = torch.randn(1, 4, 8, 8)

    def count(conv, half=True):
        pads.clear()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            conv(x)
        return len(pads)
    assert (count(wide), count(usual), count(wide, half=False)) == (1, 0, 0)
    assert count(wide.eval()) == 0                          # what is exported is a plain convolution


def test_the_textbooks_network_in_bf16_is_close_to_float32():
    torch.manual_seed(0)
    net = Design(deepconv(GREY)).build(GREY, 10).to(memory_format=torch.channels_last)
    for part in net.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    x, y = torch.randint(256, (32, 1, 28, 28), dtype=torch.uint8), torch.randint(10, (32,))
    loss, exact = gradients(net, x, y)
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        rough_loss, rough = gradients(net, x, y)
    assert abs(rough_loss - loss) < 0.05 * loss
    a, b = (torch.cat([g.flatten() for g in part]) for part in (exact, rough))
    assert F.cosine_similarity(a, b, dim=0) > 0.95


@pytest.mark.parametrize("text, kind", [
    ("conv 8 3; norm; relu; conv 8 3 pad=2 bias=no; norm; relu; residual 8; residual 12 stride=2; globalpool; dense 5", GREY),
    ("dense 20; norm; relu; dense 5; norm", Vector(7)),
])
def test_fold(text, kind):
    torch.manual_seed(0)
    net = Design(text).build(kind)
    for norm in net.modules():
        if isinstance(norm, (nn.BatchNorm2d, nn.BatchNorm1d)):
            for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    before = copy.deepcopy(net.state_dict())
    folded = fast.fold(net)
    x = torch.rand(6, *kind.shape)
    assert torch.allclose(folded(x), net.eval()(x), rtol=1e-4, atol=1e-5)
    assert not [part for part in folded.modules() if isinstance(part, (nn.BatchNorm2d, nn.BatchNorm1d))]
    assert not folded.training and all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_fold_leaves_alone_what_cannot_be_folded():
    net = Design("norm; binary conv 4 3; norm; relu; norm; dense 5").build(GREY)
    net(torch.randint(256, (8, 1, 28, 28), dtype=torch.uint8))              # gives the norms their statistics
    folded = fast.fold(net)
    x = torch.rand(3, 1, 28, 28)
    assert torch.allclose(folded(x), net.eval()(x), atol=1e-5)
    assert sum(isinstance(part, nn.BatchNorm2d) for part in folded.modules()) == 3


@pytest.mark.parametrize("name, alone", [("resnet18", 0), ("resnet50", 0), ("resnet20", 0), ("vgg11_bn", 0), ("googlenet", 0),
                                         ("quick", 6), ("small", 2)])
def test_fold_reaches_the_blocks_of_every_net(name, alone):
    """`alone`: norms that have a pool before them, or are not named as a pair."""
    torch.manual_seed(0)
    net = network(name, Image(3, 32, 32), 10)
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    folded, x = fast.fold(net), torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    wanted = net.eval()(x)
    assert torch.allclose(folded(x), wanted, rtol=1e-3, atol=1e-4 * float(wanted.detach().abs().max()))
    assert sum(isinstance(part, nn.BatchNorm2d) for part in folded.modules()) == alone


def test_inference_is_close_and_leaves_the_network_alone():
    torch.manual_seed(0)
    net = network("resnet18", Image(3, 32, 32), 10).eval()
    before, x = copy.deepcopy(net.state_dict()), torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    wanted = net(x)
    assert torch.allclose(fast.inference(net, half=False)(x), wanted, rtol=1e-3, atol=1e-4)
    half = fast.inference(net)
    assert half(x).dtype == torch.float32 and (half(x) - wanted).abs().max() < 0.05 * wanted.abs().max()
    assert half.network.conv1.weight.dtype == torch.bfloat16
    assert all(torch.equal(before[key], value) and before[key].dtype == value.dtype for key, value in net.state_dict().items())


def test_the_pictures_get_no_gradient():
    net = Design("conv 4 3; relu; dense 3").build(GREY, 3)
    y = net.conv1(net.scale(torch.zeros(2, 1, 28, 28, dtype=torch.uint8)))
    assert y.requires_grad and y.grad_fn.next_functions[0][0] is None       # so the slowest gradient is not computed
