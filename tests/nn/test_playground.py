"""The Playground's engine against the original program's own figures, a slow reference, torch, and itself."""
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from deepen.core.words import Problem
from deepen.nn.playground import PRESETS, Session, Spec, points_of, preset, run_all
from deepen.nn.playground_data import SETS, Dice, points
from deepen.nn.playground_kernel import ACTIVATIONS

# links, and what TensorFlow Playground itself (commit 02469bd, run in node) makes of them: its first training point,
# and its (training, test) loss before the first epoch, after it, and after 100
ORIGINAL = [
    ("activation=tanh&regularization=none&batchSize=10&dataset=circle&learningRate=0.03&"
     "regularizationRate=0&noise=0&networkShape=4,2&seed=0.42317&percTrainData=50",
     (0.04000144015308305, 0.1787364175375622),
     (0.5071543304771449, 0.5114207675408949), (0.5025093028978692, 0.5105261553641772), (0.005436025652970236, 0.009225992465095608)),
    ("activation=relu&regularization=L1&batchSize=12&dataset=xor&learningRate=0.1&"
     "regularizationRate=0.01&noise=25&networkShape=3,3&seed=0.90001&percTrainData=70&xTimesY=true",
     (3.3710009993921277, -3.013147861315396),
     (0.4953291477996988, 0.49193999656524046), (0.12584009730516027, 0.126913023404323), (0.10815541735274839, 0.11404823227368178)),
    ("activation=sigmoid&regularization=L2&batchSize=7&dataset=gauss&learningRate=0.1&regularizationRate=0.003&"
     "noise=50&networkShape=5&seed=0.12345&percTrainData=30&xSquared=true&ySquared=true",
     (0.508664593020751, 1.0622980372533002),
     (0.49817087683823436, 0.48512907534295735), (0.3874078517380912, 0.3951638370209171), (0.09172997854478135, 0.14053180230737652)),
    ("activation=tanh&regularization=none&batchSize=30&dataset=spiral&learningRate=0.03&regularizationRate=0&noise=5&"
     "networkShape=8,8,4&seed=0.55555&percTrainData=50&xSquared=true&ySquared=true&xTimesY=true&sinX=true&sinY=true",
     (-2.2160866068429024, -2.299456065037862),
     (0.49650216862026003, 0.5193298124373482), (0.49513036461778814, 0.518306850292026), (0.17419038521299052, 0.2258098309870183)),
    ("activation=tanh&regularization=none&batchSize=10&regDataset=reg-plane&problem=regression&"
     "learningRate=0.01&regularizationRate=0&noise=15&networkShape=&seed=0.00017&percTrainData=50",
     (4.174525111166453, 4.171856972230431), (2.1814309099680416, 2.053617577248418),
     (0.0046626365409438725, 0.004412327622145767), (0.0029415935724331228, 0.002791640777438183)),
    ("activation=tanh&regularization=L1&batchSize=11&regDataset=reg-gauss&problem=regression&"
     "learningRate=0.03&regularizationRate=0.001&noise=0&networkShape=8,6&seed=0.77777&percTrainData=90",
     (-4.053178251150982, -0.02270643211088519),
     (0.17306483105762727, 0.17658500106468986), (0.038745785129583085, 0.03358968372318975), (0.016840060509655298, 0.01533141289655841)),
    ("activation=linear&regularization=none&batchSize=10&dataset=circle&learningRate=0.03&regularizationRate=0&"
     "noise=10&networkShape=2&seed=0.3&percTrainData=50&x=false&sinX=true&initZero=true",
     (-0.7163709714300766, -3.4712236634898845),
     (0.5, 0.5), (0.49732594694117055, 0.49960916709002745), (0.496843781508848, 0.5011329420511611)),]


@pytest.mark.parametrize("link, first, losses", [(link, first, losses) for link, first, *losses in ORIGINAL], ids=lambda value: "")
def test_a_pasted_link_is_the_original_experiment(link, first, losses):
    session = Session(Spec.from_link("https://playground.tensorflow.org/#" + link))
    assert session.data.x[0] == pytest.approx(first, abs=1e-12)
    curve = [session.losses(), *session.curve(100)]
    for epoch, wanted in zip((0, 1, 100), losses):
        assert curve[epoch] == pytest.approx(wanted, abs=1e-9)


