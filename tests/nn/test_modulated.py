"""Styled layers: the fast trick is the paper's formula, weights keep their norm, mixing starts where it says, R1 is known."""
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepen.core.kinds import Image
from deepen.core.words import Problem
from deepen.nn.modulated import (
    GAIN,
    SLOPE,
    Colour,
    Critic,
    Mapping,
    Painter,
    Styled,
    differences,
    sizes_of,
    steepness,
    unit,
)


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def grouped(layer, x, w, specks):
    """The formula of the paper: weights of its own for every picture, one group each."""
    s = layer.style(w)
    b, inside, high, wide = x.shape
    if layer.grow:
        own = s[:, :, None, None, None] * layer.weight                                      # (B, I, O, 4, 4)
        own = own / (own.square().sum((1, 3, 4), keepdim=True) / 4).sqrt()
        outside = own.shape[2]
        y = F.conv_transpose2d(x.reshape(1, b * inside, high, wide), own.flatten(0, 1), None, 2, 1, groups=b)
    else:
        own = s[:, None, :, None, None] * layer.weight                                      # (B, O, I, 3, 3)
        own = own / own.square().sum((2, 3, 4), keepdim=True).sqrt()
        outside = own.shape[1]
        y = F.conv2d(x.reshape(1, b * inside, high, wide), own.flatten(0, 1), None, 1, 1, groups=b)
    y = GAIN * y.view(b, outside, *y.shape[2:]) + layer.strength * specks + layer.bias
    return F.leaky_relu(y, SLOPE)


@pytest.mark.parametrize("grow", [False, True])
def test_scaling_inputs_and_outputs_is_a_convolution_with_own_weights(grow):
    torch.manual_seed(0)
    layer = Styled(6, 5, 9, grow)
    nn.init.normal_(layer.bias)
    nn.init.constant_(layer.strength, 0.7)
    x, w, specks = drawn(3, 6, 4, 5), drawn(3, 9), drawn(3, 1, 8, 10) if grow else drawn(3, 1, 4, 5)
    torch.testing.assert_close(layer(x, w, specks), grouped(layer, x, w, specks), atol=1e-5, rtol=0)
    ours = torch.autograd.grad(layer(x, w, specks).square().sum(), list(layer.parameters()))
    theirs = torch.autograd.grad(grouped(layer, x, w, specks).square().sum(), list(layer.parameters()))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("grow", [False, True])
def test_demodulated_weights_have_unit_norm(grow):
    torch.manual_seed(0)
    layer = Styled(6, 5, 9, grow)
    s = layer.style(drawn(4, 9))
    d = layer.demodulation(s)                                                               # (B, O)
    weight = layer.weight.transpose(0, 1) if grow else layer.weight                         # (O, I, k, k)
    own = weight * s[:, None, :, None, None] * d[:, :, None, None, None]
    norms = own.square().sum((2, 3, 4)) / (4 if grow else 1)
    torch.testing.assert_close(norms, torch.ones(4, 5), atol=1e-5, rtol=0)


@pytest.mark.parametrize("grow", [False, True])
def test_variance_stays_one_whatever_the_style_says(grow):
    torch.manual_seed(0)
    layer = Styled(64, 64, 16, grow)
    x, w = torch.randn(8, 64, 16, 16), 5 * torch.randn(8, 16)
    seen = layer(x, w, torch.zeros(8, 1, *(32, 32) if grow else (16, 16)))[:, :, 2:-2, 2:-2]
    assert seen.square().mean().item() == pytest.approx(1 + SLOPE**2, rel=0.15)


def test_colours_are_one_by_one_convolutions_of_scaled_channels():
    torch.manual_seed(0)
    layer, x, w = Colour(6, 3, 9), drawn(2, 6, 4, 5), drawn(2, 9)
    scaled = x * layer.style(w)[:, :, None, None]
    torch.testing.assert_close(layer(x, w), F.conv2d(scaled, layer.weight[:, :, None, None]) + layer.bias)


def test_styles_ignore_how_long_the_noise_is():
    torch.manual_seed(0)
    mapping, y = Mapping(16, 3, 8), torch.eye(3)
    torch.testing.assert_close(mapping(drawn(3, 16), y), mapping(7 * drawn(3, 16), y))
    assert unit(drawn(5, 16)).square().mean(1).tolist() == pytest.approx([1] * 5, abs=1e-5)
    assert not torch.allclose(mapping(drawn(3, 16), y), mapping(drawn(3, 16), y.flip(0)))
    assert Mapping(16, 1, 8).kind is None


