"""Inception v3 of FID: its names, shapes and count of numbers; what makes it differ; FID of known crowds."""
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepen.core.words import Problem
from deepen.nn import fid
from deepen.nn.nets import inception
from deepen.nn.nets.inception import BasicConv, Inception


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return Inception().eval()


def test_names_and_numbers_are_those_of_the_published_weights(net):
    state = net.state_dict()
    assert sum(p.numel() for p in net.parameters()) == 23_850_960          # 21,785,568 below 1,008 classes
    assert sum(p.numel() for p in net.fc.parameters()) == 2048 * 1008 + 1008
    convolutions = [one for one in net.modules() if isinstance(one, nn.Conv2d)]
    assert len(convolutions) == 94 and all(one.bias is None for one in convolutions)
    assert all(one.eps == 0.001 for one in net.modules() if isinstance(one, nn.BatchNorm2d))
    for name, shape in {"Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3), "Conv2d_4a_3x3.bn.running_var": (192,),
                        "Mixed_5b.branch5x5_2.conv.weight": (64, 48, 5, 5), "Mixed_5b.branch_pool.conv.weight": (32, 192, 1, 1),
                        "Mixed_6a.branch3x3.conv.weight": (384, 288, 3, 3), "Mixed_6c.branch7x7_2.conv.weight": (160, 160, 1, 7),
                        "Mixed_6c.branch7x7dbl_2.conv.weight": (160, 160, 7, 1), "Mixed_6e.branch7x7dbl_5.conv.weight": (192, 192, 1, 7),
                        "Mixed_7a.branch7x7x3_4.conv.weight": (192, 192, 3, 3), "Mixed_7b.branch1x1.conv.weight": (320, 1280, 1, 1),
                        "Mixed_7c.branch3x3dbl_3b.conv.weight": (384, 384, 3, 1), "fc.weight": (1008, 2048)}.items():
        assert tuple(state[name].shape) == shape, name


