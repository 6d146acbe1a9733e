"""The system is the session: the same epochs, kept, resumed, asked and judged as any other."""
import numpy as np
import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label, Vector
from deepen.core.words import Failure, Problem
from deepen.engine import find
from deepen.engine.fit import judge, lend
from deepen.engine.place import Place
from deepen.nn.playground import Session, Spec, points_of, preset
from deepen.nn.playground_kernel import ACTIVATIONS
from deepen.sources.playground import points, read
from deepen.systems.playground import Playground


def learned(data, **recipe):
    system = Playground(**recipe)
    lend(system, data, Place("cpu", "fp32"))
    system.build(data)
    for _ in system.steps():
        continue
    return system


@pytest.mark.parametrize("spec", [Spec(data="xor", noise=0.1), Spec(data="plane", lr=0.01, layers=()), preset("better"),
                                  Spec(data="rings", classes=3, loss="softmax", features=("x1", "x2", "radius"))])
def test_it_learns_what_the_session_learns(spec):
    session = Session(spec)
    session.epochs(30)
    data = points(spec.data, noise=spec.noise, classes=spec.classes, seed=spec.seed)
    names = {name for name in Playground().recipe()} - {"epochs", "start"}
    system = learned(data, **{name: getattr(spec, name) for name in names}, start=session.start, epochs=30)
    assert np.array_equal(system.session.weights, session.weights)
    told = judge(system)
    assert told["loss"] == pytest.approx(session.losses()[1], abs=1e-12)
    if not spec.numbers:
        assert told["accuracy"] == session.scores("test")["accuracy"]
        p = system.predict(data.split("valid").inputs)
        assert p.shape == (len(data.split("valid")), session.data.classes) and torch.allclose(p.sum(1), torch.ones(len(p)))
        assert (p.argmax(1) == data.split("valid").target).double().mean() == pytest.approx(told["accuracy"])


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_the_network_in_torch_answers_as_the_session(kind):
    data = points("cones", 200)
    system = learned(data, layers=(6, 3), activation=(kind,), features=("x1", "x1x2", "sinx2", "radius"), epochs=5, start="7", lr=0.01)
    x = torch.rand(100, 2) * 12 - 6
    assert system.predict(x).numpy() == pytest.approx(system.session.answers(x.double().numpy())[:, 0], abs=2e-5)


def test_the_source_gives_playgrounds_points():
    data, wanted = points("spiral", noise=0.1, share=0.7, seed="0.9"), points_of(Spec(data="spiral", noise=0.1, share=0.7, seed="0.9"))
    assert np.array_equal(data.split("train").inputs.numpy(), wanted.x) and np.array_equal(data.split("valid").target.numpy(), wanted.test_t)
    assert data.target == Label(("orange", "blue")) and len(points("cones").split("train")) == 600
    assert read("1:2.5:0,-3:1:1") == [(1, 2.5, 0), (-3, 1, 1)]
    for rows in ("1:2", "a:b:c", "1:2:3:4"):
        with pytest.raises(Problem, match="cannot be read"):
            read(rows)


def test_it_learns_the_other_points_of_the_plane():
    from deepen.sources.toys import circles
    system = learned(circles(), epochs=150, lr=0.1)
    assert judge(system)["accuracy"] > 0.95 and judge(system, "test")["accuracy"] > 0.95
    first = learned(circles(), epochs=1).session.start
    torch.manual_seed(5)
    assert learned(circles(), epochs=1).session.start != first, "the run's seed begins its weights"


def test_what_cannot_be_is_said():
    with pytest.raises(Failure, match="smaller learning rate"):
        learned(points("cones"), lr=1000.0, activation=("relu",), features=("x1x1",))
    many = Data({"train": Examples(torch.zeros(8, 2), torch.arange(8))}, Vector(2), Label(tuple("abcdefgh")))
    with pytest.raises(Problem, match="at most 6"):
        learned(many)
    wide = Data({"train": Examples(torch.zeros(8, 3), torch.arange(8) % 2)}, Vector(3), Label(("a", "b")))
    with pytest.raises(Problem, match="2 numbers"):
        learned(wide)


def test_points_are_learned_by_playground():
    assert find.system_for(points(), "points") == "playground"