def test_the_stream_is_seedrandoms():
    dice = Dice("hello.")                           # the example in seedrandom's README
    assert [dice.draw(), dice.draw()] == [0.9282578795792454, 0.3752569768646784]
    assert dice.place == "hello.@2" and Dice("hello.@1").draw() == 0.3752569768646784
    for seed, first, second in (("0.5", 0.49767758747058916, 0.8074465011135612), ("", 0.23144008215179881, 0.27404636548159655),
                                ("ab" * 150, 0.5139501342450606, 0.8317874151148943), ("씨앗", 0.029320035371011695, 0.9690657452463669)):
        assert [(other := Dice(seed)).draw(), other.draw()] == [first, second]
    assert 0 <= Dice("0.5@x").draw() < 1
    numbers = [dice.draw() for _ in range(4000)]
    assert abs(np.mean(numbers) - 0.5) < 0.02 and min(numbers) >= 0 and max(numbers) < 1
    bell = [dice.normal(3, 4) for _ in range(4000)]
    assert abs(np.mean(bell) - 3) < 0.15 and abs(np.var(bell) - 4) < 0.5


class Slow:
    """A net of neurons that are dictionaries, written from the description of Playground alone: one point after another."""

    def __init__(self, spec, draw):
        shape = [len(spec.features), *spec.layers, 1]
        self.layers = [[{"w": [draw() - 0.5 for _ in range(shape[k])], "b": 0.1, "dead": [False] * shape[k]}
                        for _ in range(shape[k + 1])] for k in range(len(shape) - 1)]
        self.spec = spec
        for layer in self.layers:
            for neuron in layer:
                neuron.update(gw=[0.0] * len(neuron["w"]), gb=0.0, n=0)

    def bend(self, last, z):
        name = ("linear" if self.spec.numbers else "tanh") if last else self.spec.activation[0]
        y = {"tanh": math.tanh, "linear": float, "relu": lambda v: max(0.0, v), "sigmoid": lambda v: 1 / (1 + math.exp(-v))}[name](z)
        return y, {"tanh": 1 - y * y, "linear": 1.0, "relu": 0.0 if z <= 0 else 1.0, "sigmoid": y * (1 - y)}[name]

    def forward(self, point):
        x, y = point
        value = {"x1": x, "x2": y, "x1x1": x * x, "x2x2": y * y, "x1x2": x * y, "sinx1": math.sin(x), "sinx2": math.sin(y)}
        rows = [[value[name] for name in self.spec.features]]
        for k, layer in enumerate(self.layers):
            for neuron in layer:
                z = neuron["b"] + sum(w * a for w, a in zip(neuron["w"], rows[-1]))
                neuron["y"], neuron["slope"] = self.bend(k == len(self.layers) - 1, z)
            rows.append([neuron["y"] for neuron in layer])
        return rows

    def learn(self, point, target):
        rows = self.forward(point)
        back = [rows[-1][0] - target]
        for k in range(len(self.layers) - 1, -1, -1):
            below = [0.0] * len(rows[k])
            for neuron, out in zip(self.layers[k], back):
                e = out * neuron["slope"]
                neuron["gb"] += e
                neuron["n"] += 1
                for j, a in enumerate(rows[k]):
                    below[j] += neuron["w"][j] * e
                    neuron["gw"][j] += e * a
            back = below

    def update(self):
        lr, rate, kind = self.spec.lr, self.spec.penalty_rate, self.spec.penalty
        for neuron in (neuron for layer in self.layers for neuron in layer):
            neuron["b"] -= lr * neuron["gb"] / neuron["n"]
            for j, old in enumerate(neuron["w"]):
                if neuron["dead"][j]:
                    continue
                moved = old - lr * neuron["gw"][j] / neuron["n"]
                pulled = moved - lr * rate * {"none": 0.0, "l1": (old > 0) - (old < 0), "l2": old}[kind]
                neuron["dead"][j] = kind == "l1" and moved * pulled < 0
                neuron["w"][j] = 0.0 if neuron["dead"][j] else pulled
            neuron.update(gw=[0.0] * len(neuron["w"]), gb=0.0, n=0)

    def loss(self, x, t):
        return sum(0.5 * (self.forward(point)[-1][0] - target) ** 2 for point, target in zip(x, t)) / len(t)


@pytest.mark.parametrize("spec", [
    Spec(data="circle", seed="0.11111", noise=0.1, lr=0.1),
    Spec(data="xor", seed="0.2", layers=(3,), activation=("relu",), penalty="l1", penalty_rate=0.03, batch=17),
    Spec(data="gauss", seed="0.31", layers=(3, 2), activation=("sigmoid",), penalty="l2", penalty_rate=0.01, share=0.3),
    Spec(data="cones", seed="0.4", layers=(4,), share=0.2, features=("x1", "x2", "sinx1"), batch=13)])
