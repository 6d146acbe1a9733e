"""Augmentation of boxes and masks: they go where their pixels go."""
import math

import pytest
import torch

from deepen.core.things import VOID
from deepen.core.words import Problem
from deepen.nn import augment_moves as moves
from deepen.nn.augment import Augment


def scenes(b=40, h=40, w=50, seed=0):
    """Pictures black but for one bright rectangle each, its box, and a mask of it: class 1 on 0."""
    draw = torch.Generator().manual_seed(seed)
    x, boxes = torch.zeros(b, 3, h, w, dtype=torch.uint8), []
    for i in range(b):
        left, top = (int(torch.randint(8, 20, (), generator=draw)) for _ in range(2))
        right, bottom = left + int(torch.randint(6, 14, (), generator=draw)), top + int(torch.randint(6, 14, (), generator=draw))
        x[i, :, top:bottom, left:right] = 255
        boxes.append(torch.tensor([[left, top, right, bottom, i % 3, 0.0]]))
    return x, boxes, (x[:, 0] > 0).to(torch.uint8)


def round_pixels(there):
    """The box round True pixels (H, W)."""
    rows, columns = there.any(1).nonzero()[:, 0], there.any(0).nonzero()[:, 0]
    return torch.tensor([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).float()


def boxed(*rows):
    return moves.joined([torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)], torch.device("cpu"))


@pytest.mark.parametrize("lines", ["flip", "flip updown", "shift 5", "crop 5", "flip; crop 3; flip updown"])
def test_where_whole_pixels_move_box_and_mask_stay_exact(lines):
    x, boxes, mask = scenes()
    torch.manual_seed(1)
    moved, there = Augment(lines)(x, boxes)
    torch.manual_seed(1)
    again, masked = Augment(lines)(x, mask)
    assert torch.equal(moved, again) and masked.dtype == torch.uint8
    known = masked != VOID
    assert torch.equal((masked == 1)[known], (moved[:, 0] > 0)[known])          # crop mirrors pixels whose class is void
    for i, (box,) in enumerate(there):
        assert torch.equal(box[:4], round_pixels(masked[i] == 1)) and box[4] == i % 3
    assert not torch.equal(masked, mask)


@pytest.mark.parametrize("lines", ["rotate 30", "scale 0.7 1.4", "rotate 20; shift 4; scale 0.8 1.2"])
def test_box_and_mask_go_with_the_resampled_picture(lines):
    x, boxes, mask = scenes()
    torch.manual_seed(1)
    moved, there = Augment(lines)(x, boxes)
    torch.manual_seed(1)
    _, masked = Augment(lines)(x, mask)
    for i, (box,) in enumerate(there):
        assert (box[:4] - round_pixels(masked[i] == 1)).abs().max() <= 1.5      # corners of a turned one are thin
    sure = (moved[:, 0] > 250) | (moved[:, 0] < 5)
    assert torch.equal((masked == 1)[sure & (masked != VOID)], (moved[:, 0] > 128)[sure & (masked != VOID)])


def test_flipped_box_is_width_minus_x_and_two_flips_are_none():
    x, mask = torch.randint(0, 256, (1, 3, 20, 32), dtype=torch.uint8), torch.randint(0, 4, (1, 20, 32), dtype=torch.uint8)
    mask[0, 3, 4:9] = VOID
    given, turn = boxed((2, 3, 10, 20, 1, 0), (0, 0, 32, 5, 2, 1)), torch.ones(1, dtype=torch.bool)
    once = moves.mirrored(x, given, turn, 3)
    assert once[1].boxes.tolist() == [[22, 3, 30, 20, 1, 0], [0, 0, 32, 5, 2, 1]]
    assert moves.mirrored(x, given, turn, 2)[1].boxes.tolist() == [[2, 0, 10, 17, 1, 0], [0, 15, 32, 20, 2, 1]]
    for axis in (2, 3):
        there = moves.mirrored(*moves.mirrored(x, given, turn, axis), turn, axis)
        assert torch.equal(there[0], x) and torch.equal(there[1].boxes, given.boxes)
        back = moves.mirrored(*moves.mirrored(x, mask, turn, axis), turn, axis)
        assert torch.equal(back[0], x) and torch.equal(back[1], mask)
        assert (moves.mirrored(x, mask, turn, axis)[1] == VOID).sum() == 5


def how(angle=0.0, size=1.0, right=0.0, down=0.0):
    return [torch.tensor([value]) for value in (angle, size, right, down)]


def test_rotated_box_is_the_one_round_its_corners():
    shape = torch.Size((1, 3, 100, 100))
    quarter = moves.resampled_target(boxed((10, 20, 30, 60, 0, 0)), *how(math.pi / 2), None, shape)
    assert torch.allclose(quarter.boxes[0, :4], torch.tensor([20.0, 70, 60, 90]), atol=1e-4)    # counter-clockwise
    eighth = moves.resampled_target(boxed((40, 40, 60, 60, 0, 0)), *how(math.pi / 4), None, shape)
    far = 10 * math.sqrt(2)
    assert torch.allclose(eighth.boxes[0, :4], torch.tensor([50 - far, 50 - far, 50 + far, 50 + far]), atol=1e-4)
    larger = moves.resampled_target(boxed((60, 40, 80, 60, 0, 0)), *how(size=2.0, right=3.0, down=-5.0), None, shape)
    assert torch.allclose(larger.boxes[0, :4], torch.tensor([73.0, 25, 100, 65]), atol=1e-4)    # 113 is cut at 100
    assert torch.allclose(larger.seen, torch.tensor([27 / 40]))


