"""What badly answered boxes, masks and sentences share: a planted cause is found, noise is left in peace."""
import pytest
import torch

from deepen.core.data import Examples
from deepen.core.kinds import Boxes, Image, Mask, Text
from deepen.engine.scenes import Seen
from deepen.engine.shared_scenes import shared_scenes

COUNT, PICTURE = 120, Image(3, 8, 8)


def world(seed):
    """Scenes of every kind, and pictures of which half are dark."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 100, (COUNT, 3, 8, 8), generator=draw, dtype=torch.uint8)
    dark = torch.rand(COUNT, generator=draw) < 0.3
    x[~dark] += 120
    corner, many = torch.rand(COUNT, 8, 2, generator=draw) * 40, torch.randint(1, 9, (COUNT,), generator=draw)
    side = 4 + 30 * torch.rand(COUNT, 1, 1, generator=draw).expand(-1, 8, 2)
    kind = torch.randint(0, 2, (COUNT, 8, 1), generator=draw).float()
    things = [row[:n] for row, n in zip(torch.cat([corner, corner + side, kind, 0 * kind], 2), many.tolist(), strict=True)]
    pixels = torch.zeros(COUNT, 3, 3, dtype=torch.long)
    pixels[:, 0, 0], pixels[:, 1, 1] = 60, torch.randint(1, 200, (COUNT,), generator=draw)
    pixels[:, 2, 2] = 30 * (torch.rand(COUNT, generator=draw) < 0.4)
    length = torch.randint(3, 15, (COUNT,), generator=draw)
    red = torch.rand(COUNT, generator=draw) < 0.4
    words = [("red " * bool(r) + "a thing and " * (n // 3),) for r, n in zip(red.tolist(), length.tolist(), strict=True)]
    good = 0.7 + 0.25 * torch.rand(COUNT, generator=draw)
    return Examples(x, x), dark, things, pixels, words, good


def boxes(things, scores):
    return Seen(Boxes(("cat", "dog")), scores, truths=things)


def masks(pixels, scores):
    return Seen(Mask(("sky", "road", "car"), 8, 8), scores, each=pixels)


def names(found, examples):
    return [cause.name for cause in shared_scenes(found, PICTURE, examples)]


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_cause_is_found(seed):
    examples, dark, things, pixels, words, good = world(seed)
    assert names(boxes(things, good - 0.4 * dark), examples)[0].startswith("dark pictures")
    many = torch.tensor([len(one) > 5 for one in things])
    assert names(boxes(things, good - 0.4 * many), examples)[0].startswith("crowded pictures (over ")
    small = torch.tensor([float(one[0, 2] - one[0, 0]) < 12 for one in things])
    assert names(boxes(things, good - 0.4 * small), examples)[0].startswith("pictures of small things")
    car = pixels[:, 2, 2] > 0
    assert names(masks(pixels, good - 0.4 * car), examples)[0] in ("pictures with car", "pictures of many classes (over 2)")
    share = pixels.sum(2) / pixels.sum((1, 2))[:, None]
    little = share.masked_fill(share == 0, 1).amin(1) < 0.12
    assert names(masks(pixels, good - 0.4 * little), examples)[0].startswith("pictures with a small class")
    red = torch.tensor([one[0].startswith("red") for one in words])
    told = shared_scenes(Seen(Text(), good - 0.4 * red, truths=words), PICTURE, examples)[0]
    inside, outside = (good - 0.4 * red)[red].mean(), good[~red].mean()
    assert told.sentence == (f"sentences with “red”: shared words (F1) {100 * inside:.0f} % on average ({int(red.sum())} pictures), "
                             f"elsewhere {100 * outside:.0f} %")
    long = torch.tensor([len(one[0].split()) > 8 for one in words])
    assert names(Seen(Text(), good - 0.4 * long, truths=words), examples)[0].startswith("long sentences (over ")


def test_noise_few_pictures_and_perfect_answers_say_nothing():
    silent = 0
    for seed in range(60):
        examples, _, things, pixels, _, good = world(seed)
        silent += not names(boxes(things, good), examples)
        silent += not names(masks(pixels, good), examples)
    assert silent >= 114
    assert names(boxes(things[:29], good[:29] * 0), examples) == [] and names(boxes(things, torch.ones(COUNT)), examples) == []
    assert names(boxes([one[:0] for one in things], torch.ones(COUNT)), examples) == []


def test_the_verdict_of_a_run_tells_it():
    from deepen.core.data import Data
    from deepen.core.system import System
    from deepen.engine.verdict import verdict

    class Blind(System):
        goal, score = (Image, Boxes), "map50"

        def predict(self, inputs):                              # sees what is bright
            return [torch.tensor([[0.0, 0, 6, 6, 0, 0.9]]) if one.float().mean() > 100 else torch.zeros(0, 6) for one in inputs]

    examples, dark, *_ = world(0)
    system = Blind()
    truth = [torch.tensor([[0.0, 0, 6, 6, 0, 0]])] * COUNT
    system.data = Data({"valid": Examples(examples.inputs, truth), "train": Examples(examples.inputs, truth)}, PICTURE, Boxes(("cat",)))
    told = verdict(system, "valid", None, {"map50": 0.5}).plain()["shared"]
    rest = round(100 * (COUNT - int(dark.sum())) / (COUNT - 30))
    assert told[0].startswith("dark pictures") and told[0].endswith(f": F1 of the boxes 0 % on average (30 pictures), elsewhere {rest} %")