def test_styles_from_a_cut_on_change_only_the_layers_from_there():
    torch.manual_seed(0)
    painter = Painter(Image(1, 28, 28), 16, 1, 4, 8, layers=2).eval()
    for layer in painter.layers:
        nn.init.constant_(layer.strength, 0.3)
    seen = []
    for layer in painter.layers:
        layer.register_forward_hook(lambda _layer, _given, y: seen.append(y.clone()))
    codes, others = drawn(2, painter.taken), 3 * drawn(2, painter.taken) + 1
    assert len(painter.layers) == 5
    with torch.no_grad():
        plain = painter(codes)
        own, seen[:] = list(seen), []
        for cut in range(6):
            mixed = painter(codes, others, torch.tensor([cut, 5]))
            same = [torch.equal(a[0], b[0]) for a, b in zip(own, seen, strict=True)]
            assert same == [i < cut for i in range(5)], cut
            assert torch.equal(plain[1], mixed[1])                  # its cut lies behind the last layer
            assert torch.equal(plain[0], mixed[0]) == (cut == 5)
            seen.clear()


def test_noise_counts_as_much_as_was_learned():
    torch.manual_seed(0)
    painter = Painter(Image(3, 8, 8), 16, 2, 4, 8)
    codes = drawn(2, painter.taken)
    other = torch.cat([codes[:, :18], -codes[:, 18:]], 1)
    with torch.no_grad():
        assert torch.equal(painter(codes), painter(other))          # it begins without
        painter.layers[1].strength.fill_(1.0)
        assert not torch.equal(painter(codes), painter(other))


def test_steepness_of_a_line_is_its_slope():
    """D(x) = a·x: the gradient is a everywhere, R1 = |a|², and γ/2·R1 falls along 2·a·γ/2."""
    a = drawn(1, 12).requires_grad_()
    x = drawn(5, 3, 2, 2).requires_grad_()
    r1 = steepness((x.flatten(1) @ a.t())[:, 0], x)
    assert r1.item() == pytest.approx(a.square().sum().item(), rel=1e-5)
    slope, = torch.autograd.grad(r1, a)
    torch.testing.assert_close(slope, 2 * a.detach())


def test_steepness_can_be_descended_through_the_critic():
    torch.manual_seed(0)
    critic, x = Critic(Image(1, 16, 16), 2, 4), drawn(8, 1, 16, 16).requires_grad_()
    descent = torch.optim.SGD(critic.parameters(), 0.01)
    seen = []
    for _ in range(5):
        r1 = steepness(critic(x)[:, 0], x)
        descent.zero_grad()
        r1.backward()
        descent.step()
        seen.append(r1.item())
    assert seen[-1] < seen[0]


def test_differences_of_a_group():
    x = drawn(4, 2, 3, 3)
    spread = x.std(0, unbiased=False).mean()
    torch.testing.assert_close(differences(x), spread.expand(4, 1, 1, 1), atol=1e-4, rtol=0)
    two = torch.cat([x, x[:1].expand(4, -1, -1, -1)])
    told = differences(two)[:, 0, 0, 0]
    assert told[:4].tolist() == pytest.approx([spread.item()] * 4, abs=1e-4) and told[4:].max() < 2e-4
    assert differences(x[:1]).item() < 2e-4 and differences(drawn(6, 2, 3, 3)).unique().numel() == 1


@pytest.mark.parametrize("height, width, sizes", [
    (8, 8, [(4, 4), (8, 8)]), (28, 28, [(7, 7), (14, 14), (28, 28)]), (32, 32, [(8, 8), (16, 16), (32, 32)]),
    (64, 64, [(8, 8), (16, 16), (32, 32), (64, 64)]), (9, 11, [(5, 6), (10, 12)]), (8, 64, [(2, 16), (4, 32), (8, 64)])])
def test_sizes_begin_small_and_cover_the_picture(height, width, sizes):
    assert sizes_of(Image(1, height, width)) == sizes
    painter, critic = Painter(Image(1, height, width), 16, 3, 4, 8), Critic(Image(1, height, width), 3, 4)
    with torch.no_grad():
        painted = painter(drawn(2, painter.taken))
        assert painted.shape == (2, 1, height, width) and critic(painted).shape == (2, 3)
    assert painted.isfinite().all() and painted.abs().max() <= 1


def test_too_small_a_picture_is_refused():
    with pytest.raises(Problem, match="8×8"):
        sizes_of(Image(1, 7, 20))
