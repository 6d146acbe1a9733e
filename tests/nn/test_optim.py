import copy
import io
import math

import pytest
import torch
from torch import nn

from deepen.core.system import load_optimizer
from deepen.core.words import Problem
from deepen.nn import optim


def small(seed=0):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(1, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 8, 3, bias=False), nn.ReLU(),
                        nn.Flatten(), nn.Linear(8 * 16, 12), nn.ReLU(), nn.Linear(12, 3))
    return net.to(memory_format=torch.channels_last)


def batch(seed):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 1, 8, 8, generator=draw).to(memory_format=torch.channels_last)
    return x, torch.randint(0, 3, (16,), generator=draw)


def learn(net, rule, seeds):
    losses = []
    for seed in seeds:
        x, y = batch(seed)

        def closure(x=x, y=y):
            rule.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            return loss
        losses.append(rule.step(closure).item())
    return losses


TORCH = {
    "sgd": lambda net: torch.optim.SGD(net.parameters(), 0.05),
    "momentum": lambda net: torch.optim.SGD(net.parameters(), 0.05, momentum=0.9),
    "nesterov": lambda net: torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, nesterov=True),
    "adagrad": lambda net: torch.optim.Adagrad(net.parameters(), 0.05),
    "rmsprop": lambda net: torch.optim.RMSprop(net.parameters(), 0.05),
    "adam": lambda net: torch.optim.Adam(net.parameters(), 0.05),
    "adamw": lambda net: torch.optim.AdamW(net.parameters(), 0.05, weight_decay=0),
    "lbfgs": lambda net: torch.optim.LBFGS(net.parameters(), 0.05, max_iter=10, history_size=20, line_search_fn="strong_wolfe"),
}


@pytest.mark.parametrize("name", TORCH)
def test_names_are_torchs_own(name):
    ours, theirs = small(), small().to(memory_format=torch.contiguous_format)       # torch's L-BFGS wants it
    learn(ours, optim.make(name, ours, 0.05), range(3))
    learn(theirs, TORCH[name](theirs), range(3))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=2e-4)
    assert not torch.equal(ours[0].weight, small()[0].weight)


@pytest.mark.parametrize("name", [*TORCH, "muon"])
def test_every_name_learns(name):
    net = small()
    losses = learn(net, optim.make(name, net, {"sgd": 0.3, "momentum": 0.1, "nesterov": 0.1, "lbfgs": 0.5, "muon": 0.05}.get(name, 0.02)), [0] * 20)
    assert losses[-1] < 0.4 * losses[0]


def test_decay_spares_biases_and_norms():
    net = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm((2, 4)), nn.BatchNorm1d(2))
    for w in net.parameters():
        nn.init.ones_(w)
        w.grad = torch.zeros_like(w)
    optim.make("adamw", net, 0.1, weight_decay=0.5).step()
    assert torch.allclose(net[0].weight, torch.tensor(0.95))
    assert all(torch.equal(w, torch.ones_like(w)) for w in [net[0].bias, *net[1].parameters(), *net[2].parameters()])


def test_frozen_weights_are_left_out_and_a_list_will_do():
    net = small()
    net[0].requires_grad_(False)
    held = [w for group in optim.make("adam", net, 0.1).param_groups for w in group["params"]]
    assert {id(w) for w in held} == {id(w) for w in net.parameters() if w.requires_grad}
    assert sum(len(group["params"]) for group in optim.make("muon", list(net.parameters()), 0.1).param_groups) == len(held)
    plain = torch.ones(2, requires_grad=True)                       # a tensor will do as well
    plain.grad = torch.ones(2)
    optim.make("sgd", [plain], 0.25).step()
    assert plain.tolist() == [0.75, 0.75]


@pytest.mark.parametrize("build, said", [
    (lambda: optim.make("adm", small(), 0.1), "adam"),
    (lambda: optim.make("lbfgs", small(), 0.1, weight_decay=0.1), "lbfgs"),
    (lambda: optim.make("adam", nn.ReLU(), 0.1), "nothing is left to learn"),
    (lambda: optim.schedule("cosin", 0.5), "cosine"),
])
def test_wrong_requests(build, said):
    with pytest.raises(Problem, match=said):
        build()


# Muon

