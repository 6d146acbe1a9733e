"""Faster R-CNN: one network proposes where something is and says what it is (Ren, He, Girshick, Sun 2015)."""
import math
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

from deepen.core.kinds import Boxes, Image
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Size, Times
from deepen.core.system import System
from deepen.nn import boxes, detection, optim
from deepen.nn.augment import Augment
from deepen.nn.average import Averaging, averaged, paused
from deepen.nn.pyramid import Backbone, BoxHead, BoxPredictor, RPNHead
from deepen.sources.weights import begin_from, located, read_weights, same_classes, told

RATIOS = (0.5, 1.0, 2.0)                        # height : width of anchors
BEFORE, AFTER = 256, 256                        # proposals of a map before, of a picture after suppression
WEIGHTS = (10, 10, 5, 5)                        # of the second deltas: their usual size becomes about 1
BETA = 1 / 9                                    # below it the loss of a delta is round


@dataclass
class FasterRCNN(System):
    """Finds things in pictures: a box, a class and how sure, for each."""
    goal = (Image, Boxes)
    default_data = "shapes"
    score = "map50"
    transient = ("change",)
    tiny = {"data": "shapes", "data.count": 100, "data.size": 32, "data.difficulty": 0.0,
            "net": "resnet18 width=8", "epochs": 7, "rois": 16, "lr": 0.003, "augment": ""}

    net: str = "resnet18 width=16"              # the residual net that looks: resnet18, resnet34, resnet50
    fpn: bool = True                            # a pyramid of maps (Lin 2017); false: one, as in the paper
    norm: Literal["batch", "group", "frozen"] = "batch"     # norms of the net; frozen: for given weights
    epochs: Times | None = None                 # times through the training data (none: 10,000 pictures)
    batch: Count = 8                            # pictures a step
    optimizer: optim.Name = "adamw"             # how weights follow gradients
    lr: Annotated[Rate, Live] = 0.001           # learning rate at its highest
    decay: Amount = 0.01                        # weight decay
    augment: str = "flip"                       # lines that change training pictures and their boxes
    anchors: Size | None = None                 # side of the smallest anchor (none: a 15th of the picture's)
    rois: Count = 64                            # proposals of a picture that the second stage learns from
    average: Averaging = "ema"                  # mean of weights: ema, the newest; swa, all of the end
    weights: str = ""                           # start from the weights of a run or a safetensors file
    least: Fraction = 0.05                      # answers must be surer than this
    overlap: Fraction = 0.5                     # of two answers of a class that overlap more, one goes
    most: Count = 100                           # answers in a picture

    def __post_init__(self):
        self.weights = located(self.weights)

    def build(self, data):
        net = Detector(data.inputs, len(data.target.names), self.net, self.fpn, self.norm,
                       self.anchors or max(1, round(min(data.inputs.shape[1:]) / 15)), self.rois)
        if self.weights and self.begins(data):
            taken = read_weights(self.weights, self.net.split()[0])
            self.said = told(self.weights, begin(net, taken, same_classes(self.weights, data)))
        self.model = self.place(net)
        self.rule = optim.make(self.optimizer, self.model, self.lr, self.decay)
        self.ema = averaged(self.average, self.model)
        self.change = Augment(self.augment)
        epochs = self.epochs or max(2.0, 10_000 / max(1, len(data.splits.get("train", ()))))
        self.stream = data.stream("train", self.batch, epochs)

    def steps(self):
        for x, truth in self.stream:                                # x uint8 (B, C, H, W), truth: B of (n, 6)
            now = paused(self.average, self.progress)
            optim.set_rate(self.rule, self.lr * optim.schedule("cosine", now, 0.05))
            x, truth = self.change(x, truth)
            parts: dict[str, torch.Tensor] = {}
            loss = self.descend(partial(self.loss, x, truth, parts), self.rule, clip=10.0)
            if self.ema is not None:
                self.ema.update(self.model, self.progress, x)
            yield {"loss": loss, **parts}

    def loss(self, x, truth, parts):
        parts.update(self.model(x, [rows.to(x.device) for rows in truth]))
        return sum(parts.values())                                  # the paper's equation 1, for both stages

    def evaluate(self, split="valid"):
        return detection.measured(self.predict, self.data.batches(split), len(self.data.target.names))

    def predict(self, inputs):
        """Pictures (B, C, H, W) -> B of (n, 6): left, top, right, bottom, class, how sure; best first."""
        return [boxes.suppress(where, sure, self.least, self.overlap, self.most)
                for part in inputs.split(32) for where, sure in zip(*self.network()(part), strict=True)]

    def exported(self, inputs):
        """What is written for others: pictures -> raw boxes and scores, for `boxes.suppress` to finish."""
        return Raw(self.network()), {"pictures": inputs}, ["boxes", "scores"]


