"""R-CNN: a network looks at every region of a picture by itself (Girshick, Donahue, Darrell and Malik 2014).

In the paper's order: regions that may hold something, a CNN fine-tuned to tell them apart, for each class a
support vector machine on what it sees, and a linear regression that draws the boxes in. Slow, for nothing is
shared between regions.
"""
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from deepen.core.data import Stream
from deepen.core.kinds import Boxes, Image
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Size, Times, _field
from deepen.core.system import System
from deepen.core.words import Problem
from deepen.nn import boxes, detection, losses, optim
from deepen.nn.augment import Augment
from deepen.nn.looker import DONE, DRAWING, MARGINS, REGIONS, TUNING, Looker, Told, warped
from deepen.nn.regions import regions
from deepen.nn.svm import Ridge, svm

Rim = Annotated[int, _field(ge=0, le=1024)]
EACH = 8                                        # pictures a yield while regions are found
LIMITS = torch.tensor([1.0, 1e6])               # roots of areas of regions, where nothing is known
REMEMBERED = 10_000                             # pictures whose regions are kept while it runs
LENGTH = 20.0                                   # of what the CNN sees of a region, on average (the paper's)


@dataclass
class RCNN(System):
    """Finds things in pictures in four stages: regions, a CNN for each, vector machines, boxes drawn in."""
    goal = (Image, Boxes)
    default_data = "shapes"
    score = "map50"
    transient = ("looked", "change")
    tiny = {"data": "shapes", "data.count": 50, "data.size": 48, "data.difficulty": 0.0, "epochs": 20,
            "net": "glance width=0.5", "side": 16, "around": 2}

    net: str = "glance"                         # the CNN that looks at a region: a name, or lines of a Design
    side: Size = 40                             # pixels a side that every region is warped to
    around: Rim = 4                             # of them how many show what is round the region
    regions: Count = 300                        # regions of a picture
    epochs: Times | None = None                 # times that fine-tuning sees the pictures (none: 6,000 all)
    batch: Count = 8                            # pictures a step that regions are drawn from
    crops: Count = 128                          # regions a step: a quarter holds a thing
    optimizer: optim.Name = "adamw"             # how weights follow gradients
    lr: Annotated[Rate, Live] = 0.002           # learning rate at its highest
    decay: Amount = 0.01                        # weight decay
    augment: str = "flip"                       # lines that change the regions that fine-tuning sees
    margin: Amount = 0.001                      # what a miss costs the vector machine (its C)
    ridge: Amount = 1000.0                      # how small the regression's weights are kept (its λ)
    least: Fraction = 0.05                      # answers must be surer than this
    overlap: Fraction = 0.3                     # of two answers of a class that overlap more, one goes
    most: Count = 100                           # answers in a picture

    def build(self, data):
        if 2 * self.around >= self.side:
            raise Problem("around={around} leaves nothing of regions of side={side}",
                          around=self.around, side=self.side)
        square = Image(data.inputs.channels, self.side, self.side)
        self.model = self.place(Looker(self.net, square, len(data.target.names)))
        self.rule = optim.make(self.optimizer, self.model, self.lr, self.decay)
        self.change = Augment(self.augment)
        pictures = len(data.splits.get("train", ()))
        epochs = self.epochs or max(1.0, 6000 / max(1, pictures))
        self.stream = Stream(Rows(pictures), self.batch, epochs, torch.initial_seed())
        self.at = 0                                                         # pictures done in this stage
        self.found = torch.zeros(pictures, self.regions, 4, device=self.device)     # the rest is 0
        self.hard = {str(k): torch.zeros(0) for k in range(len(data.target.names))}
        self.drawn = [Ridge(self.model.seen, 4, self.device) for _ in data.target.names]
        self.looked: dict[int, torch.Tensor] = {}

    @property
    def planned(self):
        pictures = len(self.found)
        return math.ceil(pictures / EACH) + len(self.stream) + 2 * pictures

    def steps(self):
        train = self.data.split("train")
        while self.model.stage == REGIONS:                                  # section 2.1
            rows = torch.arange(self.at, min(self.at + EACH, len(train)))
            if not self.at:
                self.model.sizes.copy_(sizes(train))
            x, truth = train[rows]
            for row, picture in zip(rows, x, strict=True):
                mine = regions(picture.cpu(), self.regions, self.model.sizes.tolist()).to(self.device)
                self.found[row, :len(mine)] = mine
            self.go_on(rows, len(train), TUNING)
            yield self.counted(rows, truth)

        while self.model.stage == TUNING:                                   # section 2.3, fine-tuning
            for rows, _ in self.stream:
                optim.set_rate(self.rule, self.lr * optim.schedule("cosine", self.tuned(), 0.05))
                said, kind = self.drawn_by_lot(*train[rows], self.found[rows])
                yield {"loss": self.descend(losses.cross_entropy(said, kind), self.rule)}
            self.model.stage.fill_(MARGINS)

        while self.model.stage == MARGINS:                                  # section 2.3, classifiers
            rows = torch.arange(self.at, self.at + 1)
            told = self.mine(*(part[0] for part in train[rows]), self.found[self.at])
            self.go_on(rows, len(train), DRAWING)
            yield told

        while self.model.stage == DRAWING:                                  # appendix C
            rows = torch.arange(self.at, self.at + 1)
            close = self.regress(*(part[0] for part in train[rows]), self.found[self.at])
            self.go_on(rows, len(train), DONE)
            yield {"close": close}

    def go_on(self, rows, end, stage):
        self.at = int(rows[-1]) + 1
        if self.at >= end:
            if stage == DONE:
                self.model.draw.copy_(torch.stack([one.solve(self.ridge) for one in self.drawn]))
            self.model.stage.fill_(stage)
            self.at = 0

    def tuned(self):
        return min(1.0, self.stream.consumed / max(1, self.stream.total))

    def counted(self, rows, truth):
        """How many regions a picture has, and the share of things that lie under one by half."""
        hits = [boxes.iou(t[:, :4].to(self.device), b).amax(1) >= 0.5
                for b, t in zip(self.found[rows], truth, strict=True) if len(t)]
        many = (self.found[rows].amax(2) > 0).sum(1).float().mean()
        return {"regions": many, **({"recall": torch.cat(hits).float().mean()} if hits else {})}

    def drawn_by_lot(self, x, truth, found):
        """What the CNN says of regions of several pictures, a quarter of them things, and what they are."""
        where, image, kind = [], [], []
        for i, (b, t) in enumerate(zip(found, truth, strict=True)):
            t = t.to(self.device)
            b = torch.cat([b[b.amax(1) > 0], t[t[:, 5] == 0, :4]])
            of = boxes.assigned(b, t, 0.5, 0.5)
            where.append(b[of != boxes.IGNORED])
            of = of[of != boxes.IGNORED]
            kind.append(torch.where(of >= 0, t[of.clamp_min(0), 4].long() + 1 if len(t) else 0, 0))
            image.append(torch.full_like(of, i))
        where, image, kind = torch.cat(where), torch.cat(image), torch.cat(kind)
        yes, no = boxes.sampled(torch.where(kind > 0, 0, boxes.BACKGROUND), self.crops, 0.25)
        rows = torch.cat([yes, no])
        crops, kind = self.change(warped(x, where[rows], image[rows], self.side, self.around), kind[rows])
        return self.model(crops), kind

    def sight(self, x, where):
        """What the CNN sees in regions (n, 4) of one picture (C, H, W), scaled: (n, seen)."""
        net, training = self.network(), self.network().training
        net.eval()
        with torch.no_grad():                                               # of 10,000 things not all at once
            seen = torch.cat([net.look(warped(x[None], w, w.new_zeros(len(w)).long(), self.side, self.around))
                              for w in where.split(512)])
        net.train(training)
        return seen

    def mine(self, x, t, found):
        """One picture more for the vector machines: its things, and the regions that they take for things."""
        t = t.to(self.device)
        t = t[t[:, 5] == 0]
        b = found[found.amax(1) > 0]
        seen = self.sight(x, torch.cat([t[:, :4], b]))
        if self.model.scale == 1 and len(seen):                             # not measured yet
            self.model.scale.copy_(LENGTH / seen.norm(dim=1).mean().clamp_min(1e-6))
            seen = seen * self.model.scale
        things, rest = seen[:len(t)], seen[len(t):]
        margins, count = self.model.margins(rest), 0
        for k, kept in self.hard.items():
            mine = t[:, 4] == int(k)
            far = (boxes.iou(b, t[mine, :4]) < 0.3).all(1)
            missed = rest[far & (margins[:, int(k)] > -1)]                  # at first all: the planes are 0
            count += len(missed)
            new = torch.cat([torch.cat([things[mine], torch.ones_like(things[mine, :1])], 1),
                             torch.cat([missed, torch.zeros_like(missed[:, :1])], 1)])
            self.hard[k] = torch.cat([kept.to(new).view(-1, new.shape[1]), new])
            if (self.at + 1) & self.at == 0 or self.at == len(self.found) - 1:    # after 1, 2, 4 … pictures
                self.part(k)
        return {"hard": torch.tensor(float(count))}

    def part(self, k):
        """Learn a class's plane again, and let go of the regions that it is sure of."""
        rows = self.hard[k]
        if 0 < (told := rows[:, -1] > 0.5).sum() < len(rows):
            plane = svm(rows[:, :-1], told, self.margin, self.model.planes[int(k)])
            self.model.planes[int(k)].copy_(plane)
            self.hard[k] = rows[told | (self.model.margins(rows[:, :-1])[:, int(k)] > -1.2)]

    def regress(self, x, t, found):
        """One picture more for the regressions: regions that fit a thing by 0.6 and more, how far off."""
        t = t.to(self.device)
        b = found[found.amax(1) > 0]
        of = boxes.assigned(b, t, 0.6, 0.6)
        b, of = b[of >= 0], of[of >= 0]
        if len(b):
            seen = self.sight(x, b)
            wanted = boxes.encode(t[of, :4], b)
            for k, ridge in enumerate(self.drawn):
                ridge.add(seen[t[of, 4] == k], wanted[t[of, 4] == k])
        return torch.tensor(float(len(b)))

    def evaluate(self, split="valid"):
        return detection.measured(self.predict, self.data.batches(split), len(self.data.target.names))

    def predict(self, inputs):
        """Pictures (B, C, H, W) -> B of (n, 6): left, top, right, bottom, class, how sure; best first."""
        return [self.answer(x) for x in inputs]

    def answer(self, x):
        net, b = self.network(), self.proposed(x)
        where, sure = net.told(self.sight(x, b), b)
        return boxes.suppress(boxes.clip(where, *x.shape[1:]), sure, self.least, self.overlap, self.most)

    def proposed(self, x):
        """Regions (n, 4) of a picture; it is judged again and again, so they are remembered."""
        limits = self.network().sizes.tolist()
        key = hash((x.cpu().numpy().tobytes(), *limits))
        if key not in self.looked:
            if len(self.looked) >= REMEMBERED:                              # a server sees ever new ones
                self.looked.clear()
            self.looked[key] = regions(x.cpu(), self.regions, limits).to(x.device)
        return self.looked[key]

    def exported(self, inputs):
        """The network that looks at regions already cut out, told where: raw boxes and scores of each."""
        b = self.proposed(inputs[0])
        image = torch.zeros(len(b), dtype=torch.long, device=b.device)
        crops = warped(inputs[:1], b, image, self.side, self.around)
        return Told(self.network()), {"regions": crops, "where": b}, ["boxes", "scores"]


class Rows(Sequence):
    """Numbers of pictures, dealt like pictures."""

    def __init__(self, count: int):
        self.size = count

    def __len__(self):
        return self.size

    def __getitem__(self, rows):
        return rows, None


def sizes(train) -> torch.Tensor:
    """Smallest and largest root of an area that things have (2,), with some room: others are no regions."""
    target = [t for at in range(0, len(train), 256) for t in train[torch.arange(len(train))[at:at + 256]][1]]
    side = boxes.area(torch.cat(target)[:, :4]).sqrt()
    return side.quantile(side.new_tensor([0.01, 0.99])) * side.new_tensor([0.8, 1.2]) if len(side) else LIMITS
