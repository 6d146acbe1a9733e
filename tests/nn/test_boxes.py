"""Boxes against answers known by hand and against slow loops written from the definitions."""
import math

import pytest
import torch

from deepen.nn import boxes


def some(count, seed=0, extent=100.0):
    draw = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=draw) * extent
    return torch.cat([corner, corner + 1 + torch.rand(count, 2, generator=draw) * extent / 3], 1)


def slow_iou(a, b):
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0, wide) * max(0, high)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def test_overlaps_known_by_hand():
    a = torch.tensor([[0.0, 0, 2, 2]])
    b = torch.tensor([[1.0, 1, 3, 3], [0, 0, 2, 2], [2, 0, 4, 2], [3, 0, 4, 2], [1, 1, 1, 2]])
    assert torch.allclose(boxes.iou(a, b)[0], torch.tensor([1 / 7, 1, 0, 0, 0]))
    assert torch.allclose(boxes.giou(a, b)[0], torch.tensor([1 / 7 - 2 / 9, 1, 0, -2 / 8, 0]))
    assert boxes.area(torch.tensor([[3.0, 0, 1, 5], [0, 0, 2, 3]])).tolist() == [0, 6]
    assert boxes.iou(torch.zeros(0, 4), b).shape == (0, 5)


def test_overlaps_like_a_slow_loop():
    a, b = some(20), some(30, 1)
    slow = torch.tensor([[slow_iou(x, y) for y in b.tolist()] for x in a.tolist()])
    assert torch.allclose(boxes.iou(a, b), slow, atol=1e-6)


def test_clip():
    assert boxes.clip(torch.tensor([[-5.0, 3, 50, 99]]), height=40, width=30).tolist() == [[0, 3, 30, 40]]


def test_a_code_known_by_hand():
    anchor, box = torch.tensor([[0.0, 0, 10, 20]]), torch.tensor([[5.0, 10, 25, 20]])
    told = boxes.encode(box, anchor)
    assert torch.allclose(told, torch.tensor([[1.0, 0.25, math.log(2), math.log(0.5)]]))
    assert torch.allclose(boxes.encode(box, anchor, (10, 10, 5, 5)), told * torch.tensor([10, 10, 5, 5]))


def test_a_code_comes_back_and_is_bounded():
    a, b = some(50), some(50, 1)
    for weights in ((1, 1, 1, 1), (10, 10, 5, 5)):
        assert torch.allclose(boxes.decode(boxes.encode(b, a, weights), a, weights), b, atol=1e-3)
    wide = boxes.decode(torch.tensor([[0.0, 0, 99, 0]]), torch.tensor([[0.0, 0, 16, 16]]))
    assert float(wide[0, 2] - wide[0, 0]) == pytest.approx(1000)
    many = boxes.decode(torch.zeros(50, 3, 4), a[:, None])                  # several codes of one anchor
    assert many.shape == (50, 3, 4) and torch.allclose(many[:, 2], a, atol=1e-4)


def test_anchors_are_those_of_torchvision():
    found = boxes.anchors(32, (0.5, 1.0, 2.0), (8, 4), (2, 3))
    assert found.shape == (18, 4)
    assert found[:3].tolist() == [[-23, -11, 23, 11], [-16, -16, 16, 16], [-11, -23, 11, 23]]
    assert found[4].tolist() == [-16 + 4, -16, 16 + 4, 16]                   # the next column
    assert found[10].tolist() == [-16, -16 + 8, 16, 16 + 8]                  # the next row


def greedy(where, scores, overlap, groups):
    kept = []
    for i in sorted(range(len(where)), key=lambda i: -float(scores[i])):
        if all(groups[i] != groups[j] or slow_iou(where[i].tolist(), where[j].tolist()) <= overlap for j in kept):
            kept.append(i)
    return kept


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 0.9])
def test_nms_is_the_greedy_choice(overlap, monkeypatch):
    monkeypatch.setattr(boxes, "BLOCK", 64)                                 # so that several blocks meet
    where, draw = some(300, extent=60), torch.Generator().manual_seed(3)
    scores, groups = torch.rand(300, generator=draw), torch.randint(0, 3, (300,), generator=draw)
    assert boxes.nms(where, scores, overlap, groups).tolist() == greedy(where, scores, overlap, groups)
    alone = greedy(where, scores, overlap, torch.zeros(300))
    assert boxes.nms(where, scores, overlap).tolist() == alone
    assert boxes.nms(where, scores, overlap, most=5).tolist() == alone[:5]


def test_nms_follows_a_long_chain():
    """Each box drives out the next only, so every second one stays: the answer is as deep as the chain is long."""
    left = torch.arange(40.0) * 4
    where = torch.stack([left, torch.zeros(40), left + 10, torch.full((40,), 10.0)], 1)
    scores = torch.linspace(1, 0, 40)
    assert boxes.nms(where, scores, 0.3).tolist() == list(range(0, 40, 2))
    over = (boxes.iou(where, where) > 0.3).triu(1)
    assert torch.equal(boxes.survivors(over), boxes.survivors(over, rounds=40))
    assert not torch.equal(boxes.survivors(over), boxes.survivors(over, rounds=5))
    assert boxes.nms(torch.zeros(0, 4), torch.zeros(0), 0.5).shape == (0,)