def test_it_is_what_a_slow_reference_does(spec):
    data, session = points_of(spec), Session(spec)
    slow = Slow(spec, Dice(data.place).draw)
    x, test_x = data.x.tolist(), data.test_x.tolist()
    t, test_t = ([v if spec.numbers else 2 * v - 1 for v in part.tolist()] for part in (data.t, data.test_t))
    for epoch in range(100):
        for i, (point, target) in enumerate(zip(x, t)):
            slow.learn(point, target)
            if (i + 1) % spec.batch == 0:
                slow.update()
        session.epochs(1)
        if epoch in (0, 9, 99):
            assert session.losses() == pytest.approx((slow.loss(x, t), slow.loss(test_x, test_t)), abs=1e-9)


TORCH = {"linear": lambda z: z, "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "elu": F.elu, "gelu": F.gelu,
         "leaky": lambda z: F.leaky_relu(z, 0.01), "softplus": F.softplus, "sine": torch.sin, "step": lambda z: (z > 0).double()}


def by_autograd(session, weights, x, t):
    """The loss of a flat vector of weights in torch, on features (features, N) and targets (outputs, N)."""
    a, at = torch.from_numpy(x).T, 0
    for inputs, outputs, name in zip(session.widths, session.widths[1:], session.activations):
        w, b = weights[at: at + inputs * outputs].view(outputs, inputs), weights[at + inputs * outputs:][:outputs]
        a, at = TORCH[name](a @ w.T + b), at + (inputs + 1) * outputs
    t = torch.from_numpy(t).T
    match session.spec.loss:
        case "squared":
            return 0.5 * (a - t).square().sum(1).mean()
        case "logistic":
            return F.softplus(-t * a).sum(1).mean()
    return F.cross_entropy(a, t.argmax(1))


@pytest.mark.parametrize("loss", ["squared", "logistic", "softmax"])
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_its_backward_is_autograds(kind, loss):
    spec = Spec(data="rings", classes=3, layers=(5, 3), activation=(kind,), loss=loss, batch=512, count=60, share=0.6,
                features=("x1", "x2", "x1x2", "radius"), lr=0.5)
    session = Session(spec)
    weights = torch.tensor(session.weights, requires_grad=True)
    value = by_autograd(session, weights, session._x, session._t)
    value.backward()
    assert session.scores("train")["loss"] == pytest.approx(value.item(), abs=1e-12)
    session.epochs(1)                               # the batch is larger than the points: they wait, summed
    assert session.arrays["gradients"] / 36 == pytest.approx(weights.grad.numpy(), abs=1e-12)
    assert np.array_equal(session.weights, weights.detach().numpy())


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_its_optimizers_are_torchs(optimizer):
    spec = Spec(data="moons", optimizer=optimizer, loss="logistic", batch=10, count=80, lr=0.05, carry=False, init="xavier")
    session = Session(spec)
    weights = torch.tensor(session.weights, requires_grad=True)
    rule = {"sgd": torch.optim.SGD([weights], 0.05), "momentum": torch.optim.SGD([weights], 0.05, momentum=0.9),
            "adam": torch.optim.Adam([weights], 0.05)}[optimizer]
    for _ in range(10):
        for start in range(0, 40, 10):
            rule.zero_grad()
            by_autograd(session, weights, session._x[:, start: start + 10], session._t[:, start: start + 10]).backward()
            rule.step()
    session.epochs(10)
    assert session.weights == pytest.approx(weights.detach().numpy(), abs=1e-9)


def test_losses_with_one_output_and_with_one_for_each_class_agree():
    one, two = Session(Spec(data="xor", loss="logistic")), Session(Spec(data="xor", loss="softmax"))
    z, (w, b) = one._neurons(one._x)[-1], two.layer(two.arrays["weights"], 3)
    one_w, one_b = one.layer(one.arrays["weights"], 3)
    w[1], b[1], w[0], b[0] = one_w[0], one_b[0], 0, 0
    for number in (1, 2):
        for mine, other in zip(two.layer(two.arrays["weights"], number), one.layer(one.arrays["weights"], number)):
            mine[:] = other
    assert two.scores() == pytest.approx(one.scores(), abs=1e-12)
    assert two.answers(one.data.x)[:, 1] == pytest.approx(1 / (1 + np.exp(-z)), abs=1e-12)


def test_leftover_points_wait_or_make_a_small_batch():
    waits, small = (Session(Spec(count=50, share=0.5, batch=10, carry=carry)) for carry in (True, False))
    waits.epochs(1), small.epochs(1)
    assert waits.arrays["counts"].tolist() == [1, 0, 5, 2, 3] and small.arrays["counts"].tolist() == [1, 0, 0, 3, 3]
    waits.step()
    assert waits.arrays["counts"].tolist() == [1, 10, 0, 3, 4]


