"""Style transfer: paint one picture in the style of another (Gatys, Ecker and Bethge 2016)."""
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import torch
from torch import Tensor

from deepen.core.kinds import Image
from deepen.core.recipe import Amount, Count, Rate, _field
from deepen.core.system import System
from deepen.core.things import Panel
from deepen.core.words import Problem, say
from deepen.nn import canvas as canvases
from deepen.nn import optim
from deepen.nn import style as styles
from deepen.sources.weights import located, network_of

LEAST = 32                      # pixels of the shorter side at the coarsest size
AT_ONCE = 10                    # pictures that L-BFGS tries a step


@dataclass
class Style(System):
    """Paints one picture in the style of another."""
    goal = (Image, Image)
    default_data = "pair"
    score = "gram"
    precision = "fp32"                          # L-BFGS compares losses that differ in the sixth digit
    transient = ("looks", "parts")              # made again of the two pictures
    tiny = {"data": "pair", "data.size": 128, "turns": 40, "scales": 2}

    begin: Literal["content", "noise"] = "content"      # what is on the canvas at first (the paper: noise)
    weights: str = "patches"                    # eyes: patches, random, imagenet, a run, a safetensors file
    net: str = "vgg19"                          # network of imagenet's weights, and of a file's
    pool: Literal["mean", "max"] = "mean"       # how a network's eyes halve what they see
    style: Amount = 1.0                         # weight of the Gram matrices (the paper's β)
    content: Amount = 0.05                      # weight of the content (the paper's α)
    smooth: Amount = 0.0                        # weight of differences between neighbours (total variation)
    colours: Literal["style", "content", "matched"] = "style"   # whose; matched: moved to the content's
    scales: Annotated[int, _field(ge=1, le=6)] = 3      # sizes one after another, from coarse to fine
    turns: Count = 100                          # pictures tried at each size
    rule: Literal["lbfgs", "adam"] = "lbfgs"    # how the pixels follow their gradient
    lr: Rate = 0.02                             # of Adam, for pixels of 0…1

    def __post_init__(self):
        self.weights = self.weights if self.weights in styles.OWN else located(self.weights)

    def build(self, data):
        high, wide = data.inputs.shape[1:]
        halvings = min(self.scales - 1, max(0, int(math.log2(min(high, wide) / LEAST))))
        self.sizes = [(-(-high // 2**k), -(-wide // 2**k)) for k in range(halvings, -1, -1)]
        self.canvases = [self.place(canvases.Canvas(*size, film=size == (high, wide))) for size in self.sizes]
        self.rules = [self.rule_of(canvas) for canvas in self.canvases]
        self.stage, self.turn = 0, 0
        self.looks: dict[int, styles.Look] = {}
        self.parts: dict[str, Tensor] = {}
        if self.colours == "content" and "train" in data.splits:
            self.canvases[-1].colours.copy_(self.pictures()[0])
        if self.begins(data):
            self.said = [styles.told(self.weights)]

    def rule_of(self, canvas):
        rule = optim.make(self.rule, canvas, 1.0 if self.rule == "lbfgs" else self.lr)
        if self.rule == "lbfgs":        # a pixel's slope is 10⁻⁶ of a loss: the usual limits stop too early
            rule.param_groups[0].update(tolerance_grad=0, tolerance_change=0, max_eval=AT_ONCE)
        return rule

    def steps(self):
        while self.stage < len(self.canvases):                              # coarse to fine
            canvas, rule, look = self.canvases[self.stage], self.rules[self.stage], self.look(self.stage)
            if self.turn == 0:
                self.start(canvas)
            while self.turn < self.turns_each:
                if self.rule == "adam":                                     # calm in the second half
                    optim.set_rate(rule, self.lr * min(1.0, 2 - 2 * self.turn / self.turns_each))
                loss = self.descend(partial(self.loss, canvas.picture, look), rule)
                self.turn += 1
                self.hand_up(canvas)
                yield {"loss": loss, **self.parts}
            self.stage, self.turn = self.stage + 1, 0

    def loss(self, picture, look):
        """β · style + α · content + total variation (eq. 7)."""
        seen, shapes = look.eyes(picture)
        style, content = look.far(seen).mean(), styles.displaced(shapes, look.shapes)
        rough = styles.total_variation(picture)
        self.parts = {"style": style.detach(), "content": content.detach(), "rough": rough.detach()}
        return self.style * style + self.content * content + self.smooth * rough

    def evaluate(self, split="valid"):
        if split == "test":
            raise Problem("style painted one picture and is judged by the two that it is made of, so other "
                          "data says nothing about it; leave --data out")
        look, picture = self.look(len(self.sizes) - 1), self.canvases[-1].picture
        loss = self.loss(picture, look)
        seen, shapes = look.eyes(picture)
        alike = styles.alike(shapes, look.shapes)
        return {"loss": loss, "gram": look.far(seen).sum() / look.noise, "content": 1 - alike}

    def predict(self, inputs):
        """The painted picture, the same for each of the inputs: (B, 3, H, W), 0…1."""
        return self.network()().expand(len(inputs), -1, -1, -1)

    def sample(self, count: int, seed: int = 0):
        """The painted picture, uint8 (1, 3, H, W): there is one, whatever the count."""
        return canvases.stored(self.network()())

    def unfolds(self, count: int, seed: int = 0) -> Iterator[Tensor]:
        """How it came to be, as it was kept while it was painted: uint8 (1, 3, h, w) each."""
        canvas = self.network()
        yield from canvas.frames[: int(canvas.filled)].split(1)

    def panels(self):
        """Content, style and what was painted; the film; what each layer still sees of a difference."""
        what, how = map(canvases.stored, self.pictures())
        made, look = self.sample(1), self.look(len(self.sizes) - 1)
        far = look.far(look.eyes(self.canvases[-1].picture.detach())[0]).tolist()
        told = ", ".join(f"{name} {one:.2g}" for name, one in zip(look.eyes.layers, far, strict=True))
        yield Panel(say("What was painted, how, and the two it is made of"),
                    say("Painted, content, style. {eyes}. How far the Gram matrices are from the style's, "
                        "layer by layer (1: as far as nothing at all): {parts}.",
                        eyes=styles.told(self.weights), parts=told),
                    torch.cat([made, what, canvases.framed(how, made.shape[2:])]), across=3)
        frames = list(self.unfolds(1))
        if frames:
            yield Panel(say("How it came to be"),
                        say("Coarse sizes first: large forms find their place before strokes do."),
                        torch.cat(frames), across=1, film=True)

    def network(self):
        return self.canvases[-1]

    def exported(self, inputs):
        """A module that answers the painted picture for each picture it is given."""
        return Painted(self.network()), {"inputs": inputs[:1].expand(2, -1, -1, -1)}, ["answers"]

    # what the loop above stands on

    @property
    def turns_each(self) -> int:
        """Steps at each size: Adam tries one picture a step, L-BFGS ten."""
        return -(-self.turns // AT_ONCE) if self.rule == "lbfgs" else self.turns

    @property
    def planned(self):
        return len(self.sizes) * self.turns_each if hasattr(self, "sizes") else None

    def pictures(self) -> tuple[Tensor, Tensor]:
        """(content (1, 3, H, W), style (1, 3, h, w)), 0…1; the style's colours as `colours` wants them."""
        what, how = (self.data.split(name)[:][0].to(self.device).float() / 255 for name in ("train", "style"))
        if self.colours == "matched":
            how = canvases.matched(how, what)
        if self.colours == "content":
            how = canvases.toned(how, what)
        return what, how

    def look(self, stage: int) -> styles.Look:
        """What eyes see in the two pictures at the size of a stage."""
        if stage not in self.looks:
            size, (what, how) = self.sizes[stage], self.pictures()
            scale = size[0] / what.shape[2]
            small = [max(styles.WINDOW, round(side * scale)) for side in how.shape[2:]]
            what, how = canvases.resized(what, size), canvases.resized(how, (small[0], small[1]))
            net = None if self.weights in styles.OWN else network_of(self.weights, self.net).to(self.device)
            eyes = styles.eyes_of(self.weights, [what, how], net, self.pool == "mean")
            self.looks[stage] = styles.Look(eyes, how, what)
        return self.looks[stage]

    @torch.no_grad()
    def start(self, canvas) -> None:
        """Put on a canvas what was painted at the size before, or what the recipe says."""
        size = tuple(canvas.picture.shape[2:])
        if self.stage:
            begun = canvases.resized(self.canvases[self.stage - 1].picture.clamp(0, 1), size)
        else:
            look = self.look(0)
            begun = canvases.noise(size, torch.initial_seed()) if self.begin == "noise" else (
                canvases.matched(look.what, look.how) if self.colours == "style" else look.what)
        canvas.picture.copy_(begun)
        self.hand_up(canvas)

    @torch.no_grad()
    def hand_up(self, canvas) -> None:
        """What is judged and kept is the last canvas: show on it what a coarser one has; keep a frame."""
        last = self.canvases[-1]
        if canvas is not last:
            last.picture.copy_(canvases.resized(canvas.picture.clamp(0, 1), tuple(last.picture.shape[2:])))
        done = self.stage * self.turns_each + self.turn
        if done * canvases.FRAMES // self.planned >= int(last.filled):
            last.keep_frame()


class Painted(torch.nn.Module):
    """The picture of a canvas, once for every input."""

    def __init__(self, canvas):
        super().__init__()
        self.register_buffer("picture", canvas().detach().clone())

    def forward(self, inputs):
        return self.picture.expand(inputs.shape[0], -1, -1, -1)