def test_suppress_gives_answers():
    where = torch.tensor([[[0.0, 0, 10, 10], [0, 0, 10, 10]], [[1, 0, 11, 10], [50, 50, 60, 60]], [[5, 5, 5, 9], [0, 0, 1, 1]]])
    scores = torch.tensor([[0.6, 0.3], [0.8, 0.9], [0.99, 0.01]])
    told = boxes.suppress(where, scores, least=0.05, overlap=0.5)
    assert torch.allclose(told, torch.tensor([[50, 50, 60, 60, 1, 0.9], [1, 0, 11, 10, 0, 0.8], [0, 0, 10, 10, 1, 0.3]]))
    assert torch.equal(boxes.suppress(where, scores, most=1), told[:1])
    assert boxes.suppress(where, scores * 0).shape == (0, 6)


def test_assignment():
    truth = torch.tensor([[0.0, 0, 10, 10, 3, 0], [20, 20, 24, 24, 1, 0], [40, 40, 60, 60, 0, 1]])
    where = torch.tensor([[0.0, 0, 10, 9], [0, 0, 10, 5], [0, 0, 10, 2], [20, 20, 30, 30], [20, 20, 40, 40], [45, 45, 50, 50],
                          [39, 39, 80, 80]])
    plain = boxes.assigned(where, truth, 0.3, 0.7)
    assert plain.tolist() == [0, boxes.IGNORED, boxes.BACKGROUND, boxes.BACKGROUND, boxes.BACKGROUND, boxes.IGNORED,
                              boxes.BACKGROUND]
    assert boxes.assigned(where, truth, 0.3, 0.7, least=True).tolist()[3] == 1          # nothing fits the second better
    assert boxes.assigned(where, truth[2:], 0.3, 0.7).tolist() == [-1] * 5 + [-2, -1]
    assert boxes.assigned(where, torch.zeros(0, 6), 0.3, 0.7).tolist() == [-1] * 7
    far = torch.tensor([[90.0, 90, 95, 95, 0, 0]])
    assert boxes.assigned(where[:3], far, 0.3, 0.7, least=True).tolist() == [-1] * 3    # best of nothing is nothing


def test_thousands_of_truths_are_assigned_as_by_one_table():
    draw = torch.Generator().manual_seed(0)

    def some(count):
        low = torch.rand(count, 2, generator=draw) * 90
        return torch.cat([low, low + 1 + torch.rand(count, 2, generator=draw) * 12], 1)
    truth = torch.cat([some(700), torch.zeros(700, 1), (torch.rand(700, 1, generator=draw) < 0.1).float()], 1)
    where = some(500)
    counted = (truth[:, 5] == 0).nonzero()[:, 0]
    overlap = boxes.iou(truth[counted], where)
    best, row = overlap.max(0)
    for least in (False, True):
        found = boxes.assigned(where, truth, 0.3, 0.7, least)
        fits = (best >= 0.7) | (least & ((overlap == overlap.max(1, keepdim=True).values) & (overlap > 0)).any(0))
        assert torch.equal(found >= 0, fits) and torch.equal(found[fits], counted[row[fits]])
        assert (found[~fits & (best >= 0.3)] == boxes.IGNORED).all() and 0 < fits.sum() < 500


def test_sampling():
    found = torch.tensor([0] * 10 + [-1] * 100 + [-2] * 50)
    yes, no = boxes.sampled(found, 32, 0.25)
    assert len(yes) == 8 and len(no) == 24 and (found[yes] == 0).all() and (found[no] == -1).all()
    yes, no = boxes.sampled(found[8:], 32, 0.25)
    assert len(yes) == 2 and len(no) == 30
    assert len(set(no.tolist())) == 30


def bilinear(plane, y, x):
    high, wide = plane.shape
    if y < -1 or y > high or x < -1 or x > wide:
        return 0.0
    y, x = min(max(y, 0), high - 1), min(max(x, 0), wide - 1)
    y0, x0 = int(y), int(x)
    y1, x1 = min(y0 + 1, high - 1), min(x0 + 1, wide - 1)
    return ((y0 + 1 - y) * ((x0 + 1 - x) * plane[y0, x0] + (x - x0) * plane[y0, x1])
            + (y - y0) * ((x0 + 1 - x) * plane[y1, x0] + (x - x0) * plane[y1, x1]))