@pytest.mark.parametrize("shape", [(24, 25), (64, 576), (96, 32), (16, 16), (1, 9)])
def test_singular_values_are_near_one(shape):
    torch.manual_seed(0)
    found = torch.linalg.svdvals(torch.stack(optim.orthogonal([torch.randn(shape) for _ in range(3)], 5)))
    assert found.shape[0] == 3
    if shape != (16, 16):                       # a square random matrix has singular values near 0
        assert found.min() > 0.6
    assert found.max() < 1.25


def test_orthogonal_keeps_the_singular_vectors():
    torch.manual_seed(0)
    u, _ = torch.linalg.qr(torch.randn(20, 12))
    v, _ = torch.linalg.qr(torch.randn(30, 12))
    s = torch.logspace(0, -1.3, 12)
    got = optim.orthogonal([u * s @ v.T], 5)[0]
    inside = u.T @ got @ v
    assert torch.allclose(inside, inside.diagonal().diag(), atol=1e-4)
    assert (inside.diagonal() > 0.6).all() and (inside.diagonal() < 1.25).all()
    assert torch.allclose(u @ inside @ v.T, got, atol=1e-4)


def plainly(x, iterations):
    """The quintic as published, in float64."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = x.double() / x.double().norm()
    for _ in range(iterations):
        x = a * x + b * (x @ x.T) @ x + c * (x @ x.T) @ (x @ x.T) @ x
    return x


@pytest.mark.parametrize("iterations", [1, 3, 5])
@pytest.mark.parametrize("sort", ["wide", "tall", "lowrank", "tiny", "deadrow"])
def test_gram_iteration_equals_the_published_one(sort, iterations):
    torch.manual_seed(1)
    x = {"wide": torch.randn(24, 100), "tall": torch.randn(70, 20), "lowrank": torch.randn(40, 3) @ torch.randn(3, 90),
         "tiny": torch.randn(12, 40) * 1e-12, "deadrow": torch.randn(12, 40)}[sort]
    if sort == "deadrow":
        x[3] = 0
    assert torch.allclose(optim.orthogonal([x], iterations)[0].double(), plainly(x, iterations), atol=2e-3)


def test_matrices_of_many_sizes_do_not_disturb_each_other():
    torch.manual_seed(0)
    xs = [torch.randn(shape) for shape in ((5, 40), (31, 33), (32, 64), (33, 40), (60, 7), (5, 40))]
    for x, together in zip(xs, optim.orthogonal(xs, 3), strict=True):
        assert together.shape == x.shape
        assert torch.allclose(together.double(), plainly(x, 3), atol=2e-3)


def test_the_direct_way_is_the_same_in_half_precision():
    torch.manual_seed(0)
    xs = [torch.randn(8, 40), torch.randn(20, 30), torch.randn(8, 40)]
    for x, y in zip(xs, optim.directly(xs, 3), strict=True):
        expected = plainly(x, 3)
        assert (y.double() - expected).norm() < 0.03 * expected.norm()


def test_orthogonal_of_nothing_is_nothing():
    assert torch.equal(optim.orthogonal([torch.zeros(5, 7)])[0], torch.zeros(5, 7))


def test_muon_takes_matrices_and_leaves_the_rest_to_adam():
    net = nn.Sequential(nn.Embedding(9, 4), nn.Conv1d(4, 5, 3), nn.LayerNorm(5), nn.Linear(5, 6), nn.Linear(6, 2))
    rule = optim.make("muon", net, 0.02, weight_decay=0.1)
    sort = {id(w): (group["orthogonal"], group["lr"], group["weight_decay"]) for group in rule.param_groups for w in group["params"]}
    assert sort[id(net[1].weight)] == sort[id(net[3].weight)] == (True, 0.02, 0.1)
    assert sort[id(net[0].weight)] == sort[id(net[4].weight)] == (False, pytest.approx(0.002), 0.1)
    assert sort[id(net[3].bias)] == sort[id(net[2].weight)] == (False, pytest.approx(0.002), 0.0)
    optim.set_rate(rule, 1.0)
    assert [group["lr"] for group in rule.param_groups] == [1.0, pytest.approx(0.1), pytest.approx(0.1)]


def test_muon_by_hand():
    torch.manual_seed(0)
    w = nn.Parameter(torch.randn(8, 2, 3, 3).to(memory_format=torch.channels_last))
    b = nn.Parameter(torch.randn(5))
    began, rule = w.detach().clone(), optim.Muon([w], [b], lr=0.1, momentum=0.8, weight_decay=0.5, iterations=4)
    plain = nn.Parameter(b.detach().clone())
    adam = torch.optim.AdamW([plain], 0.01, betas=(0.9, 0.99), weight_decay=0.5)
    velocity, expected = torch.zeros(8, 18), began.flatten(1)
    for _ in range(3):
        w.grad, b.grad = torch.randn(8, 2, 3, 3), torch.randn(5)
        plain.grad = b.grad.clone()
        velocity = 0.8 * velocity + w.grad.flatten(1)
        step = plainly(w.grad.flatten(1) + 0.8 * velocity, 4).float()
        expected = expected * (1 - 0.1 * 0.5) - 0.1 * step              # 8 rows, 18 columns: no larger step
        rule.step()
        adam.step()
    assert torch.allclose(w.flatten(1), expected, atol=1e-4)
    assert torch.allclose(b, plain, atol=1e-6)
    assert w.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("shape", [(32, 8), (32, 2, 2, 2)])
def test_tall_matrices_take_larger_steps(shape):
    torch.manual_seed(0)
    w = nn.Parameter(torch.zeros(shape))
    w.grad = torch.randn(shape)
    optim.Muon([w], lr=1.0, iterations=5).step()
    w = w.flatten(1)
    assert torch.linalg.svdvals(w.detach()).min() > 0.6 * 2 and torch.linalg.svdvals(w.detach()).max() < 1.25 * 2


def test_muon_does_not_mind_autocast():
    nets = [small(), small()]
    for net, on in zip(nets, (False, True), strict=True):
        rule = optim.make("muon", net, 0.05)
        x, y = batch(0)
        nn.functional.cross_entropy(net(x), y).backward()
        with torch.autocast("cpu", torch.bfloat16, enabled=on, cache_enabled=False):
            rule.step()
    assert all(torch.equal(a, b) for a, b in zip(*[net.parameters() for net in nets], strict=True))


def test_muon_skips_weights_without_gradient_and_refuses_nonsense():
    w, idle = nn.Parameter(torch.ones(3, 3)), nn.Parameter(torch.ones(3, 3))
    rule = optim.Muon([w, idle])
    w.grad = torch.eye(3)
    rule.step()
    assert torch.equal(idle, torch.ones(3, 3)) and not torch.equal(w, torch.ones(3, 3))
    with pytest.raises(ValueError, match="iterations"):
        optim.Muon([w], iterations=9)
    with pytest.raises(ValueError, match="two or more"):
        optim.Muon([nn.Parameter(torch.ones(3))])


@pytest.mark.parametrize("way", ["torch", "ours"])
@pytest.mark.parametrize("name", ["sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "lbfgs", "muon"])
def test_six_steps_are_three_saved_loaded_and_three(name, way):
    whole, part = small(), small()
    rule = optim.make(name, whole, 0.02)
    learn(whole, rule, range(6))
    first = optim.make(name, part, 0.02)
    learn(part, first, range(3))
    file = io.BytesIO()
    torch.save([part.state_dict(), first.state_dict()], file)
    file.seek(0)
    weights, state = torch.load(file, weights_only=True)
    again = small(seed=5)
    again.load_state_dict(weights)
    second = optim.make(name, again, 0.7)
    second.load_state_dict(state) if way == "torch" else load_optimizer(second, state)
    learn(again, second, range(3, 6))
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))
    if name == "muon":
        assert second.state[again[3].weight]["velocity"].is_contiguous(memory_format=torch.channels_last)


# schedules

@pytest.mark.parametrize("name, values", [
    ("constant", [1, 1, 1, 1, 1]),
    ("step", [1, 1, 0.1, 0.01, 0.01]),
    ("exponential", [1, 0.01**0.25, 0.1, 0.01**0.75, 0.01]),
    ("cosine", [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2, 0]),
    ("triangle", [1, 0.75, 0.5, 0.25, 0]),
    ("polynomial", [1, 0.5625, 0.25, 0.0625, 0]),
    ("inverse-sqrt", [1, 0.2, 0.1 * 2**0.5, 0.1 * (4 / 3) ** 0.5, 0.1]),
    ("restarts", [1, (1 + math.cos(math.pi * 0.375)) / 2, (1 + math.cos(math.pi * 0.125)) / 2,
                  (1 + math.cos(math.pi * 0.5625)) / 2, 0]),
])
def test_schedules(name, values):
    assert [optim.schedule(name, p) for p in (0, 0.25, 0.5, 0.75, 1)] == pytest.approx(values)


@pytest.mark.parametrize("name", ["constant", "step", "exponential", "cosine", "triangle", "polynomial", "restarts"])
def test_warmup_is_a_line_and_then_the_schedule(name):
    assert optim.schedule(name, 0.0, 0.2) == 0.001
    assert optim.schedule(name, 0.05, 0.2) == pytest.approx(0.25)
    assert optim.schedule(name, 0.2, 0.2) == pytest.approx(1)
    for p in (0.3, 0.6, 0.95):
        assert optim.schedule(name, p, 0.2) == pytest.approx(optim.schedule(name, (p - 0.2) / 0.8))


def test_restarts_begin_again_at_a_seventh_and_three():
    for place in (1 / 7, 3 / 7):
        assert optim.schedule("restarts", place - 1e-6) < 1e-6 < 0.999 < optim.schedule("restarts", place + 1e-6)


def test_inverse_sqrt_is_vaswanis():
    """Attention is all you need, equation 3, with 4,000 of 100,000 steps of warm-up, divided by its highest rate."""
    for step in (1000, 4000, 10_000, 100_000):
        theirs = min(step**-0.5, step * 4000**-1.5) / 4000**-0.5
        assert optim.schedule("inverse-sqrt", step / 100_000, 0.04) == pytest.approx(theirs)


def test_onecycle_is_torchs():
    rule = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(rule, 1.0, total_steps=1001, pct_start=0.3, final_div_factor=1e9, cycle_momentum=False)
    for step in range(1001):
        assert optim.schedule("onecycle", step / 1000, 0.3) == pytest.approx(rule.param_groups[0]["lr"], abs=5e-3)
        rule.step()
        if step < 1000:
            theirs.step()


@pytest.mark.parametrize("name", optim.get_args(optim.Schedule))
def test_schedules_stay_within_one(name):
    for warmup in (0, 0.3, 1):
        values = [optim.schedule(name, p / 100, warmup) for p in range(101)]
        assert min(values) >= 0 and max(values) <= 1
    with pytest.raises(ValueError, match="progress"):
        optim.schedule(name, 1.2)


def test_muon_spares_the_last_layer_of_each_net_of_a_list():
    nets = nn.ModuleList([nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)) for _ in range(3)])
    rule = optim.make("muon", nets, 0.02)
    turned = [w for group in rule.param_groups if group["orthogonal"] for w in group["params"]]
    assert [id(w) for w in turned] == [id(net[0].weight) for net in nets]


# the average

def test_average_by_hand():
    net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.constant_(net[0].weight, 0.0)
    ema = optim.Average(net, 0.25)
    nn.init.constant_(net[0].weight, 1.0)
    net[1].running_mean.fill_(7.0)
    expected = 0.0
    for t in range(4):
        ema.update(net)
        keep = min(0.25, (1 + t) / (10 + t))                            # 0.1, 0.1818, 0.25, 0.25
        expected = keep * expected + (1 - keep) * 1.0
        assert torch.allclose(ema.module[0].weight, torch.tensor(expected))
    assert ema.module[1].running_mean.item() == 7.0 and ema.count == 4
    assert not ema.module.training and not any(w.requires_grad for w in ema.module.parameters())
    assert net.training and all(w.requires_grad for w in net.parameters())


def test_average_goes_on_after_loading():
    net = small()
    ema = optim.Average(net)
    for seed in range(3):
        torch.nn.init.normal_(net[0].weight, generator=torch.Generator().manual_seed(seed))
        ema.update(net)
    other = optim.Average(small(seed=9))
    other.load_state_dict(copy.deepcopy(ema.state_dict()))
    for one in (ema, other):
        one.update(net)
    assert other.count == 4
    assert all(torch.equal(a, b) for a, b in zip(ema.module.state_dict().values(), other.module.state_dict().values(), strict=True))
