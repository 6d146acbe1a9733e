"""The sheet of augmentation: what each line of it does to pictures of one's own data, alone and all together."""
from html import escape

import torch

from deepen.core.data import Data
from deepen.core.kinds import Boxes, Image, Label, Mask
from deepen.core.words import Problem, say
from deepen.engine import drawn
from deepen.nn.augment import Augment

VARIANTS, BATCH = 6, 8              # beside the original; pictures that go through at once, for mixup and cutmix
BYTES, SIDE = 100_000, 96           # of all pictures on a sheet (in a page a third more); the longest side of one
SIGNS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "영", "일", "이", "삼", "사", "오", "육",
         "칠", "팔", "구")


def augmentation(system) -> str:
    """The sheet of a run whose recipe has lines of augmentation."""
    lines = getattr(system, "augment", "")
    return sheet(system.data, lines) if isinstance(lines, str) and isinstance(system.data.inputs, Image) else ""


def lines_for(data: Data, lines: str) -> Augment:
    """The lines, read for these data; `Problem` where they do not suit them."""
    if not isinstance(data.inputs, Image):
        raise Problem("augmentation changes pictures, and these are {unit}", unit=data.inputs.unit)
    return Augment(lines, len(data.target.names) if isinstance(data.target, Label) else 0, isinstance(data.target, Mask))


def doubt(data: Data, lines) -> str | None:
    """What to say before training when a line can turn one sign into another and the classes look like signs."""
    if not isinstance(lines, str) or not isinstance(data.target, Label) or not isinstance(data.inputs, Image):
        return None
    changing = lines_for(data, lines).changes_labels
    signs = [name for name in data.target.names if (len(name) == 1 and name.isalnum()) or name.lower() in SIGNS]
    if not changing or 2 * len(signs) < len(data.target.names):
        return None
    return say("“{lines}” can turn one sign into another (6 into 9, b into d), and the classes here look like digits or letters "
               "({names} …); leave it out unless they stay what they are", lines="; ".join(changing), names=", ".join(signs[:4]))


def sheet(data: Data, lines: str) -> str:
    """HTML: for each line a picture and six variants of it, at last all lines together; boxes and masks drawn."""
    train, change = data.splits.get("train", ()), lines_for(data, lines)
    if not len(train) or not change.lines:
        return ""
    steps = [(line, lines_for(data, line)) for line in change.lines]
    if len(steps) > 1:
        steps.append((say("all together"), change))
    x, y = train[torch.arange(min(BATCH, len(train)))]
    x, y = x.cpu(), y.cpu() if isinstance(y, torch.Tensor) else y
    order = sorted(range(len(x)), key=lambda row: not len(y[row])) if isinstance(data.target, Boxes) else list(range(len(x)))
    order, rows = order[:max(1, min(3, 6 // len(steps)))], []
    for name, change in steps:
        shown = [drawn.address(_strip(data, change, x, y, row), BYTES // (len(steps) * len(order))) for row in order]
        images = "".join(f'<img alt="{escape(name)}" src="{one}">' for one in shown)
        rows.append(f"<figure><div>{images}</div><figcaption><code>{escape(name)}</code></figcaption></figure>")
    told = say("Left the picture as it is, then six times as training may see it: by each line alone, at last by all together.")
    warned = doubt(data, lines)
    return (f'<p>{escape(told)}</p><div class=strips>{"".join(rows)}</div>'
            + (f"<p><b>{escape(say('Warning'))}</b> {escape(warned)}</p>" if warned else ""))


def _strip(data: Data, change: Augment, x, y, row: int):
    """One example and its variants side by side; it goes first through the lines, others with it for mixup and cutmix."""
    order = [row, *(other for other in range(len(x)) if other != row)]
    y = None if isinstance(y, list) and "elastic" in change.moves else y            # no box can be bent: of regions it is right
    x, y = x[order], [y[i] for i in order] if isinstance(y, list) else y if y is None else y[order]
    shown = [seen(data, x[0], None if y is None else y[0])]
    with torch.random.fork_rng(devices=[]):
        for seed in range(VARIANTS):
            torch.manual_seed(seed)
            changed, target = change(x, y)
            shown.append(seen(data, changed[0], None if target is None else target[0]))
    return drawn.beside(shown, gap=3)


def seen(data: Data, pixels: torch.Tensor, target):
    """A picture as an eye wants it, its boxes or its mask over it, its longer side `SIDE` pixels."""
    from PIL import Image as Pillow
    from PIL import ImageDraw
    image = drawn.opened(data.inputs.seen(pixels))
    if isinstance(data.target, Mask):
        image = drawn.overlay(image, target.numpy(), data.target)
    times = SIDE / max(image.size)
    size = max(1, round(image.width * times)), max(1, round(image.height * times))
    image = image.resize(size, Pillow.Resampling.NEAREST if times >= 1 else Pillow.Resampling.LANCZOS)
    if isinstance(data.target, Boxes) and target is not None:
        pen = ImageDraw.Draw(image)
        for left, top, right, bottom, kind, _ in target.tolist():
            corners = [round(left * times), round(top * times), round(right * times) - 1, round(bottom * times) - 1]
            pen.rectangle([*corners[:2], max(corners[0], corners[2]), max(corners[1], corners[3])], outline=drawn.colour(int(kind)), width=2)
    return image
