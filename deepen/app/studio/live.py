"""A session as it is shown: what it is told, when it learns, what is drawn of it and what is kept. No torch, no network."""
import time
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from deepen.app.studio import frame
from deepen.app.studio.wire import Out, packed, unpacked
from deepen.core.words import Problem
from deepen.nn.playground import PRESETS, Session, Spec

FULL, SMALL = 100, 50               # places on a side of a field, alone and in a class
KEPT = 1.0                          # seconds between two states kept by the server; in a crowd, a second for every ten
CURVE = 4000                        # points of a curve that are kept; then every other one goes


class Live:
    """A session and how it is shown."""

    def __init__(self, number: int, out: Out):
        self.number, self.out = number, out
        self.session: Session | None = None
        self.playing, self.speed, self.rate = False, 60.0, 1e-3        # epochs a second wanted (0: all there is); seconds an epoch
        self.owed, self.last, self.drawn, self.stored = 0.0, time.monotonic(), 0.0, 0.0
        self.frames = self.seen = self.revision = 0
        self.pace, self.dirty, self.hover = (0.0, 0), True, -1
        self.curve: list[tuple[int, float, float]] = []
        self.stops: dict[str, float] = {}
        self.base = 0                                           # epochs the weights had learned when they came here
        self.good: dict[str, np.ndarray] | None = None
        self.judged: tuple[dict[str, float], dict[str, float]] | None = None      # scores on train and test, as it stands

    # orders

    def open(self, spec: dict | None = None, state: dict | None = None, weights: list | None = None, link: str | None = None,
             curve: list | str | None = None, changes: list | None = None, base: int = 0, **_) -> None:
        """A new net: from a spec, or a link; going on from a kept state, or from bare weights that had learned `base` epochs."""
        asked = Spec.from_link(link) if link else Spec.from_dict(spec or {})
        session = Session(asked)
        if state:
            session.restore({name: unpacked(text) for name, text in state.items()})
            session.changes = [tuple(one) for one in changes or []]
        elif weights:
            session.weights = weights
        self.session, self.playing, self.revision = session, False, self.revision + 1
        self.base, self.stored = max(0, min(int(base), 10**9)), 0.0
        points = unpacked(curve).tolist() if isinstance(curve, str) else curve or []
        self.curve = [(int(n), train, test) for n, train, test in points][-CURVE:]
        self.stops, self.good, self.dirty, self.judged = {}, None, True, None
        data = session.data
        self.tell("opened", **self.asked(), revision=self.revision, widths=session.widths.tolist(), start=session.start,
                 parameters=session.parameters, classes=data.classes, curve=self.curve, presets=PRESETS,
                 points={"x": np.round(data.x, 4).tolist(), "t": np.round(data.t, 5).tolist(),
                         "test_x": np.round(data.test_x, 4).tolist(), "test_t": np.round(data.test_t, 5).tolist()})
        if not self.curve:
            self.note()

    def play(self, **_) -> None:
        self.playing, self.last, self.owed = True, time.monotonic(), 0.0
        self.pace = (time.monotonic(), self.epoch)

    def pause(self, **_) -> None:
        self.playing, self.dirty = False, True
        self.keep()

    def step(self, batch: bool = False, **_) -> None:
        self.playing = False
        self.learn(1, batch)

    def rewind(self, **_) -> None:
        self._session.rewind()
        self.playing, self.curve, self.dirty, self.base = False, [], True, 0
        self.note()
        self.tell("asked", **self.asked())
        self.keep()

    def edit(self, place: int, value: float, **_) -> None:
        self._session.edit(int(place), float(value))
        self.dirty, self.judged = True, None

    def change(self, lr=None, penalty_rate=None, **_) -> None:
        self._session.change(None if lr is None else float(lr), None if penalty_rate is None else float(penalty_rate))
        self.tell("asked", **self.asked())

    def look(self, view: dict, **_) -> None:
        """What is shown and hidden; nothing is learned anew."""
        self._session.spec = replace(self._session.spec, view={str(key): str(value) for key, value in view.items()})
        self.tell("asked", **self.asked())

    def set(self, speed=None, hover=None, stops=None, **_) -> None:
        if speed is not None:
            self.speed = max(0.0, min(1000.0, float(speed)))
        if hover is not None:
            self.hover, self.dirty = int(hover), True
        if stops is not None:
            self.stops = {key: float(value) for key, value in stops.items() if key in ("epochs", "loss", "error", "patience")}

    def ack(self, n: int = 0, **_) -> None:
        self.seen = max(self.seen, int(n))

    def show(self, **_) -> None:
        """Somebody came (back): the newest picture, whatever is on the way."""
        self.seen, self.dirty = self.frames, True
        if self.session is not None:
            self.tell("curve", curve=self.curve)

    def back(self, **_) -> None:
        """To the last weights before it broke."""
        if self.good is not None:
            self._session.restore(self.good)
            self.dirty, self.judged = True, None

    def export(self, **_) -> None:
        """What stands on the screen as a command, TOML, a Python script and a link."""
        from deepen.nn import playground_export as ways
        spec, epochs, changes = self._session.spec, self._session.epoch, self._session.changes
        try:
            command = ways.command(spec, epochs, changes)
        except Problem as problem:
            command = f"# {problem}"
        self.tell("export", command=command, toml=ways.to_toml(spec, epochs, changes), python=ways.script(spec, epochs, changes),
                 link=self.asked()["link"], epoch=epochs)

    def rival(self, kind: str = "tree", **_) -> None:
        """What a classical learner makes of the same points: {field, train, test}."""
        from deepen.app.studio.rival import field
        self.tell("rival", **field(kind, self._session.data))

    def asked(self) -> dict[str, Any]:
        """The spec with the rates as they are now, as plain values and as a link; and as it began."""
        session = self._session
        lr, penalty_rate = session.rates
        now = replace(session.spec, lr=lr, penalty_rate=penalty_rate)
        return {"spec": now.to_dict(), "link": now.to_link(), "began": session.spec.to_dict()}

    # learning

    @property
    def _session(self) -> Session:
        if self.session is None:
            raise Problem("there is no net yet")
        return self.session

    @property
    def epoch(self) -> int:
        return self.base + self._session.epoch

    def learn(self, epochs: int, batch: bool = False) -> None:
        session, before = self._session, self._session.state()
        began = time.thread_time()
        good = session.step() if batch else session.epochs(epochs)
        if not batch and good:
            self.rate = 0.8 * self.rate + 0.2 * (time.thread_time() - began) / epochs
        self.dirty, self.judged = True, None
        if not good:
            self.good, self.playing = before, False
            self.tell("broken", epoch=self.epoch)
        self.note()
        self.judge()

    def need(self, now: float) -> float:
        """Seconds that what is due will take; without end for one that goes as fast as it can."""
        return (self.owed + (now - self.last) * self.speed) * self.rate if self.speed else float("inf")

    def turn(self, now: float, slice: float) -> None:
        """Learn what is due, at most for `slice` seconds."""
        if self.speed:
            self.owed = min(self.owed + (now - self.last) * self.speed, max(2.0, self.speed))
            count = int(min(self.owed, max(1, slice / self.rate)))
        else:
            count = int(max(1, min(5000, slice / self.rate)))
        self.last = now
        if "epochs" in self.stops and self.epoch < self.stops["epochs"]:
            count = min(count, int(self.stops["epochs"]) - self.epoch)
        if count:
            self.owed = max(0.0, self.owed - count)
            self.learn(count)

    def note(self) -> None:
        """One point of the curve."""
        self.judged = self._session.scores("train"), self._session.scores("test")
        train, test = (scores["loss"] for scores in self.judged)
        if self.curve and self.curve[-1][0] >= self.epoch:
            self.curve.pop()
        self.curve.append((self.epoch, train, test))
        if len(self.curve) > CURVE:
            self.curve = self.curve[::2]

    def judge(self) -> None:
        epoch, train, test = self.curve[-1]
        if not self.playing:
            return
        error = self.judged[1]["error"] if self.judged else float("inf")        # Playground's own loss, whatever is learned
        reached = [name for name, most in self.stops.items() if (
            epoch >= most if name == "epochs" else test <= most if name == "loss" else error <= most if name == "error"
            else self._stale(most))]
        if reached:
            self.playing = False
            self.tell("stopped", why=reached[0], epoch=epoch, train=train, test=error if reached[0] == "error" else test)
            self.keep()

    def _stale(self, patience: float) -> bool:
        best = min(self.curve, key=lambda one: one[2])
        return self.curve[-1][0] - best[0] >= patience

    # telling

    def draw(self, now: float, small: bool) -> None:
        """A frame; `small` fields in a crowd, but not of the neuron one points at."""
        session = self._session
        side = SMALL if small and self.hover < 0 else FULL
        fields = session.fields(side)
        outputs = int(session.widths[-1])
        shown = fields[:-outputs] if outputs > 1 else fields
        means = _means(side)
        pooled = means @ (shown @ means.T)
        if not 0 <= self.hover < len(shown):
            picture = [frame.classes(_shares(fields[-outputs:], session)) if outputs > 1 else frame.field(fields[-1])]
        else:
            picture = [frame.field(shown[self.hover], max(1.0, float(np.abs(shown[self.hover]).max())))]
        if self.judged is None:
            self.judged = session.scores("train"), session.scores("test")
        train, test = self.judged
        begun, first = self.pace
        pace = (self.epoch - first) / (now - begun) if self.playing and now > begun else 0.0
        if now - begun > 1:
            self.pace = (now, self.epoch)
        flags = (0 if self.playing else frame.PAUSED) | (frame.BROKEN if session.broken else 0)
        self.frames += 1
        self.out.frame(self.number, frame.frame(self.frames, self.epoch, 0, self.revision, flags, [
            *picture, frame.thumbs(pooled), frame.weights(session.weights),
            frame.scalars([train["loss"], test["loss"], train["accuracy"], test["accuracy"], pace, train["error"], test["error"]])]))
        self.drawn, self.dirty = now, False

    def due(self, others: int) -> bool:
        """Is it time to keep what was learned?"""
        return self.session is not None and time.monotonic() - self.stored > KEPT * max(1.0, others / 10)

    def keep(self) -> None:
        """The server keeps this, should this process die."""
        self.stored = time.monotonic()
        if self.session is not None:
            self.tell("kept", state={name: packed(array) for name, array in self.session.state().items()}, epoch=self.epoch, base=self.base,
                     curve=packed(np.array(self.curve).reshape(-1, 3)), changes=self.session.changes, playing=self.playing)

    def tell(self, what: str, **facts: Any) -> None:
        self.out.json(self.number, {"t": what, **facts})


@cache
def _means(side: int) -> np.ndarray:
    """(places, side): times a field, the means of its rows by fives; 20 places of 100, 10 of 50."""
    return np.kron(np.eye(side // 5, dtype=np.float32), np.full((1, 5), 0.2, np.float32))


def _shares(fields: np.ndarray, session: Session) -> np.ndarray:
    return fields if session.spec.loss == "softmax" else (fields + 1) / 2
