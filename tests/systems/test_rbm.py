"""RBM: on a machine so small that everything can be counted, energy, likelihood and slope are what the paper says."""
import itertools

import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.words import Failure, Problem
from deepen.engine.fit import judge, lend, quiet
from deepen.engine.place import Place
from deepen.sources.toys import stripes
from deepen.systems.rbm import RBM, Machine


def bits(n):
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=n)))


@pytest.fixture
def tiny():
    torch.manual_seed(0)
    machine = Machine(4, 3).double()
    for w in machine.weights():
        w.data.normal_()
    return machine


def likelihood(machine, v):
    """log p(v) by counting all 2⁴ states of the other side: log Z = log Σ e^−F."""
    return -machine.energy(v) - (-machine.energy(bits(4).double())).logsumexp(0)


def data_of(channels=1, height=8, width=8, n=40, classes=True):
    x = torch.randint(0, 256, (n, channels, height, width), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    y = torch.arange(n) % 2 if classes else None
    return Data({"train": Examples(x, y), "valid": Examples(x[:9], None if y is None else y[:9])},
                Image(channels, height, width), Label(("a", "b")) if classes else None)


def made(data, **recipe):
    system = RBM(**{"layers": "12,6", "batch": 10, "epochs": 2, **recipe})
    torch.manual_seed(0)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    return system


def learned(data, **recipe):
    system = made(data, **recipe)
    list(system.steps())
    return system


def test_free_energy_sums_over_the_hidden_side(tiny):
    for v in bits(4).double():
        energies = torch.stack([-(v @ tiny.W @ h) - tiny.b @ v - tiny.c @ h for h in bits(3).double()])
        assert tiny.energy(v[None])[0].item() == pytest.approx(-(-energies).logsumexp(0).item())
    assert likelihood(tiny, bits(4).double()).exp().sum().item() == pytest.approx(1)


def test_each_side_given_the_other_is_as_counted(tiny):
    v = bits(4).double()
    joint = torch.stack([torch.stack([x @ tiny.W @ h + tiny.b @ x + tiny.c @ h for h in bits(3).double()]) for x in v]).softmax(1)
    assert torch.allclose(tiny.up(v), joint @ bits(3).double())


def exact_slopes(machine, data):
    for w in machine.weights():
        w.requires_grad_(True)
    found = torch.autograd.grad(likelihood(machine, data).mean(), machine.weights())
    for w in machine.weights():
        w.requires_grad_(False)
    return found


def test_the_slope_is_that_of_the_likelihood(tiny):
    """With the machine's own distribution, counted exactly, as negative phase."""
    data = bits(4).double()[[0, 3, 5, 5, 9, 14]]
    exact = exact_slopes(tiny, data)
    counts = (likelihood(tiny, bits(4).double()).exp() * 4_000_000).round().long()
    own = bits(4).double().repeat_interleave(counts, 0)
    for one, other in zip(tiny.slopes(data, tiny.up(data), own, tiny.up(own)), exact, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_long_chains_come_to_that_slope_and_one_step_points_its_way(tiny):
    data = bits(4).double()[[0, 3, 5, 5, 9, 14]].repeat(4000, 1)
    exact = torch.cat([part.flatten() for part in exact_slopes(tiny, data)])
    found = {}
    torch.manual_seed(1)
    for k in (1, 40):
        p = tiny.up(data)
        h = (torch.rand_like(p) < p).double()
        for _ in range(k):
            u, h, q = tiny.gibbs(h)
        found[k] = torch.cat([part.flatten() for part in tiny.slopes(data, p, u, q)])
    assert torch.allclose(found[40], exact, atol=0.015)
    assert torch.cosine_similarity(found[1], exact, 0) > 0.8
    assert (found[40] - exact).norm() < (found[1] - exact).norm()


@pytest.mark.parametrize("persistent", [False, True])
def test_learning_raises_the_likelihood(persistent):
    """Twelve bits of which the second half repeats the first: the exact likelihood, before and after."""
    draw = torch.Generator().manual_seed(0)
    half = (torch.rand(400, 6, generator=draw) < 0.5).to(torch.uint8)
    x = (torch.cat([half, half], 1) * 255).view(-1, 1, 3, 4)
    data = Data({"train": Examples(x), "valid": Examples(x[:50])}, Image(1, 3, 4))

    def mean_likelihood(system):
        machine, v = system.model.machines[0], x.flatten(1).float() / 255
        return (-machine.energy(v) - (-machine.energy(bits(12))).logsumexp(0)).mean().item()
    before = mean_likelihood(made(data, layers="10"))
    after = mean_likelihood(learned(data, layers="10", epochs=60, persistent=persistent, batch=20))
    assert before == pytest.approx(-12 * 0.6931, abs=0.1)
    assert after > before + 2                                   # at best −6 log 2: 4.16 more


def test_layers_learn_one_after_another():
    system, before = made(data_of()), None
    below = system.model.machines[0].W.clone()
    for told in system.steps():
        first, second = (machine.W.clone() for machine in system.model.machines)
        if told["layer"] == 1:
            assert before is None or torch.equal(second, before[1])
        else:
            assert torch.equal(first, before[0]) and not torch.equal(second, before[1])
        before = first, second
    assert not torch.equal(before[0], below) and system.stage == 2 and system.planned == 16
    assert system.seen == 160


def test_minutes_are_shared_out_among_the_layers():
    system, layers = made(data_of(n=100), epochs=100), []
    for told in system.steps():
        layers.append(told["layer"])
        system.progress = min(1.0, len(layers) / 20)                # the time of 20 steps
        if system.progress == 1:
            break
    assert layers == [1] * 10 + [2] * 10


def test_pixels_begin_at_their_rates():
    system = made(data_of(), lr=0.0)
    next(system.steps())
    rate = (data_of().split("train")[:][0].float() / 255).mean(0).flatten()
    assert torch.allclose(system.model.machines[0].b.sigmoid(), rate, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 2, 3), (3, 8, 8), (1, 28, 28)])
