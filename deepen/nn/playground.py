"""Playground: one small net on points of the plane, trained, looked at and changed while it learns; in float64.

`Session(Spec())` is TensorFlow Playground's first page, number for number (D. Smilkov, S. Carter et al. 2016, "Direct-
manipulation visualization of deep networks"; the order of random numbers is that of its program). No torch here.

Weights are one flat vector: layer by layer, from the first hidden one to the outputs, first the weights (out, in) row
by row, a row being what goes into one neuron, then the biases (out). Neurons are counted features first, then layer by
layer.
"""
import hashlib
import math
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from deepen.core.words import Problem
from deepen.nn.playground_data import Dice, Points, featured, points
from deepen.nn.playground_kernel import ACTIVATIONS, BATCHES, EPOCH, LOSSES, OPTIMIZERS, PENALTIES, work
from deepen.nn.playground_spec import PRESETS, Spec, preset

__all__ = ["PRESETS", "Session", "Spec", "points_of", "preset", "run_all"]
ROOM = 128                              # points looked at together
NOTHING, LOOKING = np.empty((0, 0)), np.array([0, 0, 0, ROOM, 0, 1])
STATE = ("weights", "gradients", "moments", "squares", "dead", "order", "counts", "rates")

def points_of(spec: Spec) -> Points:
    """The points that a Spec asks for."""
    return points(spec.data, spec.count, spec.noise, spec.share, spec.seed, spec.classes, spec.points)


