"""Averages of weights: by hand, at any length of run, sound whenever they are judged, bit for bit after a resume."""
import copy

import pytest
import torch
from torch import nn

from deepen.core.recipe import checked
from deepen.core.words import Problem
from deepen.engine.fit import judge, lend
from deepen.engine.place import Place
from deepen.engine.start import prepare
from deepen.nn import average
from deepen.systems.classify import Classify


def line(value=0.0):
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, value)
    return net


def test_ema_by_hand():
    net = line()
    ema = average.Ema(net)
    nn.init.constant_(net.weight, 1.0)
    expected = 0.0
    for step in range(6):
        ema.update(net, step / 20)
        keep = min(0.5 ** (0.05 / 0.03 if step else 0.0), (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep) * 1.0
        assert ema.module.weight.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("steps", [200, 2000])
def test_ema_forgets_half_in_three_percent_of_any_run(steps):
    net = line()
    ema = average.Ema(net)
    for step in range(steps):
        nn.init.constant_(net.weight, float(step >= steps // 2))
        ema.update(net, step / steps)
        if step + 1 == steps // 2 + round(0.03 * steps):
            assert ema.module.weight.item() == pytest.approx(0.5, abs=0.02)


def normed(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 2))


def walk(mean, net, steps, begin=0, end=None):
    """`net` goes about a place; the average sees each step, and a batch."""
    home = [weight.detach().clone() for weight in normed().parameters()]
    for step in range(begin, steps if end is None else end):
        draw = torch.Generator().manual_seed(step)
        with torch.no_grad():
            for weight, place in zip(net.parameters(), home, strict=True):
                weight.copy_(place + 0.3 * torch.randn(weight.shape, generator=draw))
        net.train()(3 + torch.randn(64, 3, generator=draw))
        mean.update(net, step / steps, 3 + torch.randn(64, 3, generator=draw))


def test_swa_is_the_equal_mean_of_the_last_quarter():
    net, seen = normed(), []
    swa, update = average.Swa(net), average.Swa.update
    for step in range(100):
        with torch.no_grad():
            net[0].weight.add_(torch.randn(5, 3))
        update(swa, net, step / 100, torch.randn(16, 3))
        if step < 75:
            assert torch.equal(swa.module[0].weight, net[0].weight)         # until then the network itself
        else:
            seen.append(net[0].weight.detach().clone())
            assert torch.allclose(swa.module[0].weight, torch.stack(seen).mean(0), atol=1e-5)
    assert len(seen) == swa.count == 25


def test_swa_measures_its_norms_on_what_its_own_layers_say():
    net = normed()
    swa = average.Swa(net)
    walk(swa, net, 800)
    x = 3 + torch.randn(20_000, 3, generator=torch.Generator().manual_seed(7))
    true = swa.module[0](x)
    norm = swa.module[1]
    assert (norm.running_mean - true.mean(0)).abs().max() < 0.25
    assert torch.allclose(norm.running_var, true.var(0), rtol=0.3)
    assert (net[1].running_mean - true.mean(0)).abs().max() > 0.4           # the network's would be wrong for it
    assert not any(part.training for part in swa.module.modules())


def test_swa_draws_no_random_numbers_and_leaves_the_network_alone():
    net = normed()
    swa = average.Swa(net)
    before, random = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    for step in range(80, 90):
        swa.update(net, step / 100, torch.ones(4, 3))
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values(), strict=True))
    assert net.training


@pytest.mark.parametrize("kind", [average.Ema, average.Swa])
def test_goes_on_after_loading(kind):
    net, other = normed(), normed(1)
    mean, second = kind(net), kind(other)
    walk(mean, net, 60, end=50)
    other.load_state_dict(copy.deepcopy(net.state_dict()))
    second.load_state_dict(copy.deepcopy(mean.state_dict()))
    for one, its in ((mean, net), (second, other)):
        walk(one, its, 60, begin=50)
    for a, b in zip(mean.module.state_dict().values(), second.module.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_the_rate_stands_still_only_under_swa():
    assert [average.paused("swa", p) for p in (0.2, 0.75, 0.9, 1.0)] == [0.2, 0.75, 0.75, 0.75]
    assert average.paused("ema", 0.9) == average.paused("none", 0.9) == 0.9
    assert average.averaged("none", line()) is None


def test_recipes_of_before_are_read_and_a_number_typed_today_is_refused():
    assert checked(Classify, {"average": 0.99}) == {"average": "ema"}
    assert checked(Classify, {"average": 0.0}) == {"average": "none"}
    with pytest.raises(Problem, match="choose from none, ema, swa"):
        checked(Classify, {"average": "0.99"})


def built(how):
    plan = prepare("classify", {**Classify.tiny, "average": how, "augment": "", "epochs": 2})
    torch.manual_seed(0)
    lend(plan.system, plan.data.sealed(), Place("cpu", "fp32"))
    plan.system.build(plan.data.sealed())
    return plan.system


def learn(system, begin, end, judged=False):
    learning = system.steps()
    for step in range(begin, end):
        system.progress = step / system.planned
        next(learning)
        if judged:
            judge(system)


@pytest.mark.parametrize("how", ["ema", "swa"])
def test_classify_resumes_exactly_and_judging_leaves_no_trace(how):
    straight, halves = built(how), built(how)
    end = straight.planned
    learn(straight, 0, end)
    learn(halves, 0, end - 2, judged=True)
    again = built(how)
    again.load_state_dict(copy.deepcopy(halves.state_dict()))
    learn(again, end - 2, end)
    for a, b in zip(straight.network().state_dict().values(), again.network().state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert judge(again)["accuracy"] > 0.5 and judge(again) == judge(straight)
    assert straight.network() is straight.ema.module
