"""flip alternate: one way round in one epoch, the other way in the next; told by the picture, the same when resumed."""
import torch

from deepen.core.data import Examples, Stream
from deepen.nn.augment import Augment


def pictures(count=200, side=6):
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def turned(x, y):
    """Which pictures came back as their mirror image."""
    same, mirrored = ((y == other).flatten(1).all(1) for other in (x, x.flip(3)))
    assert (same ^ mirrored).all()
    return mirrored


def test_every_picture_is_seen_both_ways_in_two_epochs():
    x, change = pictures(), Augment("flip alternate")
    change.epoch = 0
    first, _ = change(x)
    change.epoch = 1
    second, _ = change(x)
    change.epoch = 2
    third, _ = change(x)
    assert torch.equal(turned(x, first), ~turned(x, second)) and torch.equal(first, third)
    assert 70 < turned(x, first).sum() < 130                                # about half of them begin turned


def test_it_does_not_depend_on_chance_on_the_batch_or_on_the_type():
    x, change = pictures(), Augment("flip alternate")
    change.epoch = 3
    torch.manual_seed(0)
    whole, _ = change(x)
    torch.manual_seed(99)
    parts = torch.cat([change(part)[0] for part in x.split(7)])
    assert torch.equal(whole, parts)
    assert torch.equal(turned(x, whole), turned(x / 255, change(x / 255)[0]))
    before = torch.get_rng_state()
    change(x)
    assert torch.equal(torch.get_rng_state(), before)


def test_where_nobody_says_the_epoch_it_is_chance():
    x, change = pictures(), Augment("flip alternate")
    first, second = (turned(x, change(x)[0]) for _ in range(2))
    assert not torch.equal(first, second) and 70 < first.sum() < 130


def test_masks_and_classes_go_along():
    x, change = pictures(40), Augment("flip alternate", classes=3)
    change.epoch = 0
    mask = (x[:, 0] > 128).to(torch.uint8)
    y, moved = change(x, mask)
    assert torch.equal(moved, (y[:, 0] > 128).to(torch.uint8))
    labels = torch.arange(40) % 3
    assert torch.equal(change(x, labels)[1], labels)
    assert change.changes_labels == ["flip alternate"]                      # a mirrored 3 is no 3


def test_a_stream_knows_its_epoch():
    data = Examples(torch.arange(10))
    stream = Stream(data, 5, 3, seed=0)
    assert stream.epoch == 0
    assert [stream.epoch for _ in stream] == [0, 0, 1, 1, 2, 2]
    halfway = Stream(data, 5, 3, seed=0)
    halfway.load_state_dict({"consumed": 10, "seed": 0})
    assert [halfway.epoch for _ in halfway] == [1, 1, 2, 2]
    assert [stream.epoch for stream in [Stream(data, 4, 1.5, seed=0)] for _ in stream] == [0, 0, 1, 1]