class Session:
    """A net that learns. What `Problem` does not refuse at the start cannot fail later, except that weights may grow
    beyond sense: then `broken` is true, they are as before that step, and the optimizer has forgotten all."""

    def __init__(self, spec: Spec, data: Points | None = None):
        self.spec, self.data = spec, data if data is not None else points_of(spec)
        self.start = spec.start or self.data.place
        classes, layers = self.data.classes, len(spec.layers)
        if not classes and spec.loss != "squared":
            raise Problem("the target is a number, and {loss} is a loss for classes; take loss=squared", loss=spec.loss)
        outputs = classes if classes > 2 or (classes == 2 and spec.loss == "softmax") else 1
        shown = "tanh" if classes and spec.loss == "squared" else "linear"
        each = lambda values: [values[i if len(values) > 1 else 0] for i in range(layers)]      # noqa: E731
        self.widths = np.array([len(spec.features), *spec.layers, outputs], np.int64)
        self.activations = (*each(spec.activation), shown)              # of layer 1, 2, … and the outputs
        self._kinds = np.array([ACTIVATIONS.index(kind) for kind in ("linear", *self.activations)], np.int64)
        self._drops = np.array([0.0, *each(spec.drop), 0.0])
        named = LOSSES.index(spec.loss), OPTIMIZERS.index(spec.optimizer), PENALTIES.index(spec.penalty)
        self._rules = np.array([*named, spec.batch, spec.shuffle, spec.carry], np.int64)
        self._key = np.uint64(int.from_bytes(hashlib.blake2b(self.start.encode(), digest_size=8).digest(), "little"))
        self._x, self._test_x = featured(spec.features, self.data.x), featured(spec.features, self.data.test_x)
        self._t, self._test_t = self.asked(self.data.t), self.asked(self.data.test_t)
        size, units, count = self.parameters, self.units, len(self.data.t)
        room = min(spec.batch, count)
        self._room = [np.zeros((units, room)), np.zeros((units, room)), np.zeros((units, room)), np.zeros(size)]
        self.arrays: dict[str, np.ndarray] = {
            **{name: np.zeros(size) for name in ("weights", "gradients", "moments", "squares")},
            "dead": np.zeros(size, np.uint8), "order": np.arange(count), "counts": np.zeros(5, np.int64),
            "rates": np.array([spec.lr, spec.penalty_rate])}
        self._first = self._begin()
        self._grids: dict[tuple[int, float], np.ndarray] = {}
        self.changes: list[tuple] = []
        self.rewind()

    # sizes

    @property
    def units(self) -> int:
        """Neurons, features among them."""
        return int(self.widths.sum())

    @property
    def parameters(self) -> int:
        return int(sum((a + 1) * b for a, b in zip(self.widths, self.widths[1:])))

    def layer(self, weights: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Views of layer 1, 2, … in a flat vector: weights (out, in) and biases (out,)."""
        at = int(sum((a + 1) * b for a, b in zip(self.widths[:number - 1], self.widths[1:number])))
        inputs, outputs = self.widths[number - 1], self.widths[number]
        return weights[at: at + inputs * outputs].reshape(outputs, inputs), weights[at + inputs * outputs:][:outputs]

    # learning

    def epochs(self, count: int = 1) -> bool:
        """Learn to the end of the `count`-th epoch from here; false when it broke on the way."""
        return self._learn(count, 2**62)

    def step(self, batches: int = 1) -> bool:
        """Learn from so many batches; the last of an epoch may be small."""
        return self._learn(2**62, batches)

    def curve(self, count: int, every: int = 1) -> np.ndarray:
        """Learn `count` epochs; the losses on train and test after every so many, (count // every, 2)."""
        rows = [self.losses() for _ in range(count // every) if self.epochs(every)]
        return np.array(rows).reshape(-1, 2)

    def _learn(self, epochs: int, batches: int) -> bool:
        s = self.arrays
        self.broken = not work(             # type: ignore[call-arg]
            self.widths, self._kinds, self._drops, self._x, self._t, s["weights"], s["gradients"], s["moments"],
            s["squares"], s["dead"], s["order"], self._rules, s["rates"], s["counts"], self._key, epochs, batches,
            *self._room, NOTHING)
        return not self.broken

    def rewind(self) -> None:
        """Back to the first weights, the same as before, and forget what was changed on the way."""
        for array in self.arrays.values():
            array[:] = 0
        self.arrays["weights"][:], self.arrays["order"][:] = self._first, np.arange(len(self.data.t))
        self.arrays["rates"][:] = self.spec.lr, self.spec.penalty_rate
        for number in range(1, len(self.widths)):
            self.layer(self.arrays["dead"], number)[1][:] = not self.spec.bias
        self.broken = False
        self.changes = []

    def _begin(self) -> np.ndarray:
        """First weights, drawn neuron by neuron; biases are not drawn."""
        dice, init, first = Dice(self.start), self.spec.init, np.zeros(self.parameters)
        for number in range(1, len(self.widths)):
            weights, biases = self.layer(first, number)
            inputs, outputs = max(1, self.widths[number - 1]), self.widths[number]
            scale = {"playground": 1.0, "zero": 0.0, "xavier": math.sqrt(24 / (inputs + outputs)),
                     "he": math.sqrt(24 / inputs)}
            weights[:] = [[(dice.draw() - 0.5) * scale[init] for _ in row] for row in weights]
            biases[:] = 0.1 if init == "playground" and self.spec.bias else 0.0
        return first

    # what it is now

    @property
    def epoch(self) -> int:
        """Epochs learned to their end."""
        return int(self.arrays["counts"][EPOCH])

    @property
    def weights(self) -> np.ndarray:
        """A copy of all weights, float64; setting them needs as many finite numbers."""
        return self.arrays["weights"].copy()

    @weights.setter
    def weights(self, values) -> None:
        values = np.array(values, np.float64)
        if values.shape != (self.parameters,) or not np.isfinite(values).all():
            raise Problem("this net has {count} weights, all of them finite numbers", count=self.parameters)
        self.arrays["weights"][:] = values
        self._note("weights", None, values.tolist())

    def edit(self, place: int, value: float) -> None:
        """Change one weight or bias, by its place in `weights`."""
        if not 0 <= place < self.parameters or not math.isfinite(value):
            raise Problem("this net has {count} weights, all of them finite numbers", count=self.parameters)
        self.arrays["weights"][place] = value
        self._note("edit", place, float(value))

    def change(self, lr: float | None = None, penalty_rate: float | None = None) -> None:
        """Change the rates while it learns."""
        for place, (name, value) in enumerate((("lr", lr), ("penalty_rate", penalty_rate))):
            if value is not None:
                if not 0 <= value <= 1000:
                    raise Problem("{name}={value} is not possible; give a number from 0 to 1000",
                                  name=name, value=value)
                self.arrays["rates"][place] = value
                self._note("change", name, float(value))

    def _note(self, what: str, where, value) -> None:
        """Remember a change by hand, to do the same again: (batches learned before, what, where, value)."""
        done = int(self.arrays["counts"][BATCHES])
        self.changes = [c for c in self.changes if c[:3] != (done, what, where)] + [(done, what, where, value)]

    def replay(self, changes: Iterable[tuple], epochs: int) -> bool:
        """From the first weights, with the `changes` of another session at their places, to so many epochs."""
        self.rewind()
        for change in changes:
            match change:
                case (int(done), "weights", None, list(values)):
                    self.step(done - int(self.arrays["counts"][BATCHES]))
                    self.weights = values
                case (int(done), "edit", int(place), int(value) | float(value)):
                    self.step(done - int(self.arrays["counts"][BATCHES]))
                    self.edit(place, value)
                case (int(done), "change", "lr" | "penalty_rate" as name, int(value) | float(value)):
                    self.step(done - int(self.arrays["counts"][BATCHES]))
                    self.change(**{name: value})
                case _:
                    raise Problem("{change} is no change of a Playground", change=str(change)[:60])
        return self.epochs(epochs - self.epoch)

    @property
    def rates(self) -> tuple[float, float]:
        """The learning rate and the penalty's."""
        return tuple(self.arrays["rates"].tolist())

    def state(self) -> dict[str, np.ndarray]:
        """All that is needed to go on, in arrays of its own."""
        return {name: self.arrays[name].copy() for name in STATE}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave, here or in another session of the same Spec and data."""
        for name in STATE:
            if np.shape(state[name]) != self.arrays[name].shape:
                raise Problem("this state belongs to another net or to other points")
        for name in STATE:
            self.arrays[name][:] = state[name]

    # what it answers

    def losses(self) -> tuple[float, float]:
        """The mean loss on the points that are learned, and on the test points."""
        return self.scores("train")["loss"], self.scores("test")["loss"]

    def scores(self, side: str = "test") -> dict[str, float]:
        """On `train` or `test`: loss; error, ½(out − target)² on the scale −1 … 1 as Playground has it; accuracy (nan
        for numbers)."""
        x, t = (self._x, self._t) if side == "train" else (self._test_x, self._test_t)
        return self.judged(x, t)

    def judged(self, x: np.ndarray, t: np.ndarray) -> dict[str, float]:
        """The scores of features (features, N) and targets as the net is asked (outputs, N)."""
        z = self._neurons(x)[-len(t):]
        out = self._meant(z)
        if self.spec.loss == "softmax":
            error = 2 * (out - t) ** 2
            loss = -np.log(np.maximum((out * t).sum(0), 1e-300))
        else:
            error = 0.5 * (out - t) ** 2
            loss = error.sum(0) if self.spec.loss == "squared" else np.logaddexp(0, -t * z).sum(0)
        right = (out[0] >= 0) == (t[0] > 0) if len(t) == 1 else out.argmax(0) == t.argmax(0)
        return {"loss": float(loss.mean()), "error": float(error.mean()),
                "accuracy": float(right.mean()) if self.data.classes else math.nan}

    def answers(self, x: np.ndarray) -> np.ndarray:
        """What the outputs say at points (N, 2): (N, outputs), on the scale −1 … 1; probabilities under softmax."""
        return self._meant(self._neurons(featured(self.spec.features, np.asarray(x, np.float64)))[-self.widths[-1]:]).T

    def fields(self, side: int, span: float = 6.0) -> np.ndarray:
        """What every neuron says over the square [−span, span]²: float32 (neurons, side, side), top row first."""
        values = self._neurons(self._grid(side, span))
        values[-self.widths[-1]:] = self._meant(values[-self.widths[-1]:])
        return values.astype(np.float32).reshape(-1, side, side)

    def field_of(self, neuron: int, side: int, span: float = 6.0) -> np.ndarray:
        """The field of one neuron: float32 (side, side)."""
        return self.fields(side, span)[neuron]

    def _grid(self, side: int, span: float) -> np.ndarray:
        if (side, span) not in self._grids:
            if not 1 <= side <= 400:
                raise Problem("a field has 1 to 400 places on a side, {side} were asked", side=side)
            line = np.linspace(-span, span, side)
            x1, x2 = np.meshgrid(line, line[::-1])
            self._grids[side, span] = featured(self.spec.features, np.stack([x1.ravel(), x2.ravel()], 1))
        return self._grids[side, span]

    def _neurons(self, x: np.ndarray) -> np.ndarray:
        """(features, N) -> what all neurons say (neurons, N), outputs before they are given a meaning."""
        s, out = self.arrays, np.empty((self.units, x.shape[1]))
        a, slope = np.empty((self.units, ROOM)), np.empty((self.units, ROOM))
        work(                               # type: ignore[call-arg]
            self.widths, self._kinds, np.zeros(len(self.widths)), x, NOTHING, s["weights"], s["gradients"],
            s["moments"], s["squares"], s["dead"], np.arange(x.shape[1]), LOOKING, s["rates"], np.zeros(5, np.int64),
            self._key, 1, 2**62, a, slope, NOTHING, s["weights"], out)
        return out

    def _meant(self, z: np.ndarray) -> np.ndarray:
        """Outputs as they are shown: logistic ones as 2p − 1, softmax ones as p."""
        if self.spec.loss == "softmax":
            powers = np.exp(z - z.max(0))
            return powers / powers.sum(0)
        return np.tanh(z / 2) if self.spec.loss == "logistic" else z

    def asked(self, t: np.ndarray) -> np.ndarray:
        """Classes or numbers (N,) -> what the outputs should say (outputs, N)."""
        if not self.data.classes:
            return np.ascontiguousarray(t[None])
        if self.widths[-1] == 1:
            return np.ascontiguousarray(np.where(t > 0, 1.0, -1.0)[None])
        mine = np.arange(self.widths[-1])[:, None] == t
        return np.where(mine, 1.0, 0.0 if self.spec.loss == "softmax" else -1.0)


def run_all(sessions: Iterable[Session], epochs: int, threads: int = 1) -> list[bool]:
    """Let many sessions learn so many epochs each; false where one broke. Threads help: learning holds no lock."""
    if threads == 1:
        return [session.epochs(epochs) for session in sessions]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda session: session.epochs(epochs), sessions))
