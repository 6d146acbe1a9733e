"""FCN: a dense layer as a convolution, and skips that begin as nothing."""
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from deepen.systems import fcn


def test_a_dense_layer_as_a_convolution_answers_the_same():
    torch.manual_seed(0)
    dense = nn.Linear(6 * 7 * 7, 10)
    slid = fcn.as_convolution(dense, 7)
    window = torch.randn(2, 6, 7, 7)
    assert torch.allclose(slid(window)[:, :, 3, 3], dense(window.flatten(1)), atol=1e-5)
    picture = torch.randn(2, 6, 12, 15)                                         # larger: an answer for every window
    for i, j in ((3, 3), (5, 9), (8, 11)):
        wanted = dense(picture[:, :, i - 3:i + 4, j - 3:j + 4].flatten(1))
        assert torch.allclose(slid(picture)[:, :, i, j], wanted, atol=1e-5)


@pytest.mark.parametrize("skips", [32, 16, 8, 4, 2])
def test_skips_change_nothing_at_first_and_make_answers_finer(skips):
    torch.manual_seed(0)
    net = fcn.Net(3, 2, 4, skips, 0.0).eval()
    assert len(net.skips) == {32: 0, 16: 1, 8: 2, 4: 3, 2: 4}[skips]
    x, score = torch.randn(1, 3, 128, 160), []
    net.head.register_forward_hook(lambda layer, given, z: score.append(z))
    z = net(x)
    assert z.shape == (1, 2, 128, 160)
    smooth = score[0]                                                           # (1, 2, 4, 5)
    for times in [2] * len(net.skips) + [skips]:
        smooth = F.interpolate(smooth, scale_factor=times, mode="bilinear", align_corners=False)
    middle = (..., slice(40, 88), slice(40, 120))                               # away from the edges
    assert torch.allclose(z[middle], smooth[middle], atol=1e-6)
    for conv in net.skips.values():
        nn.init.normal_(conv.weight)
    assert skips == 32 or not torch.allclose(net(x), z)
