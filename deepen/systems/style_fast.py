"""Fast style transfer: a network learns one style and paints at one look (Johnson et al. 2016)."""
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch

from deepen.core.kinds import Image
from deepen.core.recipe import Amount, Count, Rate, Times, _field
from deepen.core.system import System
from deepen.core.things import Panel
from deepen.core.words import Problem, say
from deepen.nn import optim
from deepen.nn import style as styles
from deepen.nn.canvas import stored
from deepen.nn.nets.painter import Painter
from deepen.sources.weights import located, network_of

ALBUM = 4                       # photos kept beside the network, to show what it does
LOOKED = 16                     # photos that patches are learned from, beside the style
HALF = 0.5                      # of the run: from here on the rate falls
WARM = 40                       # steps in which the rate rises


@dataclass
class StyleFast(System):
    """Learns one style, then paints any picture in one look."""
    goal = (Image, Image)
    default_data = "photos"
    score = "gram"
    transient = ("look", "parts")               # made again of the data
    any_size: ClassVar[bool] = True
    tiny = {"data": "photos", "data.size": 32, "data.count": 200, "epochs": 1, "width": 8, "blocks": 2}

    epochs: Times = 6                           # times through the photos
    batch: Count = 4                            # photos a step
    lr: Rate = 0.001                            # learning rate at its highest
    weights: str = "patches"                    # eyes: patches, random, imagenet, a run, a safetensors file
    net: str = "vgg19"                          # network of imagenet's weights, and of a file's
    style: Amount = 1.0                         # weight of the Gram matrices
    content: Amount = 0.1                       # weight of the content
    smooth: Amount = 0.0                        # weight of differences between neighbours (total variation)
    width: Annotated[int, _field(ge=4, le=128)] = 24   # channels of the first layer, a quarter of the widest
    blocks: Annotated[int, _field(ge=1, le=20)] = 5    # residual blocks between the halvings and doublings

    def __post_init__(self):
        self.weights = self.weights if self.weights in styles.OWN else located(self.weights)

    def build(self, data):
        if data.inputs.channels != 3:
            raise Problem("style is learned from pictures in colour, these have {given} channel; "
                          "add data.colour=rgb",
                          given=data.inputs.channels)
        net = Painter(data.inputs, self.width, self.blocks)
        net.register_buffer("album", torch.zeros(ALBUM, *data.inputs.shape, dtype=torch.uint8))
        if "train" in data.splits:
            photos = data.splits["valid" if len(data.splits.get("valid", ())) else "train"]
            rows = torch.linspace(0, len(photos) - 1, ALBUM).round().long()
            net.album.copy_(photos[rows][0])
        self.model = self.place(net)
        self.rule = optim.make("adam", self.model, self.lr)
        self.stream = data.stream("train", self.batch, self.epochs)
        self.look, self.parts = None, {}
        if self.begins(data):
            self.said = [styles.told(self.weights)]

    def steps(self):
        for x, _ in self.stream:                                            # uint8 (B, 3, H, W)
            rise = self.stream.consumed / (WARM * self.batch)       # without it, it unlearns the photo first
            optim.set_rate(self.rule, self.lr * min(1.0, rise, (1 - self.progress) / (1 - HALF)))
            look = self.looked()
            loss = self.descend(self.loss(self.model(x), x, look), self.rule, clip=1.0)
            yield {"loss": loss, **self.parts}

    def loss(self, painted, x, look):
        """What Gatys asks of one picture, asked of every picture of a batch (Johnson et al., eq. 5)."""
        truths = look.shapes_of(x.float() / 255)
        seen, shapes = look.eyes(painted.float())
        style, content = look.far(seen).mean(), styles.displaced(shapes, truths)
        rough = styles.total_variation(painted.float())
        self.parts = {"style": style.detach(), "content": content.detach(), "rough": rough.detach()}
        return self.style * style + self.content * content + self.smooth * rough

    def evaluate(self, split="valid"):
        look, found = self.looked(), []
        for x, _ in self.data.batches(split, 8):
            for one in x.split(1):
                painted, truths = self.predict(one), look.shapes_of(one.float() / 255)
                seen, shapes = look.eyes(painted)
                far, other = look.far(seen).sum() / look.noise, 1 - styles.alike(shapes, truths)
                found.append(torch.stack([self.loss(painted, one, look), far, other]))
        loss, far, other = torch.stack(found).mean(0)
        return {"loss": loss, "gram": far, "content": other}

    def predict(self, inputs):
        """Pictures (B, 3, H, W) of any size -> the same painted, 0…1."""
        return self.network()(inputs).float()

    def sample(self, count: int, seed: int = 0):
        """The photos of its album, painted: uint8 (at most 4, 3, H, W)."""
        return stored(self.predict(self.network().album[:count]))

    def panels(self):
        """Photos above, painted below; and the style they were painted in."""
        album = self.network().album
        yield Panel(say("Photos, and the same painted"),
                    say("The network never saw the ones of the validation split. {eyes}.",
                        eyes=styles.told(self.weights)), torch.cat([album, self.sample(ALBUM)]), across=ALBUM,
                    names=(say("photo"), say("painted")))
        if "style" in self.data.splits:
            yield Panel(say("The style"), say("One picture: all that the network knows of painting."),
                        self.data.split("style")[:][0], across=1)

    def looked(self) -> "styles.Look":
        """Eyes, and what they see in the style."""
        if self.look is None:
            how = self.data.split("style")[:][0].to(self.device).float() / 255
            train = self.data.split("train")
            rows = torch.linspace(0, len(train) - 1, min(LOOKED, len(train))).round().long()
            some = train[rows][0].to(self.device).float() / 255
            net = None if self.weights in styles.OWN else network_of(self.weights, self.net).to(self.device)
            self.look = styles.Look(styles.eyes_of(self.weights, [how, *some.split(1)], net), how, some[:1])
        return self.look


