"""Which blocks of a network learn when, and how fast."""
import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from deepen.core.kinds import Image
from deepen.core.words import Problem
from deepen.nn import optim
from deepen.nn.design import network
from deepen.nn.transfer import ALL, ALONE, Body, blocks, learning

LINES = "conv 4 3; norm; relu; conv 6 3; norm; relu; pool 2; residual 8; globalpool; dense 5; relu; dense classes"
PICTURES = Image(3, 16, 16)


def named(net):
    """The blocks of a network as names of their layers with weights, head first."""
    names = {id(part): name for name, part in net.named_modules()}
    return [[names[id(layer)] for layer in row if any(True for _ in layer.parameters())] for row in blocks(net)]


def test_blocks_of_a_design_are_its_lines_with_weights():
    assert named(network(LINES, PICTURES, 3)) == [
        ["dense2"], ["dense1"], ["residual1"], ["conv2", "norm2"], ["conv1", "norm1"]]


@pytest.mark.parametrize(("name", "head", "stem", "count"), [
    ("resnet18", ["fc"], ["conv1", "bn1"], 6), ("resnet20", ["fc"], ["conv1", "bn1"], 5),
    ("vgg11_bn", ["classifier.6"], ["features.0", "features.1"], 11), ("alexnet", ["classifier.6"], ["features.0"], 8),
    ("deepconv", ["dense2"], ["conv1"], 8)])
def test_blocks_of_the_nets(name, head, stem, count):
    kind = Image(1, 28, 28) if name == "deepconv" else PICTURES
    with torch.device("meta"):
        rows = named(network(name, kind, 10))
    assert rows[0] == head and rows[-1] == stem and len(rows) == count


def test_of_few_blocks_the_stages_are_taken_apart():
    rows = named(network("quick", Image(3, 32, 32), 10))
    assert rows == [["head"], ["groups.2"], ["groups.1"], ["groups.0"], ["whiten"]]


def test_the_heads_beside_belong_to_the_head():
    with torch.device("meta"):
        rows = named(network("googlenet aux=0.3", PICTURES, 10))
    assert rows[0] == ["fc", "aux1", "aux2"] and rows[1] == ["inception5b"] and rows[-1] == ["conv1"]


def test_every_weight_is_in_one_block():
    net = network(LINES, PICTURES, 3)
    inside = [id(w) for row in blocks(net) for layer in row for w in layer.parameters()]
    assert sorted(inside) == sorted(id(w) for w in net.parameters())


def test_when_what_learns():
    assert [learning("none", p, 5) for p in (0, 0.3, 1)] == [5, 5, 5]
    assert [learning("body", p, 5) for p in (0, 0.3, 1)] == [1, 1, 1]
    assert [learning("start", p, 5) for p in (0, ALONE - 1e-9, ALONE, 1)] == [1, 1, 5, 5]
    far = [learning("gradual", p, 5) for p in (0, ALONE - 1e-9, ALONE, 0.28, 0.36, 0.43, ALL, 1)]
    assert far == [1, 1, 2, 3, 4, 5, 5, 5]
    assert [learning(freeze, 0.1, 1) for freeze in ("start", "gradual", "body")] == [1, 1, 1]


