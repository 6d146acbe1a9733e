"""What U-Net, FCN and SegNet all promise: a class for every pixel of any picture, void left out."""
import pytest
import torch
from torch.nn import functional as F

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Mask
from deepen.core.things import VOID
from deepen.nn import pixels
from deepen.systems import fcn, segnet, unet

SYSTEMS = (fcn.FCN, segnet.SegNet, unet.UNet)


def data(h=40, w=52, count=6, channels=3):
    x = torch.randint(0, 256, (count, channels, h, w), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 128).to(torch.uint8)
    y[:, :3] = VOID
    split = Examples(x, y)
    return Data({"train": split, "valid": split}, Image(channels, h, w), Mask(("dark", "bright"), h, w))


def built(kind, given, **fields):
    torch.manual_seed(0)
    system = kind(width=4, epochs=2, batch=3, **fields)
    system.data = given
    system.build(given)
    return system


@pytest.mark.parametrize("kind", SYSTEMS)
@pytest.mark.parametrize("size, channels", [((40, 52), 3), ((32, 32), 1), ((17, 90), 3), ((8, 8), 1)])
def test_any_size_gives_a_class_for_every_pixel(kind, size, channels):
    given = data(*size, channels=channels)
    system = built(kind, given)
    told = [float(one["loss"]) for one in system.steps()]
    assert len(told) == 4 and all(loss == loss for loss in told)
    for net in system.networks():
        net.eval()
    with torch.no_grad():
        answer = system.predict(given.splits["valid"].inputs)
        found = system.evaluate()
    assert answer.dtype == torch.uint8 and answer.shape == (6, *size) and answer.max() < 2
    assert set(found) == {"loss", "miou", "pixel_accuracy", "class_accuracy"}


@pytest.mark.parametrize("kind", SYSTEMS)
def test_void_is_not_learned_and_rare_classes_can_count_more(kind):
    given = data()
    system = built(kind, given, balance=1.0, augment="", window=1.0, average="none")
    assert torch.allclose(system.weight, pixels.class_weights(given, 2))
    learned, losses = [], []
    system.change = lambda x, y: learned.append((x, y)) or (x, y)
    system.descend = lambda loss, rule: losses.append(loss()) or losses[0]          # what a step goes down, without a step
    system.model.eval()
    next(system.steps())
    (x, y), = learned
    known = y != VOID
    with torch.no_grad():
        z = system.model(x).float()
        wanted = F.cross_entropy(z.permute(0, 2, 3, 1)[known], y[known].long(), system.weight)
        assert torch.allclose(losses[0], wanted, atol=1e-5)


def test_an_untrained_u_net_draws_no_speckle():
    net = unet.Net(3, 5, 4).eval()
    with torch.no_grad():
        z = net(torch.rand(2, 3, 32, 48))
    assert torch.equal(z, F.interpolate(z[..., ::2, ::2], scale_factor=2.0, mode="nearest"))
    assert (z.flatten(2).std(2) > 0).all() and len(net.last.weight.unique(dim=0)) == 5