def slow_align(maps, where, image, scale, size, samples, aligned):
    found = torch.zeros(len(where), maps.shape[1], size, size, dtype=maps.dtype)
    for n, (left, top, right, bottom) in enumerate((where * scale - 0.5 * aligned).tolist()):
        wide, high = right - left, bottom - top
        if not aligned:
            wide, high = max(wide, 1), max(high, 1)
        across, down = (samples, samples) if samples else (max(1, math.ceil(wide / size)), max(1, math.ceil(high / size)))
        for c in range(maps.shape[1]):
            for i in range(size):
                for j in range(size):
                    values = [bilinear(maps[image[n], c], top + (i + (a + 0.5) / down) * high / size,
                                       left + (j + (b + 0.5) / across) * wide / size)
                              for a in range(down) for b in range(across)]
                    found[n, c, i, j] = sum(values) / len(values)
    return found


@pytest.mark.parametrize("samples", [0, 1, 2])
@pytest.mark.parametrize("aligned", [True, False])
def test_roi_align_like_a_slow_loop(samples, aligned):
    torch.manual_seed(0)
    maps = torch.randn(2, 2, 9, 12, requires_grad=True)
    where = torch.cat([some(5, extent=60), torch.tensor([[-20.0, -15, 30, 90], [110, 80, 130, 99], [3, 3, 3.2, 3.1]])])
    image = torch.tensor([0, 1, 0, 1, 1, 0, 1, 0])
    fast = boxes.roi_align(maps, where, image, 1 / 8, 3, samples, aligned)
    slow = slow_align(maps, where, image, 1 / 8, 3, samples, aligned)
    assert torch.allclose(fast, slow, atol=1e-5)
    weights = torch.randn_like(fast)
    (mine,), (theirs,) = (torch.autograd.grad((x * weights).sum(), maps) for x in (fast, slow))
    assert torch.allclose(mine, theirs, atol=1e-5)


def test_roi_align_on_a_slope_and_on_several_maps():
    """Bilinear reading of a slope is exact: each part's answer is the slope at its middle."""
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(20.0), indexing="ij")
    fine = (3 * y + x)[None, None]                                          # of a picture of 32 × 40
    coarse = fine[:, :, ::2, ::2].contiguous()
    box = torch.tensor([[8.0, 4, 24, 20]])
    middle = torch.arange(4) * 4 + 2.0
    wanted = 3 * ((4 + middle) / 2)[:, None] + (8 + middle) / 2
    for level, (scale, offset) in enumerate(((1 / 2, 0), (1 / 4, 0))):
        found = boxes.roi_align([fine, coarse], box, torch.tensor([0]), [1 / 2, 1 / 4], 4, 2, level=torch.tensor([level]))
        assert torch.allclose(found[0, 0], wanted + offset, atol=1e-4), scale
    shifted = boxes.roi_align(fine, box, torch.tensor([0]), 1 / 2, 4, 2, aligned=True)
    assert torch.allclose(shifted[0, 0], wanted - 2.0, atol=1e-4)           # half a pixel of 3 y + x
    assert boxes.roi_align(fine, box[:0], torch.zeros(0, dtype=torch.long), 0.5).shape == (0, 1, 7, 7)


def slow_pool(maps, where, image, scale, size):
    found = torch.zeros(len(where), maps.shape[1], size, size)
    high, wide = maps.shape[2:]
    for n, box in enumerate(where.tolist()):
        left, top, right, bottom = (math.floor(side * scale + 0.5) for side in box)
        tall, broad = max(bottom - top + 1, 1) / size, max(right - left + 1, 1) / size
        for i in range(size):
            for j in range(size):
                y0, y1 = (min(max(v + top, 0), high) for v in (math.floor(i * tall), math.ceil((i + 1) * tall)))
                x0, x1 = (min(max(v + left, 0), wide) for v in (math.floor(j * broad), math.ceil((j + 1) * broad)))
                if y1 > y0 and x1 > x0:
                    found[n, :, i, j] = maps[image[n], :, y0:y1, x0:x1].amax((1, 2))
    return found


def test_roi_pool_like_a_slow_loop():
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 9, 12, requires_grad=True)
    where = torch.cat([some(12, extent=60), torch.tensor([[-40.0, -30, 20, 90], [200, 80, 230, 99], [3, 3, 3, 3]])])
    image = torch.arange(15) % 2
    fast, slow = boxes.roi_pool(maps, where, image, 1 / 8, 4), slow_pool(maps, where, image, 1 / 8, 4)
    assert torch.equal(fast, slow)
    assert (fast[13] == 0).all()                                            # it lies outside: every part is empty
    weights = torch.randn_like(fast)
    (mine,), (theirs,) = (torch.autograd.grad((x * weights).sum(), maps) for x in (fast, slow))
    assert torch.allclose(mine, theirs, atol=1e-6)


def test_roi_pool_known_by_hand():
    maps = torch.arange(16.0).view(1, 1, 4, 4)
    found = boxes.roi_pool(maps, torch.tensor([[0.0, 0, 3, 3], [1, 1, 2, 2]]), torch.tensor([0, 0]), 1.0, 2)
    assert found[:, 0].tolist() == [[[5, 7], [13, 15]], [[5, 6], [9, 10]]]
