"""The nets of ImageNet have the parameters and multiplications of torchvision's table, and those of their papers."""
import json
import subprocess
import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from deepen.core.kinds import Image
from deepen.engine import find
from deepen.engine.plan import plan
from deepen.nn.design import network

TABLE = {                                               # parameters, 10⁹ multiplications at 3x224x224 and 1000 classes
    "alexnet": (61_100_840, 0.714), "googlenet": (6_624_904, 1.498),
    "vgg11": (132_863_336, 7.609), "vgg11_bn": (132_868_840, 7.609),
    "vgg13": (133_047_848, 11.308), "vgg13_bn": (133_053_736, 11.308),
    "vgg16": (138_357_544, 15.470), "vgg16_bn": (138_365_992, 15.470),
    "vgg19": (143_667_240, 19.632), "vgg19_bn": (143_678_248, 19.632),
    "resnet18": (11_689_512, 1.814), "resnet34": (21_797_672, 3.664), "resnet50": (25_557_032, 4.089),
    "resnet101": (44_549_160, 7.801), "resnet152": (60_192_808, 11.514)}
QUICK = ("alexnet", "googlenet", "resnet18", "resnet34", "resnet50")


@pytest.mark.parametrize("name", TABLE)
def test_the_table_without_memory(name):
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        net = network(name, Image(3, 224, 224), 1000).eval()
        assert net(torch.zeros(1, 3, 224, 224, dtype=torch.uint8)).shape == (1, 1000)
    assert sum(p.numel() for p in net.parameters()) == TABLE[name][0]
    assert round(counter.get_total_flops() / 2e9, 3) == TABLE[name][1]


@pytest.mark.parametrize("name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in TABLE])
def test_plan_says_the_table(name):
    sketch = plan("classify", {"net": name}, "3x224x224", "1000")
    assert (sketch.parameters, round(sketch.macs / 1e9, 3)) == TABLE[name]
    assert sum(layer.parameters for layer in sketch.layers) == sketch.parameters
    assert sketch.layers[-1].shape == (1000,)


@pytest.mark.slow
def test_the_command_prints_both():
    told = subprocess.run([sys.executable, "-m", "deepen", "plan", "classify", "net=resnet50", "--input", "3x224x224",
                           "--classes", "1000", "--json"], capture_output=True, text=True, timeout=120, check=True)
    answer = json.loads(told.stdout.splitlines()[-1])
    assert (answer["parameters"], answer["macs"]) == (25_557_032, 4_089_184_256)


@pytest.mark.parametrize("depth, parameters", [(20, 269_722), (56, 853_018), (110, 1_727_962)])
def test_residual_nets_of_small_pictures_by_hand(depth, parameters):
    n = (depth - 2) // 6                                # blocks a stage
    shapes = [(3, 16, 32)] + [(16, 16, 32)] * 2 * n + [(16, 32, 16)] + [(32, 32, 16)] * (2 * n - 1) \
        + [(32, 64, 8)] + [(64, 64, 8)] * (2 * n - 1)   # channels in, out, side
    assert parameters == sum(9 * a * b + 2 * b for a, b, _ in shapes) + 64 * 10 + 10
    sketch = plan("classify", {"net": f"resnet{depth}"}, "3x32x32", "10")
    assert sketch.parameters == parameters
    assert sketch.macs == sum(9 * a * b * side**2 for a, b, side in shapes) + 64 * 10


def test_googlenet_with_its_heads():
    net = network("googlenet aux=0.3", Image(3, 32, 32), 1000)
    assert sum(p.numel() for p in net.parameters()) - sum(p.numel() for p in net.conv1.parameters()) \
        == 13_004_888 - (3 * 64 * 49 + 2 * 64)


def test_every_net_is_found_without_importing_torch():
    assert set(TABLE) | {"resnet20", "resnet56", "resnet110"} <= set(find.nets())
    assert {"AlexNet", "Basic", "begin"}.isdisjoint(find.nets())
    for name in TABLE:
        assert f"{TABLE[name][0]:,}" in find.nets()[name].about
