"""The nets of ImageNet at other sizes, how they begin, what they refuse, and GoogLeNet's heads while learning."""
import copy

import pytest
import torch
from torch import nn

from deepen.core.kinds import Image, Vector
from deepen.core.words import Problem
from deepen.engine.plan import plan
from deepen.engine.start import prepare
from deepen.nn import losses, optim
from deepen.nn.design import network
from deepen.nn.nets.resnet import Nothing
from deepen.sources.weights import begin_from

ALL = ["alexnet", "googlenet", "resnet18", "resnet50", "resnet152", "resnet20", "resnet110", "vgg11", "vgg19_bn"]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 8, 8), (3, 40, 90), (3, 65, 65), (1, 225, 300)])
@pytest.mark.parametrize("name", ALL)
def test_any_size_of_one_or_three_channels(name, shape):
    with torch.device("meta"):                          # shapes without the work
        net = network(name, Image(*shape), 7).eval()
        assert net(torch.zeros(2, *shape, dtype=torch.uint8)).shape == (2, 7)


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "resnet18", "resnet20"])
def test_a_small_picture_keeps_its_places_at_first(name):
    for side, kept in ((64, 64), (65, 33 if name != "alexnet" else 15)):
        with torch.device("meta"):
            net = network(name, Image(3, side, side), 10).eval()
            first = net.features[0] if name == "alexnet" else net.conv1
            sizes = []
            first.register_forward_hook(lambda layer, x, y, sizes=sizes: sizes.append(y.shape[-1]))
            net(torch.zeros(1, 3, side, side, dtype=torch.uint8))
        assert sizes == [kept]


def test_what_cannot_be():
    with pytest.raises(Problem, match="8 pixels"):
        network("resnet18", Image(3, 7, 32), 10)
    with pytest.raises(Problem, match="8 pixels"):
        network("vgg16", Vector(4), 10)
    with pytest.raises(Problem, match="classes"):
        network("alexnet", Image(3, 32, 32))
    with pytest.raises(Problem, match="did you mean resnet"):
        network("resnet19", Image(3, 32, 32), 10)
    with pytest.raises(Problem, match="no option depth"):
        network("resnet18 depth=3", Image(3, 32, 32), 10)


def test_how_they_begin():
    torch.manual_seed(0)
    net = network("resnet18", Image(3, 32, 32), 10)
    for layer in (net.layer1[0].conv1, net.layer4[1].conv2):        # He et al. 2015: variance 2 / (9 · channels out)
        assert float(layer.weight.detach().std()) == pytest.approx((2 / (9 * layer.out_channels)) ** 0.5, rel=0.03)
    assert all((layer.weight == 1).all() and (layer.bias == 0).all() for layer in net.modules() if isinstance(layer, nn.BatchNorm2d))
    vgg = network("vgg11", Image(3, 32, 32), 10)
    assert float(vgg.features[11].weight.detach().std()) == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.03)
    assert float(vgg.classifier[0].weight.detach().std()) == pytest.approx(0.01, rel=0.03) and not vgg.features[0].bias.any()
    google = network("googlenet", Image(3, 32, 32), 10)
    assert float(google.inception5b.branch1.conv.weight.detach().std()) == pytest.approx(0.01, rel=0.03)


def test_a_plain_net_has_the_weights_but_not_the_shortcuts():
    plain, residual = (network(net, Image(3, 16, 16), 10) for net in ("resnet20 skip=0", "resnet20"))
    assert plain.state_dict().keys() == residual.state_dict().keys()
    assert sum(isinstance(part, Nothing) for part in plain.modules()) == 9
    x = torch.rand(2, 16, 8, 8)
    block = plain.layer1[0].eval()
    block.load_state_dict(residual.layer1[0].state_dict())
    y = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
    assert torch.equal(block(x), torch.relu(y)) and torch.allclose(residual.layer1[0].eval()(x), torch.relu(x + y))


def test_auxiliary_heads_work_only_while_learning():
    net = network("googlenet aux=0.3", Image(3, 32, 32), 5)
    x, y = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8), torch.tensor([0, 1, 4, 2])
    net.eval()(x)
    assert net.auxiliary == [] and losses.auxiliary(net, y) == 0
    z = net.train()(x)
    assert [(share, head.shape) for share, head in net.auxiliary] == [(0.3, z.shape)] * 2
    assert copy.deepcopy(net).auxiliary == [] and len(net.auxiliary) == 2
    (losses.cross_entropy(z, y) + losses.auxiliary(net, y)).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    assert net.aux1.fc2.weight.grad.norm() > 0
    without = network("googlenet", Image(3, 32, 32), 5)
    assert not any(name.startswith("aux") for name in without.state_dict())


def test_classify_learns_with_the_heads():
    asked = prepare("classify", {"data": "stripes", "net": "googlenet aux=0.3", "epochs": 1, "batch": 16})
    system = asked.system
    system.data = asked.data.sealed()
    system.build(system.data)
    before = system.model.aux2.fc2.weight.detach().clone()
    next(system.steps())
    assert not torch.equal(before, system.model.aux2.fc2.weight)


def test_published_weights_begin_with_their_scaling():
    theirs = {name: torch.rand_like(value) for name, value in network("resnet18", Image(3, 32, 32), 10).state_dict().items()
              if not name.startswith("scale.") and value.is_floating_point()}
    net = network("resnet18", Image(3, 32, 32), 10)
    assert begin_from(net, theirs) == []                # neither a scaling nor counts of batches in the file
    assert net.scale.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert net.scale.std.flatten().tolist() == pytest.approx([0.229, 0.224, 0.225])
    assert torch.equal(net.layer2[0].conv1.weight, theirs["layer2.0.conv1.weight"])
    own = {**theirs, "scale.mean": torch.full((3, 1, 1), 0.1), "scale.std": torch.full((3, 1, 1), 0.2)}
    begin_from(net, own)
    assert net.scale.mean.flatten().tolist() == pytest.approx([0.1] * 3)
    with pytest.raises(Problem, match=r"no layer1\.0\.bn1\.running_var"):
        begin_from(net, {name: value for name, value in own.items() if name != "layer1.0.bn1.running_var"})


def test_googlenet_published_weights_are_scaled_otherwise_and_its_heads_begin_fresh():
    ten, two = (network("googlenet aux=0.3", Image(3, 32, 32), classes) for classes in (10, 2))
    theirs = {name: value for name, value in ten.state_dict().items() if not name.startswith("scale.")}
    fresh = begin_from(two, theirs)
    assert fresh == [f"{layer}.{part}" for layer in ("aux1.fc2", "aux2.fc2", "fc") for part in ("weight", "bias")]
    assert two.scale.mean.flatten().tolist() == two.scale.std.flatten().tolist() == [0.5] * 3
    assert begin_from(network("googlenet", Image(3, 32, 32), 10), theirs) == []         # heads in the file, none here


def test_muon_leaves_the_last_layer_alone():
    net = network("googlenet aux=0.3", Image(3, 32, 32), 10)
    rule = optim.make("muon", net, 0.1)
    turned = {id(p) for group in rule.param_groups if group["orthogonal"] for p in group["params"]}
    assert id(net.fc.weight) not in turned and id(net.inception5b.branch1.conv.weight) in turned


def test_plan_of_a_small_net_shows_its_layers():
    sketch = plan("classify", {"net": "resnet20"}, "1x28x28", "10")
    shapes = {layer.name: layer.shape for layer in sketch.layers}
    assert shapes["conv1"] == (16, 28, 28) and shapes["layer3.2.conv2"] == (64, 7, 7) and shapes["fc"] == (10,)