def test_a_new_order_each_epoch_holds_every_point_once():
    session, orders = Session(Spec(shuffle=True)), []
    for _ in range(3):
        session.epochs(1)
        orders.append(session.arrays["order"].tolist())
    assert all(sorted(order) == list(range(250)) for order in orders) and orders[0] != orders[1] != orders[2]
    again = Session(Spec(shuffle=True))
    again.epochs(3)
    assert np.array_equal(again.weights, session.weights)
    firsts = [Session(Spec(shuffle=True, seed=str(seed), count=40)) for seed in range(300)]
    assert run_all(firsts, 1) == [True] * 300
    assert abs(np.mean([session.arrays["order"][0] for session in firsts]) - 9.5) < 1.2


def test_dropout_is_seeded_and_fair():
    session = Session(Spec(layers=(64,), drop=(0.25,), activation=("linear",), batch=250, lr=0.0))
    plain = Session(Spec(layers=(64,), activation=("linear",), batch=250, lr=0.0))
    session.epochs(1)
    silent = (session._room[1][2:66] == 0).mean()                           # slopes of silent neurons are 0
    assert abs(silent - 0.25) < 0.02
    assert set(np.unique(session._room[1][2:66]).round(6)) == {0.0, round(1 / 0.75, 6)}
    assert session.losses() == plain.losses(), "nobody is silent when it is judged"
    a, b = (Session(Spec(layers=(8, 8), drop=(0.0, 0.5))) for _ in range(2))
    a.epochs(4), b.epochs(1), b.step(30), b.epochs(2)
    assert np.array_equal(a.weights, b.weights) and not np.array_equal(a.weights, plain.weights)


def test_l1_kills_for_ever():
    session = Session(Spec(penalty="l1", penalty_rate=1.0, lr=0.1))
    session.epochs(5)
    dead = session.arrays["dead"].astype(bool)
    assert dead.any() and (session.weights[dead] == 0).all() and not dead[8:12].any(), "biases do not die"
    session.edit(int(dead.argmax()), 0.7)
    session.epochs(5)
    assert session.weights[dead.argmax()] == 0.7


def test_without_biases_the_net_is_odd():
    session = Session(preset("spiral"))
    session.epochs(20)
    x = np.random.default_rng(0).uniform(-6, 6, (50, 2))
    assert session.answers(-x) == pytest.approx(-session.answers(x), abs=1e-12)


def test_weights_that_grow_beyond_sense_are_put_back():
    session = Session(Spec(data="cones", layers=(8,), activation=("relu",), lr=1000.0, features=("x1x1", "x2x2")))
    assert not session.epochs(1000) and session.broken and session.epoch < 1000
    assert np.isfinite(session.weights).all() and all(map(math.isfinite, session.losses()))
    session.weights = session._first
    session.change(lr=0.001)
    assert session.epochs(20) and not session.broken and session.epoch >= 20


def test_rewind_state_and_steps_are_exact():
    spec = Spec(data="spiral", optimizer="adam", shuffle=True, penalty="l2", penalty_rate=0.01, drop=(0.1,), batch=7)
    straight = Session(spec)
    first = straight.weights
    straight.epochs(20)
    halves, rest = Session(spec), Session(spec)
    halves.epochs(7), halves.step(5)
    rest.restore(halves.state())
    rest.epochs(13)
    assert np.array_equal(rest.weights, straight.weights) and rest.epoch == 20
    straight.rewind()
    assert np.array_equal(straight.weights, first) and straight.epoch == 0
    straight.epochs(20)
    assert np.array_equal(rest.weights, straight.weights)
    with pytest.raises(Problem, match="another net"):
        Session(Spec(layers=(3,))).restore(rest.state())


def test_what_is_done_by_hand_can_be_done_again():
    session = Session(Spec(data="xor"))
    session.epochs(3), session.edit(2, 0.5), session.edit(2, 0.6), session.step(4), session.change(lr=0.1), session.epochs(5)
    assert session.changes == [(75, "edit", 2, 0.6), (79, "change", "lr", 0.1)]
    again = Session(Spec(data="xor"))
    again.replay(session.changes, session.epoch)
    assert np.array_equal(again.weights, session.weights) and again.rates == (0.1, 0.0)
    for wrong in ([(1, "edit", 2, "x")], [("edit",)], [(0, "change", "batch", 3)], [()]):
        with pytest.raises(Problem, match="no change"):
            again.replay(wrong, 1)
    for place, value in ((25, 0.0), (-1, 0.0), (0, math.nan)):
        with pytest.raises(Problem, match="25 weights"):
            session.edit(place, value)