class Detector(nn.Module):
    """Training: pictures, truths -> four losses. Judging: pictures (B, C, H, W) -> boxes (B, n, classes, 4)
    and scores (B, n, classes) of n proposals each; what only fills up has score 0."""
    heads = ("roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.bbox_pred")

    def __init__(self, kind, classes: int, net: str, fpn: bool, norm: str, side: float, rois: int):
        super().__init__()
        self.backbone = Backbone(net, kind, fpn, norm)
        self.sides = [[side * 2**k] for k in range(5)] if fpn else [[side * 4, side * 8, side * 16]]
        self.rpn, self.roi_heads = nn.Module(), nn.Module()                 # nothing but names
        self.rpn.head = RPNHead(self.backbone.channels, len(RATIOS) * len(self.sides[0]))
        hidden = 4 * self.backbone.channels
        self.roi_heads.box_head = BoxHead(49 * self.backbone.channels, hidden)
        self.roi_heads.box_predictor = BoxPredictor(hidden, classes + 1)    # 0 is the background
        self.side, self.rois, self.size = side, rois, tuple(kind.shape[1:])

    def forward(self, x, truth=None):
        maps = self.backbone(x)
        logits, deltas, anchors = self.look(maps)
        where, stays = self.propose(logits, deltas, anchors)
        if truth is None:
            return self.answer(maps, where, stays[..., None])
        there, shift = first_stage(torch.cat(logits, 1), torch.cat(deltas, 1), torch.cat(anchors), truth)
        where, image, kind, wanted = self.choose(where, stays, truth)
        z, d = self.second(maps, where, image)
        yes = (kind > 0).nonzero()[:, 0]
        what = F.cross_entropy(z, kind)
        close = F.smooth_l1_loss(d[yes, kind[yes]], wanted[yes], reduction="sum", beta=BETA)
        return {"there": there, "shift": shift, "what": what, "where": close / max(1, len(kind))}

    def look(self, maps):
        """Stage one on every map: logits (B, N), deltas (B, N, 4) and anchors (N, 4) of each."""
        logits, deltas = zip(*(self.rpn.head(m) for m in maps), strict=True)
        anchors = []
        for m, sides, stride in zip(maps, self.sides, self.strides(maps), strict=True):
            each = [boxes.anchors(side, RATIOS, (stride, stride), tuple(m.shape[2:]), m.device).view(-1, 3, 4)
                    for side in sides]
            anchors.append(torch.cat(each, 1).view(-1, 4))
        return logits, deltas, anchors

    def strides(self, maps):
        """Pixels from one place of each map to the next: whole, also where sides leave a rest."""
        first = 2 ** round(math.log2(max(self.size) / max(maps[0].shape[2:])))
        return [first * 2**k for k in range(len(maps))]

    @torch.no_grad()
    def propose(self, logits, deltas, anchors):
        """Boxes (B, n, 4) worth a second look, likeliest first, and which are no filling (B, n)."""
        found = []
        for z, b in self.likeliest(logits, deltas, anchors):
            stays = boxes.survivors((boxes.iou(b, b) > 0.7).triu(1)) & (b[..., 2:] - b[..., :2] >= 1).all(-1)
            found.append((z.masked_fill(~stays, -torch.inf), b))
        z, b = (torch.cat(part, 1) for part in zip(*found, strict=True))
        z, rows = z.topk(min(AFTER, z.shape[1]), 1)
        return b.gather(1, rows[..., None].expand(-1, -1, 4)), z > -torch.inf

    def likeliest(self, logits, deltas, anchors, in_order=True):
        """Of each map the best logits (B, n), best first or as they lie, and their boxes (B, n, 4), cut."""
        for z, d, a in zip(logits, deltas, anchors, strict=True):
            z, rows = z.topk(min(BEFORE, z.shape[1]), 1)
            rows = rows if in_order else rows.sort(1).values
            d = d.gather(1, rows[..., None].expand(-1, -1, 4))
            yield z, boxes.clip(boxes.decode(d, a[rows]), *self.size)

    def choose(self, proposals, stays, truth):
        """Boxes to learn from (N, 4), their pictures (N,), classes (N,), 0: none, wanted deltas (N, 4)."""
        chosen = []
        for i, (b, s, t) in enumerate(zip(proposals, stays, truth, strict=True)):
            b = torch.cat([b[s], t[t[:, 5] == 0, :4]])              # the truth itself is a proposal, too
            found = boxes.assigned(b, t, 0.5, 0.5)
            yes, no = boxes.sampled(found, self.rois, 0.25)
            kind = torch.cat([t[found[yes], 4].long() + 1, torch.zeros_like(no)])
            wanted = torch.cat([t[found[yes], :4], b[no]])
            b = b[torch.cat([yes, no])]
            chosen.append((b, torch.full_like(kind, i), kind, boxes.encode(wanted, b, WEIGHTS)))
        return [torch.cat(part) for part in zip(*chosen, strict=True)]

    def second(self, maps, where, image):
        """Stage two of boxes (N, 4) in pictures (N,): logits (N, classes + 1), deltas (N, classes + 1, 4)."""
        maps = maps[:4]                                                     # the coarsest only proposes
        level = (boxes.area(where).clamp_min(1e-6).sqrt() / (1.75 * self.side)).log2().floor()
        level = level.clamp(0, len(maps) - 1).long()                        # Lin et al., equation 1
        seen = boxes.roi_align(maps, where, image, [1 / stride for stride in self.strides(maps)], level=level)
        return self.roi_heads.box_predictor(self.roi_heads.box_head(seen))

    def answer(self, maps, where, counts):
        """Boxes (B, n, classes, 4) and scores (B, n, classes), times `counts`, of proposals (B, n, 4)."""
        image = (torch.ones_like(where[..., 0]).cumsum(0) - 1).long().flatten()         # 0, 0, …, 1, 1, …
        z, d = self.second(maps, where.flatten(0, 1), image)
        found = boxes.decode(d[:, 1:], where.reshape(-1, 1, 4), WEIGHTS).unflatten(0, where.shape[:2])
        return boxes.clip(found, *self.size), z.softmax(1)[:, 1:].unflatten(0, where.shape[:2]) * counts


