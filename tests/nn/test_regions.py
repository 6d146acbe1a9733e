"""Selective search: pieces of one colour, and boxes that hold what is drawn."""
import torch

from deepen.nn import boxes
from deepen.nn.regions import bins, borders, regions, tree
from deepen.nn.regions_kernel import grow, segment


def drawn():
    """Three plain things on grey: uint8 (3, 60, 80), and where they are."""
    x = torch.full((3, 60, 80), 120, dtype=torch.uint8)
    where = torch.tensor([[5.0, 5, 25, 30], [40, 10, 70, 26], [30, 40, 46, 56]])
    for (left, top, right, bottom), colour in zip(where.int().tolist(), ((220, 30, 30), (30, 200, 40), (20, 40, 210)), strict=True):
        x[:, top:bottom, left:right] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    return x, where


def test_pieces_are_those_of_one_colour():
    x, _ = drawn()
    piece, count = segment(*borders(x.float()), 60 * 80, 30.0, 4)
    assert count == 4
    picture = x.flatten(1).T
    for number in range(count):
        assert len(picture[torch.from_numpy(piece) == number].unique(dim=0)) == 1


def test_borders_come_in_order_and_know_corners():
    x = torch.zeros(3, 2, 2)
    x[0, 0, 1], x[0, 1, 0] = 3.0, 4.0
    first, second, weight = borders(x)
    pairs = {(int(a), int(b)): float(w) for a, b, w in zip(first, second, weight, strict=True)}
    assert pairs == {(0, 3): 0, (0, 1): 3, (1, 3): 3, (1, 2): 1, (0, 2): 4, (2, 3): 4}
    assert weight.tolist() == sorted(weight.tolist())


def test_pieces_grow_until_one_is_left():
    x, where = drawn()
    piece, count = segment(*borders(x.float()), 60 * 80, 30.0, 4)
    found = torch.from_numpy(grow(piece, count, bins(x.float()), 80, 155)).float()
    assert len(found) == 2 * count - 1 and found[-1].tolist() == [0, 0, 80, 60]
    assert (boxes.iou(where, found).amax(1) == 1).all()


def test_likely_neighbours_grow_first():
    """Two reds and a blue in a row: the reds join, though all touch."""
    x = torch.zeros(3, 12, 36)
    x[0, :, :12], x[0, :, 12:24], x[2, :, 24:] = 200, 207, 200
    x[0, :, 12] = 100                                               # a dark line parts the reds
    found = tree(x, 5.0)
    assert [0, 0, 24, 12] in found.tolist()


def test_regions_find_things_and_keep_their_limits():
    x, where = drawn()
    found = regions(x, most=50)
    assert len(found) <= 50 and (boxes.iou(where, found).amax(1) > 0.8).all()
    assert torch.equal(found, regions(x, most=50)), "the same picture, the same regions"
    assert (boxes.iou(found, found).triu(1) <= 0.7).all()
    small = boxes.area(regions(x, sides=(14, 20))).sqrt()
    assert len(small) and small.min() >= 14 and small.max() <= 20
    assert len(regions(x, most=3)) == 3
    assert len(regions(x[:1])) > 0                                  # grey
    noise = torch.randint(0, 256, (3, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert len(regions(noise)) > 0 and regions(torch.zeros(3, 30, 30, dtype=torch.uint8)).tolist() == [[0, 0, 30, 30]]


def test_noise_falls_into_no_more_pieces_than_can_be_compared(monkeypatch):
    x = torch.randint(0, 256, (3, 60, 80), generator=torch.Generator().manual_seed(0)).float()
    assert len(tree(x, 1.0)) > 2 * 200
    monkeypatch.setattr("deepen.nn.regions.PIECES", 100)
    assert 1 < len(tree(x, 1.0)) < 2 * 100