@pytest.mark.parametrize("classes", [True, False])
def test_any_pictures_go_through(size, classes):
    system = learned(data_of(*size, classes=classes))
    found = judge(system)
    assert set(found) == ({"loss", "energy_gap", "probe"} if classes else {"loss", "energy_gap"})
    with quiet(system):
        answer = system.predict(system.data.split("valid")[:][0])
        assert answer.shape == (9, *size) and answer.min() >= 0 and answer.max() <= 1
        assert system.sample(5, steps=3).shape == (5, *size) and len(list(system.panels())) == 3 + classes


def test_features_are_worth_more_than_as_many_principal_components():
    """On stripes, where the class is no straight line of pixels."""
    system = learned(stripes(), layers="48,24", epochs=60, batch=20)
    with quiet(system):
        [plain] = system.beside().values()
    assert judge(system)["probe"] > plain["probe"] + 0.1


def test_the_same_seed_gives_the_same_chain_on_any_count():
    system = learned(data_of())
    with quiet(system):
        few, many = system.sample(4, seed=2, steps=30).int(), system.sample(70, seed=2, steps=30).int()
        assert (many[:4] - few).abs().max() <= 1
        assert not torch.equal(few, system.sample(4, seed=3, steps=30).int())
        film = list(system.unfolds(4, seed=2, steps=30))
    assert len(film) <= 60 and torch.equal(film[-1].int(), few)


def test_while_the_first_learns_dreams_come_from_it():
    system = made(data_of())
    steps = system.steps()
    next(steps)
    with quiet(system):
        dream = system.sample(3, steps=5)
        system.model.machines[1].W.add_(5.0)
        assert torch.equal(system.sample(3, steps=5), dream)
        list(steps)
        dream = system.sample(3, steps=5)
        system.model.machines[1].W.mul_(-1.0)
        assert not torch.equal(system.sample(3, steps=5), dream)


def test_weights_that_run_away_stop_it():
    system = made(data_of())
    system.model.machines[0].W.fill_(float("nan"))
    with pytest.raises(Failure, match="reconstruction error"):
        next(system.steps())
    with pytest.raises(Problem, match="500,250"):
        made(data_of(), layers="deep")