def stepped(net, rule, body, steps, start=0, of=10, seed=0):
    """Learn some of `of` steps, as classify does; the losses."""
    chance = torch.Generator().manual_seed(seed)
    x, y = torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8, generator=chance), torch.arange(8) % 3
    for step in range(start, start + steps):
        body.thaw(step / of)
        optim.set_rate(rule, 0.02)
        rule.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), y).backward()
        rule.step()


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw", "muon", "rmsprop", "adagrad"])
def test_what_is_frozen_stays_bit_for_bit_and_the_rest_moves(name):
    torch.manual_seed(0)
    net = network(LINES, PICTURES, 3)
    rule = optim.make(name, net, 0.02, 0.1)                     # decay must not touch the frozen either
    body = Body(net, rule, "gradual", 0.8)
    before = copy.deepcopy(net.state_dict())
    stepped(net, rule, body, 2)
    moved = {key for key, value in net.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {"dense2.weight", "dense2.bias"}            # also no mean or variance of a norm
    stepped(net, rule, body, 1, start=2)
    moved = {key.partition(".")[0] for key, value in net.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {"dense2", "dense1"}
    stepped(net, rule, body, 5, start=3)
    moved = {key.partition(".")[0] for key, value in net.state_dict().items() if not torch.equal(value, before[key])}
    assert {"conv1", "norm1", "conv2", "residual1"} <= moved


def test_frozen_norms_stay_in_eval_mode_whoever_wakes_them():
    net = network(LINES, PICTURES, 3)
    body = Body(net, optim.make("sgd", net, 0.1), "start")
    body.thaw(0.0)
    assert not net.norm1.training and not net.residual1.body[1].training and net.training
    net.train()
    body.thaw(0.1)
    assert not net.norm1.training and not net.norm1.weight.requires_grad and net.dense2.weight.requires_grad
    body.thaw(ALONE)
    assert net.norm1.training and net.residual1.body[1].training and net.norm1.weight.requires_grad


def test_a_plain_run_is_left_alone():
    net = network(LINES, PICTURES, 3)
    rule = optim.make("muon", net, 0.1)
    groups = rule.param_groups
    body = Body(net, rule)
    body.thaw(0.0)
    assert rule.param_groups is groups and all(w.requires_grad for w in net.parameters())


@pytest.mark.parametrize("name", ["sgd", "adamw", "muon"])
def test_each_earlier_block_learns_slower(name):
    net = network(LINES, PICTURES, 3)
    plain = optim.make(name, net, 0.1, 0.3)
    decays = {id(w): (group["weight_decay"], group.get("scale", 1.0)) for group in plain.param_groups for w in group["params"]}
    rule = optim.make(name, net, 0.1, 0.3)
    Body(net, rule, "none", 0.5)
    optim.set_rate(rule, 0.1)
    rates = {id(w): group["lr"] for group in rule.param_groups for w in group["params"]}
    assert rates.keys() == decays.keys()
    for k, row in enumerate(blocks(net)):
        for layer in row:
            for w in layer.parameters():
                assert rates[id(w)] == pytest.approx(0.1 * decays[id(w)][1] * 0.5**k)
    kept = {id(w): group["weight_decay"] for group in rule.param_groups for w in group["params"]}
    assert kept == {key: decay for key, (decay, _) in decays.items()}


def test_a_rate_of_its_own_is_worth_as_much_as_setting_it_by_hand():
    """sgd: one step with layer_decay equals one step whose gradients were multiplied by hand."""
    torch.manual_seed(0)
    ours = network("conv 4 3; relu; conv 4 3; relu; globalpool; dense classes", PICTURES, 3)
    other = copy.deepcopy(ours)
    rule = optim.make("sgd", ours, 0.1)
    stepped(ours, rule, Body(ours, rule, "none", 0.25), 1)
    rule = optim.make("sgd", other, 0.1)
    x = torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    optim.set_rate(rule, 0.02)
    F.cross_entropy(other(x), torch.arange(8) % 3).backward()
    for k, layer in enumerate((other.dense1, other.conv2, other.conv1)):
        for w in layer.parameters():
            w.grad *= 0.25**k
    rule.step()
    for a, b in zip(ours.parameters(), other.parameters()):
        assert torch.allclose(a, b, atol=1e-8)


def test_lbfgs_has_one_rate():
    net = network("dense classes", PICTURES, 3)
    with pytest.raises(Problem, match="one rate"):
        Body(net, optim.make("lbfgs", net, 1.0), "none", 0.5)
    body = Body(net, optim.make("lbfgs", net, 1.0), "gradual")
    body.thaw(0.0)
    assert net.dense1.weight.requires_grad


def test_weights_of_the_net_itself_belong_to_the_stem():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.place = nn.Parameter(torch.zeros(3))
            self.body, self.head = nn.Linear(3, 3), nn.Linear(3, 2)

    net = Own()
    body = Body(net, optim.make("sgd", net, 0.1), "body")
    body.thaw(1.0)
    assert [name for name, w in net.named_parameters() if w.requires_grad] == ["head.weight", "head.bias"]