def test_weights_stand_in_the_order_that_is_told():
    session = Session(Spec(layers=(3,), features=("x1", "x2")))
    session.weights = np.arange(13)
    w, b = session.layer(session.weights, 1)
    assert w.tolist() == [[0, 1], [2, 3], [4, 5]] and b.tolist() == [6, 7, 8]
    w, b = session.layer(session.weights, 2)
    assert w.tolist() == [[9, 10, 11]] and b.tolist() == [12]


def test_fields_show_every_neuron_with_the_top_row_first():
    session = Session(Spec(features=("x1", "x2", "x1x2")))
    fields = session.fields(21)
    assert fields.shape == (3 + 4 + 2 + 1, 21, 21) and fields.dtype == np.float32
    assert fields[0, 5, 0] == -6 and fields[0, 5, 20] == 6 and fields[1, 0, 3] == 6 and fields[1, 20, 3] == -6
    assert fields[2, 0, 0] == -36
    x = [[-6.0, 6.0], [0.0, 0.0], [6.0, 6.0]]
    assert session.answers(x)[:, 0] == pytest.approx([fields[-1, 0, 0], fields[-1, 10, 10], fields[-1, 0, 20]], abs=1e-6)
    assert np.array_equal(session.field_of(9, 21), fields[9])
    probabilities = Session(Spec(data="blobs", classes=4, loss="softmax")).fields(8)[-4:]
    assert probabilities.sum(0) == pytest.approx(1)
    with pytest.raises(Problem, match="400"):
        session.fields(5000)


def test_many_sessions_learn_in_threads_as_alone():
    specs = [Spec(data=name, layers=(4,) * k, seed=str(k)) for k, name in enumerate(("circle", "xor", "gauss", "plane"))]
    alone, together = [Session(spec) for spec in specs], [Session(spec) for spec in specs]
    assert run_all(alone, 30) == run_all(together, 30, threads=2) == [True] * 4
    assert all(np.array_equal(a.weights, b.weights) for a, b in zip(alone, together))


@pytest.mark.parametrize("spec", [
    Spec(data="rings", classes=3, loss="softmax", optimizer="adam", layers=(8,), features=("x1", "x2", "radius"), lr=0.03),
    Spec(data="blobs", classes=6, loss="logistic", optimizer="momentum", layers=(8,), lr=0.1),
    Spec(data="blobs", classes=4, layers=(8,), lr=0.1, shuffle=True),
    Spec(data="moons", layers=(8, 4), activation=("gelu", "leaky"), optimizer="adam", lr=0.01), preset("better")])
def test_it_learns(spec):
    session = Session(spec)
    before = session.scores()["accuracy"]
    session.epochs(150)
    assert session.scores()["accuracy"] > max(0.9, before)


@pytest.mark.parametrize("name", [*SETS, "own"])
def test_points(name):
    rows = [(i / 10, -i / 20, i % 3) for i in range(40)]
    data = points(name, 40, 0.2, 0.7, "s", 3, rows)
    assert len(data.t) == 28 and len(data.test_t) == 12 and data.x.dtype == np.float64
    again = points(name, 40, 0.2, 0.7, "s", 3, rows)
    assert np.array_equal(data.x, again.x) and data.place == again.place
    if data.classes:
        assert {*data.t, *data.test_t} == set(range(data.classes)) and data.classes == (3 if name in ("rings", "blobs", "own") else 2)
    assert len(points(name, 41, 0, 0.5, "s", 3, rows).t) == 20


def test_wrong_points_are_refused():
    for rows, words in (([], "too few"), ([(0, 0, 5), (1, 1, 0)], "whole numbers"), ([(0, math.inf, 1), (1, 1, 0)], "no numbers")):
        with pytest.raises(Problem, match=words):
            points("own", rows=rows)


def test_it_needs_no_torch():
    code = "import sys; from deepen.nn.playground import Session, Spec; Session(Spec()).epochs(1); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_spiral_preset_solves_the_spiral():
    solved = 0
    for seed in range(300, 304):
        session = Session(preset("spiral", seed=f"0.{seed:05d}"))
        assert session.spec.features == ("x1", "x2") and session.spec.layers == (8, 8) and session.spec.noise == 0
        solved += any(session.epochs(50) and session.scores("test")["error"] <= 0.01 for _ in range(600))
    assert solved >= 3


def test_presets_are_specs():
    assert preset("playground") == Spec() and all(isinstance(preset(name), Spec) for name in PRESETS)
    assert replace(preset("spiral"), seed="0.7") == preset("spiral", seed="0.7")
    with pytest.raises(Problem, match="there are: playground"):
        preset("circle")