def test_boxes_of_which_too_little_is_left_are_dropped():
    move = moves.resampled_target(boxed((80, 0, 100, 20, 0, 0), (80, 30, 100, 50, 1, 0), (0, 0, 5, 100, 2, 0)), *how(right=14.9),
                                  None, torch.Size((1, 3, 100, 100)))
    assert moves.parted(move, 1)[0][:, 4].tolist() == [0, 1, 2]                 # 5.1 of 20 pixels are left: over a quarter
    move = moves.resampled_target(boxed((80, 0, 100, 20, 0, 0), (0, 0, 5, 100, 2, 0)), *how(right=15.1), None,
                                  torch.Size((1, 3, 100, 100)))
    assert moves.parted(move, 1)[0][:, 4].tolist() == [2]
    thin = moves.resampled_target(boxed((10, 10, 12, 30, 0, 0)), *how(size=0.4), None, torch.Size((1, 3, 100, 100)))
    assert len(moves.parted(thin, 1)[0]) == 0                                   # 0.8 of a pixel


def test_pictures_without_things_and_many_things_keep_their_places():
    x = torch.zeros(4, 1, 30, 30, dtype=torch.uint8)
    some = torch.tensor([[10.0, 10, 20, 20, 1, 0], [5, 6, 12, 15, 2, 1], [8, 8, 16, 20, 0, 0]])
    for lines in ("flip", "crop 2", "rotate 5; shift 2"):
        _, there = Augment(lines)(x, [torch.zeros(0, 6), some, torch.zeros(0, 6), some[:1]])
        assert [len(one) for one in there] == [0, 3, 0, 1] and there[1][:, 4:].tolist() == some[:, 4:].tolist()
        _, none = Augment(lines)(x, [torch.zeros(0, 6)] * 4)
        assert [tuple(one.shape) for one in none] == [(0, 6)] * 4


def test_what_comes_into_a_mask_is_void_and_void_stays_void():
    x, mask = torch.full((60, 3, 24, 24), 200, dtype=torch.uint8), torch.full((60, 24, 24), 7, dtype=torch.uint8)
    for lines in ("shift 4", "rotate 40", "scale 0.5 0.6", "crop 4"):
        moved, masked = Augment(lines)(x, mask)
        assert set(masked.unique().tolist()) == {7, VOID}
        if lines == "shift 4":
            assert torch.equal(masked == VOID, moved[:, 0] == 0)
        if lines.startswith("scale"):
            assert (masked == 7).flatten(1).sum(1).float().mean() / 24**2 == pytest.approx(0.55**2, abs=0.03)
    nothing = torch.full_like(mask, VOID)
    for lines in ("flip", "rotate 40; elastic 2 5", "crop 3", "shift 2"):
        assert torch.equal(Augment(lines)(x, nothing)[1], nothing)


def test_elastic_bends_picture_and_mask_alike_and_refuses_boxes():
    x, boxes, mask = scenes(20)
    torch.manual_seed(2)
    moved, masked = Augment("elastic 2 6")(x, mask)
    assert not torch.equal(masked, mask) and set(masked.unique().tolist()) <= {0, 1, VOID}
    sure = ((moved[:, 0] > 250) | (moved[:, 0] < 5)) & (masked != VOID)
    assert torch.equal((masked == 1)[sure], (moved[:, 0] > 128)[sure])
    with pytest.raises(Problem, match="elastic"):
        Augment("elastic 2 6")(x, boxes)


@pytest.mark.parametrize("lines", ["bright 0.3", "contrast 0.3", "saturation 0.5", "cutout 9", "bright 0.1; cutout 3"])
def test_light_colour_and_holes_leave_targets_alone(lines):
    x, boxes, mask = scenes(10)
    boxes[0] = torch.tensor([[3.0, 3, 3.5, 3.5, 0, 0]])
    assert torch.equal(Augment(lines)(x, mask)[1], mask)
    assert all(torch.equal(a, b) for a, b in zip(Augment(lines)(x, boxes)[1], boxes, strict=True))


def test_cutmix_pastes_masks_hard():
    x = (torch.arange(1, 9)[:, None, None, None] * torch.ones(1, 1, 9, 11)).to(torch.uint8)
    torch.manual_seed(0)
    change, pasted = Augment("cutmix 1.0", masks=True), 0
    for _ in range(20):
        got, masked = change(x, x[:, 0])
        assert torch.equal(got[:, 0], masked) and masked.dtype == torch.uint8
        pasted += not torch.equal(masked, x[:, 0])
    assert pasted > 10


def test_mixup_is_for_classes_alone():
    x, boxes, mask = scenes(4)
    with pytest.raises(Problem, match=r"line 2 .*mixup"):
        Augment("flip; mixup 0.2", masks=True)
    for y in (mask, boxes):
        with pytest.raises(Problem, match="cannot be mixed"):
            Augment("mixup 0.2", classes=3)(x, y)
    with pytest.raises(Problem, match="cannot be mixed"):
        Augment("flip; cutmix 1", classes=3)(x, boxes)


def test_the_targets_given_are_never_changed():
    x, boxes, mask = scenes(8)
    kept, seen = [one.clone() for one in boxes], mask.clone()
    Augment("flip; rotate 20; crop 3; cutmix 1", masks=True)(x, mask)
    Augment("flip; rotate 20; crop 3")(x, boxes)
    assert torch.equal(mask, seen) and all(torch.equal(a, b) for a, b in zip(boxes, kept, strict=True))