class Raw(nn.Module):
    """A detector without the suppression between its stages, which is a loop; the last does its work, too.
    No order hangs on two numbers that are nearly equal, so that others compute the same."""

    def __init__(self, net: Detector):
        super().__init__()
        self.net = net

    def forward(self, pictures):
        maps = self.net.backbone(pictures)
        where = torch.cat([b for _, b in self.net.likeliest(*self.net.look(maps), in_order=False)], 1)
        return self.net.answer(maps, where, 1.0)


def first_stage(logits, deltas, anchors, truth):
    """The two losses of the proposer over 256 anchors a picture, at most half of them things (3.1.3)."""
    there, shift, count = 0.0, 0.0, 0
    for z, d, t in zip(logits, deltas, truth, strict=True):
        found = boxes.assigned(anchors, t, 0.3, 0.7, least=True)
        yes, no = boxes.sampled(found, 256, 0.5)
        there = there + F.softplus(-z[yes]).sum() + F.softplus(z[no]).sum()
        wanted = boxes.encode(t[found[yes], :4], anchors[yes])
        shift = shift + F.smooth_l1_loss(d[yes], wanted, reduction="sum", beta=BETA)
        count += len(yes) + len(no)
    return there / max(1, count), shift / max(1, count)


def begin(net: Detector, weights, same: bool = True) -> list[str]:
    """Begin from a detector's weights, torchvision's too (`same`: of these classes), or from a net that only
    classifies; the names that begin fresh."""
    body = net.backbone.body
    if "backbone.body.conv1.weight" not in weights:
        begin_from(body, weights, False)
        return [name for name in net.state_dict() if not name.startswith("backbone.body.")]
    scaling = zip(("mean", "std"), body.published, strict=True)             # torchvision keeps it elsewhere
    known = {f"backbone.body.scale.{name}": torch.tensor(values)[:, None, None] for name, values in scaling}
    return begin_from(net, {**known, **weights}, same)
