"""SegNet: the parameters of the paper, and maxima that go back to where they were."""
import torch
from torch import nn
from torch.nn import functional as F

from deepen.systems import segnet


def test_segnet_has_the_parameters_of_the_paper():
    assert sum(p.numel() for p in segnet.Net(3, 11, 64).parameters()) == 29_449_355
    assert sum(isinstance(layer, nn.Conv2d) for layer in segnet.Net(3, 11, 8).modules()) == 26      # 13 down, 13 up


def test_every_maximum_goes_back_to_where_it_was():
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.randn(2, 3, 8, 12).contiguous(memory_format=layout)
        largest, places = F.max_pool2d(x, 2, return_indices=True)
        back = F.max_unpool2d(largest, places, 2)
        kept = back != 0
        assert torch.equal(back[kept], x[kept]) and kept.sum() == largest.numel()
        assert torch.equal(F.max_pool2d(back.where(kept, -torch.inf), 2), largest)


def test_segnet_uses_where_the_maxima_were():
    torch.manual_seed(0)
    net = segnet.Net(1, 2, 4).eval()
    x = torch.randn(1, 1, 32, 32)
    given = F.max_unpool2d
    try:
        F.max_unpool2d = lambda z, places, times: F.interpolate(z, scale_factor=2.0)
        without = net(x)
    finally:
        F.max_unpool2d = given
    assert not torch.allclose(net(x), without)


def test_small_pictures_are_halved_less_often():
    from deepen.sources.shapes import shapes
    for size, stages in ((32, "2"), (64, "3"), (180, "4"), (512, "5")):
        assert segnet.SegNet.suits(shapes(count=20, size=size, task="masks"), {}) == {"stages": stages}
    net = segnet.Net(3, 4, 8, 3)
    assert net(torch.zeros(2, 3, 24, 40)).shape == (2, 4, 24, 40)
    assert sum(isinstance(layer, nn.Conv2d) for layer in net.modules()) == 2 * (2 + 2 + 3)
