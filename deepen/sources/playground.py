"""Playground's points, number for number: the same seed gives the same points as in TensorFlow Playground."""
from typing import Annotated, Literal

import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Label, Number, Vector
from deepen.core.recipe import _field
from deepen.core.words import Problem, say
from deepen.nn import playground_data
from deepen.nn.playground_data import LABELS

Noise = Annotated[float, _field(ge=0, le=1, allow_inf_nan=False)]
Share = Annotated[float, _field(ge=0.01, le=0.99, allow_inf_nan=False)]
Points = Annotated[int, _field(ge=0, le=5000)]
Classes = Annotated[int, _field(ge=0, le=6)]
Set = Literal["circle", "xor", "gauss", "spiral", "plane", "cones", "moons", "checker", "rings", "blobs", "four", "own"]


def points(set: Set = "circle",             # which points; own: those in `rows`
           count: Points = 0,               # points in all (0: 500, 1200 where the target is a number)
           noise: Noise = 0.0,              # strength of the noise: Playground's slider / 100
           share: Share = 0.5,              # of the points is learned from, the others validate
           classes: Classes = 2,            # of rings, blobs and own (0: own numbers)
           seed: str = "0.5",               # of Playground's random stream
           rows: str = "") -> Data:         # own points: x1:x2:class,x1:x2:class,…
    """Points of the plane as TensorFlow Playground draws, shuffles and parts them, in float64."""
    drawn = playground_data.points(set, count, noise, share, seed, classes, read(rows))
    kind = Label(LABELS[:drawn.classes]) if drawn.classes else Number("height")
    splits = {name: Examples(torch.from_numpy(x), torch.from_numpy(t).long() if drawn.classes else torch.from_numpy(t))
              for name, x, t in (("train", drawn.x, drawn.t), ("valid", drawn.test_x, drawn.test_t))}
    told = f"count={count}, noise={noise:g}, share={share:g}, classes={classes}, seed={seed}"
    return Data(splits, Vector(2, ("x1", "x2")), kind, origin=f"points(set={set}, {told})",
                said=(say("Playground's test points are the validation set here: they are looked at all the time"),))


def read(rows: str) -> list[tuple[float, float, float]]:
    """`1:2.5:0,-3:1:1` -> [(1, 2.5, 0), (-3, 1, 1)]."""
    try:
        table = [tuple(float(part) for part in row.split(":")) for row in rows.split(",") if row.strip()]
    except ValueError:
        table = [()]
    if any(len(row) != 3 for row in table):
        raise Problem("the points of rows={rows} cannot be read; write x1:x2:class,x1:x2:class,…", rows=rows[:60])
    return [(x, y, t) for x, y, t in table]         # type: ignore[misc]
