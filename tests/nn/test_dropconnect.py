"""DropConnect: the Gaussian that stands for all masks gives what ten thousand masked passes give (Wan et al. 2013, 3.2)."""
import math

import torch
import torch.nn.functional as F

from deepen.core.kinds import Image
from deepen.nn.design import network
from deepen.nn.layers import DropConnect

PASSES = 10_000


def passes_of(layer, x):
    """u (PASSES, outputs) of one example x, a mask each."""
    return torch.cat([layer(x.expand(500, -1)) for _ in range(PASSES // 500)])


def test_the_gaussian_has_the_mean_and_the_variance_of_ten_thousand_masks():
    torch.manual_seed(0)
    layer = DropConnect(300, 20, p=0.5, masks=0)
    x = torch.rand(1, 300)
    with torch.no_grad():
        u, (mean, variance) = passes_of(layer, x), layer.moments(x)
    assert (u.mean(0) - mean[0]).norm() / variance[0].sum().sqrt() < 2 / math.sqrt(PASSES)
    assert abs(float(u.var(0).sum() / variance.sum()) - 1) < 0.01


def test_what_comes_behind_the_layer_is_the_same_from_the_gaussian_as_from_masks():
    """Inference in the paper: draw from the Gaussian, go through the activation, take the mean. In closed form for relu."""
    torch.manual_seed(1)
    layer = DropConnect(300, 20, p=0.5, masks=0)
    x = torch.rand(1, 300)
    with torch.no_grad():
        masked = F.relu(passes_of(layer, x)).mean(0)
        mean, variance = (part[0].double() for part in layer.moments(x))
    spread = variance.sqrt()
    z = mean / spread
    gaussian = mean * (1 + torch.erf(z / math.sqrt(2))) / 2 + spread * (-z**2 / 2).exp() / math.sqrt(2 * math.pi)
    assert float((masked - gaussian).norm() / gaussian.norm()) < 0.01
    scaled = F.relu(mean)                                               # the cheap way: weights as they are
    assert float((masked - scaled).norm() / gaussian.norm()) > 0.01


def test_the_word_is_judged_without_masks():
    net = network("dense 6; relu; dropconnect 0.5; dense 5; relu; dense", Image(1, 4, 4), 3).eval()
    x = torch.randint(0, 256, (4, 1, 4, 4), dtype=torch.uint8)
    assert torch.equal(net(x), net(x))
    net.train()
    assert not torch.equal(net(x), net(x))
