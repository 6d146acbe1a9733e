"""What a network sees: answers known beforehand, and equality with torch where torch can do it too."""
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepen.core.kinds import Image
from deepen.nn import insight
from deepen.nn.design import Design, network
from deepen.nn.layers import Scale

# convolution as a product

@pytest.mark.parametrize(("stride", "pad", "dilation", "window"), [
    (1, 0, 1, 3), (1, 1, 1, 3), (2, 1, 1, 3), (1, 2, 2, 3), (3, 2, 1, 5), (2, 3, 3, 2), (1, 0, 1, 1), (2, 0, 1, 4)])
def test_a_convolution_is_one_product(stride, pad, dilation, window):
    torch.manual_seed(0)
    x, w, b = torch.randn(2, 3, 11, 13, dtype=torch.float64), torch.randn(5, 3, window, window, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    theirs = F.conv2d(x, w, b, stride, pad, dilation)
    ours = insight.product(x, w, b, stride, pad, dilation)
    assert ours.shape == theirs.shape and (ours - theirs).abs().max() < 1e-12
    unfolded = F.unfold(x, window, dilation, pad, stride)
    assert torch.equal(insight.im2col(x, window, stride, pad, dilation), unfolded.mT)


def test_the_rows_are_the_places_by_hand():
    x = torch.arange(9.0).view(1, 1, 3, 3)
    assert insight.im2col(x, 2)[0].tolist() == [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]
    assert insight.product(x, torch.tensor([[[[1.0, 0], [0, -1]]]]))[0, 0].tolist() == [[-4, -4], [-4, -4]]


# how far a value sees

LINES = "conv 4 5 pad=0; relu; pool 2; conv 8 3 stride=2; norm; relu; conv 8 3; pool 2; dense 7; relu; dense classes"


@pytest.mark.parametrize("side", [32, 64])
def test_receptive_fields_are_those_of_the_designs_table(side):
    kind = Image(1, side, side)
    rows = Design((LINES,)).table(kind, 3)
    found = insight.receptive_fields(network(LINES, kind, 3), kind.shape)
    assert {row.name: row.field for row in rows if row.name != "relu1"} == {
        row.name: found[row.name] for row in rows if row.name != "relu1"}           # the pool goes before the first relu


def test_of_branches_the_widest_counts_and_strides_multiply():
    kind = Image(3, 224, 224)
    with torch.device("meta"):
        net = network("resnet50", kind, 1000).eval()
    found = insight.receptive_fields(net, kind.shape)
    assert (found["conv1"], found["maxpool"], found["layer1"], found["layer2"]) == (7, 11, 35, 91)
    assert found["layer3"] == 224 and found["fc"] == 224                            # 267, but the picture ends before
    wide = insight.receptive_fields(net, (3, 640, 640))
    assert (wide["layer3"], wide["layer4"]) == (267, 427)                           # Araujo et al. 2019: 427 (v1.5 with stride in the 3x3)


def test_two_3x3_see_what_one_5x5_sees():
    kind = Image(1, 28, 28)
    two = insight.receptive_fields(network("conv 2 3; conv 2 3; conv 2 3; globalpool; dense classes", kind, 2), kind.shape)
    assert (two["conv1"], two["conv2"], two["conv3"], two["globalmean1" if "globalmean1" in two else "globalpool1"]) == (3, 5, 7, 28)


# where it looked

class Known(nn.Module):
    """Class 0 by the mean of channel 0 (the picture itself), class 1 by that of channel 1 (its mirror image, left-right)."""

    def __init__(self):
        super().__init__()
        self.scale = Scale((1, 6, 6))
        self.maps = nn.Conv2d(1, 2, 1, bias=False)
        self.head = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.maps.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
            self.head.weight.copy_(torch.tensor([[3.0, 1.0], [-2.0, 5.0]]))

    def forward(self, x):
        return self.head(self.maps(self.scale(x)).mean((2, 3)))


def test_grad_cam_of_a_net_whose_answer_is_known():
    x = torch.zeros(1, 1, 6, 6, dtype=torch.uint8)
    x[0, 0, 1, 4] = 255
    # α = weights of the head / 36 places; maps: +picture, -picture; class 0: (3 - 1)/36 at the pixel, class 1: (-2 - 5)/36 -> 0
    cam = insight.grad_cam(Known(), x, 0)
    assert cam[1, 4] == pytest.approx(2 / 36) and cam.sum() == pytest.approx(2 / 36)
    assert insight.grad_cam(Known(), x, 1).max() == 0
    assert torch.equal(insight.grad_cam(Known(), x), cam), "the best class is class 0"
    assert insight.saliency(Known(), x, 1) == pytest.approx(torch.full((6, 6), 7 / 36))


def test_a_net_without_maps_has_no_cam():
    net = network("dense 4; relu; dense classes", Image(1, 6, 6), 2)
    x = torch.zeros(1, 1, 6, 6, dtype=torch.uint8)
    assert insight.saliency(net, x).shape == (6, 6)
    _, maps, slopes = insight.gradients(net, x)
    assert maps is None and insight.cam_of(maps, slopes, (6, 6)) is None


@pytest.mark.parametrize("name", ["resnet20", "googlenet", "vgg11", "small"])
def test_every_net_has_a_cam_and_is_left_as_it_was(name):
    net = network(name, Image(3, 32, 32), 4).eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    x = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8)
    assert insight.grad_cam(net, x, 2).shape == (32, 32) and insight.saliency(net, x, 2).shape == (32, 32)
    assert all(w.grad is None for w in net.parameters()) and not any(part._forward_hooks for part in net.modules())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_occlusion_finds_the_one_pixel_that_matters():
    def answer(x):
        p = x[:, 0, 2, 5].float() / 255
        return torch.stack([1 - p, p], 1)
    x = torch.full((1, 1, 7, 9), 50, dtype=torch.uint8)
    x[0, 0, 2, 5] = 255
    fall = insight.occlusion(answer, x, 1, window=1, stride=1)
    mean = round(float(x.float().mean()))
    assert fall.shape == (7, 9) and fall[2, 5] == pytest.approx((255 - mean) / 255) and fall.abs().sum() == pytest.approx(float(fall[2, 5]))
    coarse = insight.occlusion(answer, x, 1, window=3, stride=2)
    assert divmod(int(coarse.argmax()), 9)[0] in (0, 1, 2, 3, 4) and coarse[6, 0] == 0 and coarse[2, 5] > 0
    assert insight.occlusion(answer, x, 1, window=50, stride=3).unique().numel() == 1


