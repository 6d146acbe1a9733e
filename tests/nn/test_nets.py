import pytest
import torch

from deepen.core.kinds import Image, Vector
from deepen.engine import find
from deepen.nn.design import Design, network
from deepen.nn.nets.deepconv import deepconv
from deepen.nn.nets.lenet import lenet

GREY = Image(1, 28, 28)


def test_published_sizes():
    assert Design(deepconv(GREY)).table(GREY, 10).totals.parameters == 123_552
    assert Design(lenet(GREY)).table(GREY, 10).totals.parameters == 61_706


@pytest.mark.parametrize("name", ["deepconv", "lenet", "mlp"])
def test_every_net_fits_what_it_is_given(name):
    for kind, classes in ((GREY, 10), (Image(3, 32, 40), 3)):
        net = network(name, kind, classes).eval()
        assert net(torch.zeros(2, *kind.shape, dtype=torch.uint8)).shape == (2, classes)


def test_width_and_depth():
    assert Design(deepconv(GREY, width=0.5)).table(GREY, 10)[0].shape == (8, 28, 28)
    assert Design(deepconv(GREY, width=0.001)).table(GREY, 10)[0].shape == (1, 28, 28)
    net = network("mlp", Vector(4), 3, width=0.2, depth=3, drop=0.25)
    assert [m.out_features for m in net.modules() if isinstance(m, torch.nn.Linear)] == [20, 20, 20, 3]
    assert [m.p for m in net.modules() if isinstance(m, torch.nn.Dropout)] == [0.25] * 3


@pytest.mark.parametrize("name", sorted(find.nets()))
def test_every_net_that_is_listed_is_one(name):
    """A public function of nn/nets is a net: what is none begins with an underscore."""
    assert network(name, Image(3, 32, 32), 3) is not None
