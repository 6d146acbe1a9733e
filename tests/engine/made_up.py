"""Made-up systems that answer with boxes, masks and sentences."""
from dataclasses import dataclass

import torch
from torch import nn

from deepen.core.kinds import Boxes, Image, Mask, Text
from deepen.core.system import System
from deepen.engine import scenes


@dataclass
class Finder(System):
    """Finds one thing."""
    goal = (Image, Boxes)
    default_data = "shapes"
    score = "map50"
    tiny = dict()

    turns: int = 4      # steps

    def build(self, data):
        self.model = self.place(nn.Linear(1, 1))
        self.made = 0

    planned = property(lambda self: self.turns)

    def steps(self):
        while self.made < self.turns:
            self.made += 1
            yield {"loss": 1 / self.made}

    def evaluate(self, split="valid"):
        return {"loss": 1.0, **self.judged(split)}

    def judged(self, split):
        from deepen.nn import detection
        pairs = [(a, t) for x, y in self.data.batches(split) for a, t in zip(self.predict(x), y)]
        return detection.judged(*zip(*pairs), len(self.data.target.names))

    def predict(self, inputs):
        found = []
        for picture in inputs:
            there = (picture.float() - picture.float().flatten(1).median(1).values[:, None, None]).abs().amax(0) > 60
            ys, xs = there.nonzero().T if there.any() else (torch.tensor([0]), torch.tensor([0]))
            box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            found.append(torch.tensor([[*box, 1, .91], [*box, 0, .72], [2., 3, 20, 30, 2, .3]]).float())
        return found

    def exported(self, inputs):
        return Raw(), {"pictures": inputs}, ["boxes", "scores"]


class Raw(nn.Module):
    def forward(self, pictures):
        x = pictures.float().mean((1, 2, 3))
        return torch.stack([x, x, x + 1, x + 2], 1)[:, None], x[:, None, None] / 255


@dataclass
class Painter(Finder):
    """Paints what is not paper."""
    goal = (Image, Mask)
    default_data = "shape_masks"
    score = "miou"

    def judged(self, split):
        return scenes.measured(scenes.seen(self, split))

    def predict(self, inputs):
        there = (inputs.float() - inputs.float().flatten(2).median(2).values[:, :, None, None]).abs().amax(1) > 60
        return there.to(torch.uint8)

    exported = property()


@dataclass
class Teller(Finder):
    """Tells the same of all."""
    goal = (Image, Text)
    default_data = "shape_captions"
    score = "bleu1"

    def judged(self, split):
        return {"bleu1": 0.3}

    def predict(self, inputs):
        return ["a small red circle left of a large blue square" if x.float().mean() > 200 else "빨간 원" for x in inputs]

    def words(self, inputs):
        return [[(word, .9 - .1 * i) for i, word in enumerate(text.split())] for text in self.predict(inputs)]