def test_what_excites_a_channel_and_where():
    net = network("conv 2 1 bias=no; globalpool; dense classes", Image(1, 8, 8), 2)
    with torch.no_grad():
        net.conv1.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
    x = torch.full((5, 1, 8, 8), 100, dtype=torch.uint8)
    x[3, 0, 6, 1] = 255
    found = insight.exciting(net, x, ["conv1"], channels=2, count=1, batch=2)["conv1"]
    assert found[0] == [(3, 6.5 / 8, 1.5 / 8)] and len(found) == 1, "the second channel is never above 0"


def test_first_filters_and_maps():
    net = network("conv 4 3; relu; globalpool; dense classes", Image(3, 8, 8), 2)
    x = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    assert torch.equal(insight.first_filters(net), net.conv1.weight)
    assert insight.first_filters(nn.Linear(2, 2)) is None
    maps = insight.feature_maps(net, x)
    assert list(maps) == [name for name, _ in net.named_children()]
    assert torch.allclose(maps["relu1"], F.relu(F.conv2d(x / 255, net.conv1.weight, net.conv1.bias, padding=1)), atol=1e-5)
    assert "layer2.0.bn1" in insight.feature_maps(network("resnet20", Image(3, 8, 8), 2), torch.zeros(1, 3, 8, 8, dtype=torch.uint8), deep=True)


# where the time goes

def test_layer_times_go_forward_and_backward():
    net = network("conv 16 3; relu; pool 2; dense classes", Image(1, 32, 32), 3)
    told = insight.layer_times(net, torch.zeros(32, 1, 32, 32, dtype=torch.uint8), turns=2)
    names = [name for name, _, _ in told]
    assert names == [name for name, _ in net.named_children()]
    assert all(0 < forward < math.inf and 0 <= backward < math.inf for _, forward, backward in told)
    assert next(backward for name, _, backward in told if name == "conv1") > 0 == told[0][2], "the pixels have no gradient"
    assert all(w.grad is None for w in net.parameters())