def test_features_of_any_picture(net):
    grey = torch.randint(0, 256, (2, 1, 28, 20), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with torch.no_grad():
        found = net.features(grey)
        assert found.shape == (2, 2048) and found.isfinite().all()
        torch.testing.assert_close(net.features(grey.expand(-1, 3, -1, -1)), found)
        assert net.fc(found).shape == (2, 1008)
    with pytest.raises(Problem, match="4"):
        net.features(torch.zeros(1, 4, 8, 8, dtype=torch.uint8))


def test_scaling_is_plain_bilinear_to_minus_one_and_one(net):
    x = torch.tensor([[[[0, 255], [255, 0]]]], dtype=torch.uint8)
    big = net.scaled(x)
    assert big.shape == (1, 3, 299, 299) and big.min() == -1 and big.max() == 1 and big[0, 0, 149, 149].abs() < 1e-5
    fine = torch.zeros(1, 1, 598, 598, dtype=torch.uint8)
    fine[..., ::2] = 255                                # smoothing before would give grey everywhere; two samples do, too
    assert net.scaled(fine).abs().max() < 1e-6
    fine = torch.zeros(1, 1, 4 * 299, 4 * 299, dtype=torch.uint8)
    fine[..., 0::4] = 255                               # which lies between the samples taken: seen by an antialias only
    assert (net.scaled(fine) == -1).all()


def test_the_average_pool_leaves_padding_out_and_the_last_block_takes_the_maximum(net):
    x = torch.randn(1, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    for y in range(4):
        for z in range(5):
            window = x[0, :, max(0, y - 1): y + 2, max(0, z - 1): z + 2]
            torch.testing.assert_close(inception._averaged(x)[0, :, y, z], window.mean((1, 2)))
            torch.testing.assert_close(inception._highest(x)[0, :, y, z], window.amax((1, 2)))
    assert net.Mixed_7b.pool is inception._averaged and net.Mixed_7c.pool is inception._highest


def plain(block: BasicConv, x):
    """Convolution, norm and relu written out."""
    norm = block.bn
    x = F.conv2d(x, block.conv.weight, None, block.conv.stride, block.conv.padding)
    x = (x - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + 0.001).sqrt()
    return (x * norm.weight[:, None, None] + norm.bias[:, None, None]).clamp(min=0)


def path(block, names, x):
    for name in names.split():
        x = plain(getattr(block, name), x)
    return x


@torch.no_grad()
def test_blocks_equal_their_branches_written_out():
    """Every block, in the order in which its branches lie side by side (torchvision's, which the published names follow)."""
    torch.manual_seed(1)

    def ready(block):
        for norm in block.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2), norm.weight.normal_(), norm.bias.normal_()
        return block.eval()

    def mean(x):
        return F.avg_pool2d(x, 3, 1, 1) / F.avg_pool2d(torch.ones_like(x), 3, 1, 1)

    wide, x = ready(inception.Wide(6, 32)), torch.randn(2, 6, 9, 9)
    expected = [path(wide, "branch1x1", x), path(wide, "branch5x5_1 branch5x5_2", x),
                path(wide, "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3", x), path(wide, "branch_pool", mean(x))]
    torch.testing.assert_close(wide(x), torch.cat(expected, 1), rtol=1e-4, atol=1e-4)
    assert wide(x).shape == (2, 256, 9, 9)

    halve = ready(inception.Halve(6))
    expected = [path(halve, "branch3x3", x), path(halve, "branch3x3dbl_1 branch3x3dbl_2 branch3x3dbl_3", x), F.max_pool2d(x, 3, 2)]
    torch.testing.assert_close(halve(x), torch.cat(expected, 1), rtol=1e-4, atol=1e-4)
    assert halve(x).shape == (2, 486, 4, 4)

    crossed, x = ready(inception.Crossed(8)), torch.randn(2, 768, 8, 8)
    expected = [path(crossed, "branch1x1", x), path(crossed, "branch7x7_1 branch7x7_2 branch7x7_3", x),
                path(crossed, "branch7x7dbl_1 branch7x7dbl_2 branch7x7dbl_3 branch7x7dbl_4 branch7x7dbl_5", x),
                path(crossed, "branch_pool", mean(x))]
    torch.testing.assert_close(crossed(x), torch.cat(expected, 1), rtol=1e-4, atol=1e-4)

    again = ready(inception.HalveAgain())
    expected = [path(again, "branch3x3_1 branch3x3_2", x),
                path(again, "branch7x7x3_1 branch7x7x3_2 branch7x7x3_3 branch7x7x3_4", x), F.max_pool2d(x, 3, 2)]
    torch.testing.assert_close(again(x), torch.cat(expected, 1), rtol=1e-4, atol=1e-4)
    assert again(x).shape == (2, 1280, 3, 3)

    for pool, own in ((inception._averaged, mean), (inception._highest, lambda x: F.max_pool2d(x, 3, 1, 1))):
        fanned, x = ready(inception.Fanned(10, pool)), torch.randn(2, 10, 5, 5)
        one, two = path(fanned, "branch3x3_1", x), path(fanned, "branch3x3dbl_1 branch3x3dbl_2", x)
        expected = [path(fanned, "branch1x1", x), path(fanned, "branch3x3_2a", one), path(fanned, "branch3x3_2b", one),
                    path(fanned, "branch3x3dbl_3a", two), path(fanned, "branch3x3dbl_3b", two), path(fanned, "branch_pool", own(x))]
        torch.testing.assert_close(fanned(x), torch.cat(expected, 1), rtol=1e-4, atol=1e-4)
        assert fanned(x).shape == (2, 2048, 5, 5)


def test_features_in_parts_with_folded_norms_are_those_of_the_network(net):
    x = torch.randint(0, 256, (5, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    heard = []
    fid.AT_ONCE, before = 2, fid.AT_ONCE
    try:
        found = fid.features(net, x, lambda done, total: heard.append((done, total)))
    finally:
        fid.AT_ONCE = before
    with torch.no_grad():
        torch.testing.assert_close(found, net.features(x), rtol=1e-3, atol=1e-6)
    assert heard == [(2, 5), (4, 5), (5, 5)]


def test_fid_of_gauss_crowds_falls_with_their_number_to_the_truth():
    draw = torch.Generator().manual_seed(0)
    shift = torch.zeros(16, dtype=torch.float64)
    shift[:4] = 1                                               # true distance 4, equal covariances

    def measured(count):
        a, b = (torch.randn(count, 16, dtype=torch.float64, generator=draw) for _ in range(2))
        return fid.fid(a, b + shift)
    few, more, many = (sum(measured(count) for _ in range(8)) / 8 for count in (100, 1000, 20_000))
    assert few > more > many and many == pytest.approx(4, abs=0.1) and few - 4 > 0.5
