"""The nets against an independent implementation: functions over the weights by name, and torchvision where it is."""
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepen.core.kinds import Image
from deepen.nn.design import network

STAGES = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3),
          "resnet152": (3, 8, 36, 3), "resnet20": (3, 3, 3), "resnet56": (9, 9, 9), "resnet110": (18, 18, 18)}
VGGS = {"vgg11": "1 M 1 M 2 M 2 M 2 M", "vgg13": "2 M 2 M 2 M 2 M 2 M", "vgg16": "2 M 2 M 3 M 3 M 3 M",
        "vgg19": "2 M 2 M 4 M 4 M 4 M"}
ALL = ["alexnet", "googlenet", *STAGES, *VGGS, *(f"{name}_bn" for name in VGGS)]


DEEPEST = ("resnet101", "resnet152", "resnet110")       # the code of resnet50 and 56, longer


class Weights(dict):
    """A state dict that remembers which of its tensors were read."""

    def __init__(self, weights):
        super().__init__(weights)
        self.read = set()

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)


def conv(w, name, x, stride=1, pad=0):
    """A convolution as one product: columns of windows, times the filters."""
    weight = w[f"{name}.weight"]
    (out, _, k, _), side = weight.shape, [(s + 2 * pad - weight.shape[2]) // stride + 1 for s in x.shape[2:]]
    y = weight.flatten(1) @ F.unfold(x, k, padding=pad, stride=stride)
    y = y.view(len(x), out, *side)
    return y + w[f"{name}.bias"][:, None, None] if f"{name}.bias" in w else y


def norm(w, name, x, eps=1e-5):
    mean, var, weight, bias = (w[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias"))
    return (x - mean) / (var + eps).sqrt() * weight + bias


def dense(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def scaled(w, x):
    return (x.to(w["scale.mean"].dtype) / 255 - w["scale.mean"]) / w["scale.std"]


def resnet(name, w, x, small):
    x = torch.relu(norm(w, "bn1", conv(w, "conv1", x, *((1, 1) if small else (2, 3)))))
    if not small:
        x = F.max_pool2d(x, 3, 2, 1)
    for stage, count in enumerate(STAGES[name], 1):
        for number in range(count):
            at, stride = f"layer{stage}.{number}", 2 if stage > 1 and number == 0 else 1
            y = x
            windows = [(1, 1), (3, stride), (1, 1)] if f"{at}.conv3.weight" in w else [(3, stride), (3, 1)]
            for i, (window, step) in enumerate(windows, 1):
                y = norm(w, f"{at}.bn{i}", conv(w, f"{at}.conv{i}", y, step, window // 2))
                y = torch.relu(y) if i < len(windows) else y
            if f"{at}.downsample.0.weight" in w:
                x = norm(w, f"{at}.downsample.1", conv(w, f"{at}.downsample.0", x, stride))
            elif y.shape != x.shape:
                x = torch.cat([x[:, :, ::2, ::2], torch.zeros_like(y[:, x.shape[1]:])], 1)
            x = torch.relu(x + y)
    return dense(w, "fc", x.flatten(2).mean(2))


def vgg(name, w, x, small):
    place, with_norm = 0, name.endswith("_bn")
    for word in VGGS[name.removesuffix("_bn")].split():
        if word == "M":
            x, place = F.max_pool2d(x, 2, ceil_mode=small), place + 1
            continue
        for _ in range(int(word)):
            x = conv(w, f"features.{place}", x, 1, 1)
            x = torch.relu(norm(w, f"features.{place + 1}", x) if with_norm else x)
            place += 2 + with_norm
    x = F.adaptive_avg_pool2d(x, 1 if small else 7).flatten(1)
    for layer in (0, 3):
        x = torch.relu(dense(w, f"classifier.{layer}", x))
    return dense(w, "classifier.6", x)


def alexnet(name, w, x, small):
    for place, stride, pad, pool in ((0, 1, 1, 0) if small else (0, 4, 2, 1), (3, 1, 2, 1), (6, 1, 1, 0), (8, 1, 1, 0), (10, 1, 1, 1)):
        x = torch.relu(conv(w, f"features.{place}", x, stride, pad))
        x = F.max_pool2d(x, 3, 2) if pool else x
    x = F.adaptive_avg_pool2d(x, 3 if small else 6).flatten(1)
    for layer in (1, 4):
        x = torch.relu(dense(w, f"classifier.{layer}", x))
    return dense(w, "classifier.6", x)


def googlenet(name, w, x, small):
    def unit(at, x, stride=1):
        pad = w[f"{at}.conv.weight"].shape[2] // 2
        return torch.relu(norm(w, f"{at}.bn", conv(w, f"{at}.conv", x, stride, pad), 1e-3))

    x = unit("conv1", x, 1 if small else 2)
    if not small:
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
    x = F.max_pool2d(unit("conv3", unit("conv2", x)), 3, 2, ceil_mode=True)
    for word in ("3a", "3b", "M3", "4a", "4b", "4c", "4d", "4e", "M2", "5a", "5b"):
        if word[0] == "M":
            x = F.max_pool2d(x, int(word[1]), 2, ceil_mode=True)
            continue
        at = f"inception{word}"
        x = torch.cat([unit(f"{at}.branch1", x), unit(f"{at}.branch2.1", unit(f"{at}.branch2.0", x)),
                       unit(f"{at}.branch3.1", unit(f"{at}.branch3.0", x)),
                       unit(f"{at}.branch4.1", F.max_pool2d(x, 3, 1, 1))], 1)
    return dense(w, "fc", x.flatten(2).mean(2))


def seen(name, shape, classes, count=3):
    """A net with random weights whose norms know its signal, and a batch: as after some learning."""
    torch.manual_seed(0)
    net = network(name, Image(*shape), classes)
    x = torch.randint(0, 256, (count, *shape), dtype=torch.uint8)
    net.scale.learn(x)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1.0
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0.0, 0.1)
        elif isinstance(part, (nn.Linear, nn.Conv2d)) and part.bias is not None:
            nn.init.normal_(part.bias, 0.0, 0.1)
    with torch.no_grad():
        net.train()(x)
    return net.eval(), x


def compare(name, shape, classes, count=3):
    net, x = seen(name, shape, classes, count)
    net = net.double()                                  # rounding apart, they are the same
    w, family = Weights(net.state_dict()), "resnet" if name in STAGES else name[:3] if name[:3] == "vgg" else name
    with torch.no_grad():
        mine, other = net(x), globals()[family](name, w, scaled(w, x), min(shape[1:]) <= 64)
    assert mine.shape == (len(x), classes) and mine.std() > 0.01
    assert (mine - other).abs().max() <= 1e-5 * max(1.0, float(other.abs().max()))
    assert {key for key in w if not key.endswith("num_batches_tracked")} == w.read


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name in DEEPEST else name for name in ALL])
def test_small_pictures(name):
    compare(name, (1, 12, 15), 10)


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "resnet18", "resnet50", "resnet20"])
def test_larger_pictures(name):
    compare(name, (3, 65, 70), 7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_pictures_of_imagenet(name):
    compare(name, (3, 224, 224), 1000, count=2)


@pytest.fixture(scope="module")
def torchvision():
    """torchvision's models; beside a CPU torch its import wants its operators' names declared."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    yield pytest.importorskip("torchvision", reason="torchvision is not here to compare with").models


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.slow] * (name not in ("alexnet", "googlenet", "resnet18", "resnet50")))
    for name in ALL if name not in ("resnet20", "resnet56", "resnet110")])
def test_torchvision_answers_the_same(name, torchvision):
    net, x = seen(name, (3, 65, 80), 1000, count=2)
    more = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    theirs = getattr(torchvision, name)(weights=None, **more).eval()
    weights = {key: value for key, value in net.state_dict().items() if not key.startswith("scale.")}
    theirs.load_state_dict(weights, strict=True)
    with torch.no_grad():
        mine, other = net(x), theirs(net.scale(x))
    assert (mine - other).abs().max() <= 1e-5 * max(1.0, float(other.abs().max()))


def test_torchvision_has_the_same_auxiliary_heads(torchvision):
    net = network("googlenet aux=0.3", Image(3, 96, 96), 1000).train()
    theirs = torchvision.googlenet(weights=None, init_weights=False, aux_logits=True).train()
    theirs.load_state_dict({key: value for key, value in net.state_dict().items() if not key.startswith("scale.")}, strict=True)
    for part in (*net.modules(), *theirs.modules()):
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    x = torch.randint(0, 256, (2, 3, 96, 96), dtype=torch.uint8)
    z, other = net(x), theirs(net.scale(x))
    for ours, their in zip((z, *(head for _, head in net.auxiliary)), (other.logits, other.aux_logits1, other.aux_logits2), strict=True):
        assert torch.allclose(ours, their, atol=1e-5)
