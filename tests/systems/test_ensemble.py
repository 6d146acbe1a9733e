"""Ensembles: members are classifiers of their own, stacked or not; the vote is never worse than they are on the whole."""
import copy

import pytest
import torch
from torch import nn

from deepen.core.kinds import Image
from deepen.core.words import Problem
from deepen.engine.export import export
from deepen.engine.fit import judge, lend
from deepen.engine.place import Place
from deepen.engine.start import prepare, start
from deepen.nn import metrics, vote
from deepen.nn.design import network

DENSE = {"data": "stripes", "net": "dense 12; relu; dense classes", "members": 3, "epochs": 2, "batch": 32, "augment": ""}
CONV = {**DENSE, "net": "conv 4 3; norm; relu; globalpool; dense classes"}


def built(name, settings, seed=0):
    plan = prepare(name, settings)
    torch.manual_seed(seed)
    lend(plan.system, plan.data.sealed(), Place("cpu", "fp32"))
    plan.system.build(plan.data.sealed())
    return plan.system


def learn(system, begin, end):
    learning = system.steps()
    for step in range(begin, end):
        system.progress = step / system.planned
        next(learning)


def equal(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


# the vote

def test_the_loss_of_a_mean_is_at_most_the_mean_of_losses():
    torch.manual_seed(0)
    y = torch.randint(0, 7, (500,))
    for sharp in (0.1, 1.0, 10.0):
        p = (sharp * torch.randn(5, 500, 7, dtype=torch.float64)).softmax(2)
        assert metrics.nll(p.mean(0), y) <= sum(metrics.nll(one, y) for one in p) / 5


def test_the_vote_is_the_mean_of_probabilities_and_a_temperature_keeps_its_order():
    nets = [network("dense 5; relu; dense", Image(1, 4, 4), 3) for _ in range(4)]
    both, x = vote.Vote(nets), torch.randint(0, 256, (6, 1, 4, 4), dtype=torch.uint8)
    mean = torch.stack([net(x).softmax(1) for net in nets]).mean(0)
    assert torch.allclose(both(x), mean, atol=1e-6)
    both.temperature.fill_(2.0)
    assert torch.equal(both(x).argsort(1), mean.argsort(1)) and (both(x).max(1).values < mean.max(1).values).all()
    assert torch.allclose(both(x), mean.sqrt() / mean.sqrt().sum(1, keepdim=True), atol=1e-6)


@pytest.mark.parametrize(("designs", "together"), [
    (["dense 8; relu; dropout 0.2; dense"] * 2, True), (["dropconnect 0.5; dense 8; relu; dense"] * 2, False),
    (["dense 8; relu; dense", "dense 9; relu; dense"], False), (["dense 8; norm; relu; dense"] * 2, False),
    (["conv 4 3; relu; globalpool; dense"] * 2, False)])
def test_alike_dense_nets_are_stacked_and_no_others(designs, together):
    assert vote.alike([network(design, Image(1, 6, 6), 3) for design in designs]) == together


# members

@pytest.mark.parametrize("optimizer", ["momentum", "adam", "muon"])
@pytest.mark.parametrize("average", ["none", "ema", "swa"])
def test_stacked_members_learn_what_they_learn_one_after_another(optimizer, average):
    recipe = {**DENSE, "optimizer": optimizer, "average": average, "decay": 0.01, "calibrate": False}
    stacked, apart = built("ensemble", recipe), built("ensemble", recipe)
    assert stacked.stack is not None
    from deepen.nn import optim
    apart.stack, apart.rules = None, [optim.make(optimizer, net, 1.0, 0.01) for net in apart.model.members]
    for system in (stacked, apart):
        learn(system, 0, 8)
    for a, b in zip(stacked.network().state_dict().values(), apart.network().state_dict().values(), strict=True):
        assert torch.allclose(a, b, atol=2e-5)
    first = stacked.model.members[0].state_dict(), stacked.model.members[1].state_dict()
    assert not torch.allclose(first[0]["dense1.weight"], first[1]["dense1.weight"], atol=0.05)


@pytest.mark.parametrize("recipe", [CONV, DENSE])
def test_member_k_is_what_classify_learns_from_seed_k(recipe):
    together = built("ensemble", recipe, seed=5)
    learn(together, 0, together.planned)
    for k in range(3):
        alone = built("classify", {key: value for key, value in recipe.items() if key != "members"}, seed=5 + k)
        learn(alone, 0, alone.planned)
        for a, b in zip(alone.model.state_dict().values(), together.model.members[k].state_dict().values(), strict=True):
            assert torch.allclose(a, b, atol=2e-5)


def test_no_two_members_share_the_statistics_of_a_norm():
    system = built("ensemble", CONV)
    learn(system, 0, 4)
    norms = [part for part in system.model.modules() if isinstance(part, nn.BatchNorm2d)]
    assert len(norms) == 3 and len({norm.running_mean.data_ptr() for norm in norms}) == 3
    assert not torch.equal(norms[0].running_mean, norms[1].running_mean)


def test_different_nets_take_turns_and_too_few_members_are_refused():
    nets = "dense 6; relu; dense classes, conv 4 3; relu; globalpool; dense classes"
    members = built("ensemble", {**DENSE, "net": nets}).model.members
    assert [hasattr(net, "conv1") for net in members] == [False, True, False]
    with pytest.raises(Problem, match="members=2"):
        built("ensemble", {**DENSE, "net": nets, "members": 1})


@pytest.mark.parametrize("recipe", [DENSE, CONV, {**DENSE, "average": "swa"}])
def test_goes_on_exactly(recipe):
    straight, first = built("ensemble", recipe), built("ensemble", recipe)
    learn(straight, 0, 10)
    learn(first, 0, 6)
    again = built("ensemble", recipe)
    again.load_state_dict(copy.deepcopy(first.state_dict()))
    learn(again, 6, 10)
    assert equal(straight.network(), again.network()) and equal(straight.model, again.model)


# the whole

def test_the_vote_is_told_beside_its_members_and_made_as_sure_as_it_is_right():
    system = built("ensemble", {**DENSE, "data": "digits", "data.valid": 0.2, "epochs": 6, "members": 4})
    learn(system, 0, system.planned)
    found = judge(system)
    assert found["accuracy"] >= found["member_accuracy"] - 0.01 and found["loss"] < found["member_loss"]
    assert float(system.model.temperature) != 1.0
    system.model.temperature.fill_(1.0)
    assert found["loss"] < judge(system)["loss"]                        # on the pictures it was calibrated on


def test_an_average_stays_as_sure_as_it_was_made_until_it_is_made_again():
    """Its buffers are taken from the networks at every step; the temperatures are among them."""
    system = built("ensemble", {**DENSE, "data": "digits", "data.valid": 0.2, "members": 2, "average": "ema"})
    learn(system, 0, 5)
    system.cool()
    told = float(system.ema.module.temperature), float(system.ema.module.alone)
    assert 1.0 not in told
    system.calibrate = False
    next(system.steps())
    assert (float(system.ema.module.temperature), float(system.ema.module.alone)) == told


def test_a_stacked_ensemble_is_one_onnx_file(tmp_path):
    run = start("ensemble", DENSE, out=tmp_path / "run")
    made = export(run, tmp_path / "out")
    assert made["parity"] <= 1e-4 and [file.rpartition("/")[2] for file in made["files"]] == ["model.onnx", "card.json"]
    plan = prepare("ensemble", DENSE)
    p = run.predict(plan.data.splits["valid"].inputs)
    assert p.shape[1] == 2 and torch.allclose(p.sum(1), torch.ones(len(p)), atol=1e-5)


def test_members_of_one_family_may_begin_with_windows_of_their_own():
    net = "small width=0.1 kernel=3, small width=0.1 kernel=5, small width=0.1 kernel=7"
    members = built("ensemble", {**DENSE, "net": net}).model.members
    assert [member.conv1.kernel_size for member in members] == [(3, 3), (5, 5), (7, 7)]
