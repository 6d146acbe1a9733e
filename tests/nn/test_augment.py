import math
import os
import re
import time

import pytest
import torch
from torch.nn import functional as F

from deepen.core.words import Problem
from deepen.nn import augment
from deepen.nn.augment import Augment


def pictures(b=64, c=3, h=12, w=10, seed=0):
    return torch.randint(0, 256, (b, c, h, w), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_no_lines_change_nothing():
    x, y = pictures(), torch.arange(64) % 10
    got, same = Augment("", 10)(x, y)
    assert torch.equal(got, x) and torch.equal(same, y)


@pytest.mark.parametrize("line, axis", [("flip", 3), ("flip updown", 2)])
def test_flip_turns_half_of_them_exactly(line, axis):
    x = pictures(400)
    got, y = Augment(line)(x, None)
    turned = (got == x.flip(axis)).flatten(1).all(1)
    assert (turned | (got == x).flatten(1).all(1)).all()
    assert 140 < turned.sum() < 260 and got.dtype == torch.uint8 and y is None


def windows(grown, shape, pixels):
    """Every window and its place."""
    return {(i, j): grown[:, :, i:i + shape[2], j:j + shape[3]] for i in range(2 * pixels + 1) for j in range(2 * pixels + 1)}


@pytest.mark.parametrize("line, grow", [("shift 2", {}), ("crop 2", {"mode": "reflect"})])
def test_shift_and_crop_are_exact_windows(line, grow):
    x = pictures(1000)
    got, _ = Augment(line)(x, None)
    assert got.dtype == torch.uint8 and got.shape == x.shape
    grown = F.pad(x.float(), [2] * 4, **grow).to(torch.uint8)
    hits = {place: (got == part).flatten(1).all(1).sum().item() for place, part in windows(grown, x.shape, 2).items()}
    assert sum(hits.values()) == 1000 and len(hits) == 25
    assert min(hits.values()) > 15                                  # every place is about as likely: 40


def test_window_by_hand():
    x = torch.arange(16).view(1, 1, 4, 4)
    got = augment.window(x, torch.tensor([[1], [2]]), (1, 1, 2, 2))
    assert got.tolist() == [[[[6, 7], [10, 11]]]]


def test_reflected_is_torchs_padding():
    x = torch.randn(2, 3, 7, 9)
    assert torch.equal(augment.reflected(x, 6), F.pad(x, [6] * 4, mode="reflect"))


def params(b, angle=0.0, size=1.0, right=0.0, down=0.0):
    return [torch.full((b,), value) for value in (angle, size, right, down)]


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("side", [7, 8])
def test_resampled_turns_counter_clockwise(quarters, side):
    x = torch.rand(3, 2, side, side)
    got = augment.resampled(x, *params(3, angle=quarters * math.pi / 2))
    assert torch.allclose(got, torch.rot90(x, quarters, (2, 3)), atol=1e-4)


def test_resampled_moves_right_and_down():
    x = torch.rand(3, 2, 9, 7)
    assert torch.allclose(augment.resampled(x, *params(3, right=2.0, down=-1.0))[:, :, :8, 2:], x[:, :, 1:, :5], atol=1e-5)
    assert torch.allclose(augment.resampled(x, *params(3)), x, atol=1e-5)
    bend = torch.zeros(3, 2, 9, 7)
    bend[:, 0] = 1                                                  # every pixel is read one to the right
    assert torch.allclose(augment.resampled(x, *params(3), bend)[:, :, :, :-1], x[:, :, :, 1:], atol=1e-5)


def test_resampled_scales_about_the_centre():
    place = torch.arange(21.0) - 10                                 # a slope across, another one down
    x = (place[:, None] * 3 + place)[None, None]
    assert torch.allclose(augment.resampled(x, *params(1, size=2.0)), x / 2, atol=1e-4)
    small = augment.resampled(x, *params(1, size=0.5))
    assert torch.allclose(small[:, :, 5:16, 5:16], 2 * x[:, :, 5:16, 5:16], atol=1e-4)
    assert small[:, :, :4].abs().max() == 0 and small[:, :, :, 17:].abs().max() == 0


def test_a_mask_can_go_along():
    x = torch.randint(0, 5, (4, 1, 8, 8))
    got = augment.resampled(x, *params(4, angle=0.3), mode="nearest")
    assert set(got.unique().tolist()) <= {0.0, 1.0, 2.0, 3.0, 4.0}


def test_rotate_shift_and_scale_are_drawn_within_their_bounds_in_one_pass(monkeypatch):
    seen = []
    plain = augment.resampled
    monkeypatch.setattr(augment, "resampled", lambda x, *rest: seen.append(rest) or plain(x, *rest))
    Augment("rotate 30; flip; scale 0.8 1.5; shift 3")(pictures(500), None)
    (angle, size, right, down, bend), = seen
    for value, low, high in ((angle, -math.pi / 6, math.pi / 6), (size, 0.8, 1.5), (right, -3, 3), (down, -3, 3)):
        assert low <= value.min() and value.max() <= high and value.max() - value.min() > 0.95 * (high - low)
    assert bend is None


def test_elastic_has_its_strength_and_width_everywhere():
    torch.manual_seed(0)
    move = augment.waves(torch.empty(4000, 1, 20, 30), 1.5, 4.0)
    assert move.shape == (4000, 2, 20, 30)
    assert torch.allclose(move.std(0), torch.tensor(1.5), atol=0.12)            # at the edges as inside
    near, far = (move[..., 10:, :] * move[..., 8:18, :]).mean(), (move[..., :2, :] * move[..., 16:18, :]).mean()
    assert near > 0.85 * 1.5**2 and abs(far) < 0.15 * 1.5**2
    x = pictures(4, 1, 20, 30)
    got, _ = Augment("elastic 1.5 4")(x, None)
    assert got.dtype == torch.uint8 and not torch.equal(got, x)


def test_places_stay_exact_in_a_training_of_half_precision():
    x = torch.rand(2, 1, 64, 64)
    torch.manual_seed(0)
    plain, _ = Augment("rotate 10; elastic 2 5")(x, None)
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        half, _ = Augment("rotate 10; elastic 2 5")(x, None)
    assert torch.equal(plain, half)


def test_bright_adds_one_number_to_each_picture():
    x = torch.full((300, 3, 4, 4), 100, dtype=torch.uint8)
    got = Augment("bright 0.2")(x, None)[0]
    each = got[:, 0, 0, 0].float() - 100
    assert (got == got[:, :1, :1, :1]).all() and got.dtype == torch.uint8
    assert -51 <= each.min() < -46 and 46 < each.max() <= 51
    assert Augment("bright 1")(torch.full((300, 1, 2, 2), 0.5), None)[0].max() == 1.0


def test_contrast_keeps_each_mean():
    x = torch.rand(200, 3, 6, 6) * 0.2 + 0.4
    got = Augment("contrast 0.5")(x, None)[0]
    assert torch.allclose(got.mean((1, 2, 3)), x.mean((1, 2, 3)), atol=1e-5)
    ratio = got.std((1, 2, 3)) / x.std((1, 2, 3))
    assert 0.5 <= ratio.min() < 0.55 and 1.45 < ratio.max() <= 1.501


def test_saturation_keeps_the_grey():
    grey = torch.tensor(augment.GREY)[None, :, None, None]
    x = torch.rand(200, 3, 4, 4) * 0.2 + 0.4
    got = Augment("saturation 0.5")(x, None)[0]
    assert torch.allclose((got * grey).sum(1), (x * grey).sum(1), atol=1e-5)
    assert not torch.allclose(got, x, atol=1e-3)
    flat = x[:, :1].expand(-1, 3, -1, -1)
    assert torch.allclose(Augment("saturation 0.5")(flat, None)[0], flat, atol=1e-5)
    with pytest.raises(Problem, match="colour"):
        Augment("saturation 0.5")(x[:, :1], None)


def test_cutout_is_one_square_of_the_mean_colour():
    x = torch.randint(0, 100, (300, 3, 16, 16), dtype=torch.uint8)
    x[:, 1] += 150
    colour = x.float().mean((0, 2, 3)).round().to(torch.uint8)
    got = Augment("cutout 5")(x, None)[0]
    holes = augment.square(x, 5)
    hole = (got != x).any(1) | (x == colour[None, :, None, None]).all(1)
    assert got.dtype == torch.uint8 and holes.shape == (300, 1, 16, 16)
    assert (got.movedim(1, -1)[(got != x).any(1)] == colour).all()
    assert hole.flatten(1).sum(1).max() <= 25 and hole.flatten(1).sum(1).float().mean() > 15
    sizes = holes.flatten(1).sum(1)
    assert sizes.max() == 25 and sizes.min() >= 6 and sizes.min() < 25          # cut at the edges, never gone
    rows, columns = holes.any(3).sum(2), holes.any(2).sum(2)
    assert torch.equal(sizes, (rows * columns)[:, 0])


def test_mixup_mixes_pictures_and_targets_alike():
    x = torch.eye(4)[:, :, None, None] * torch.ones(1, 1, 2, 2)     # picture k is 1 in channel k
    y = torch.arange(4)
    shares = set()
    for seed in range(20):
        torch.manual_seed(seed)
        got, soft = Augment("mixup 1.0", classes=4)(x, y)
        assert soft.shape == (4, 4) and torch.allclose(soft.sum(1), torch.ones(4))
        assert torch.allclose(got[:, :, 0, 0], soft, atol=1e-6)
        shares.add(round(soft[0].max().item(), 3))
    assert len(shares) > 10


def test_mixup_of_bytes_rounds():
    torch.manual_seed(1)
    x = pictures(8)
    got, soft = Augment("mixup 1.0", classes=8)(x, torch.arange(8))
    assert got.dtype == torch.uint8
    assert (got.float() - (soft @ x.float().flatten(1)).view(x.shape)).abs().max() <= 0.5 + 1e-3


def test_cutmix_shares_are_the_real_areas():
    x = (torch.arange(6)[:, None, None, None] * torch.ones(1, 1, 9, 11)).to(torch.uint8)
    whole = 0
    for seed in range(60):
        torch.manual_seed(seed)
        got, soft = Augment("cutmix 1.0", classes=6)(x, torch.arange(6))
        assert got.dtype == torch.uint8 and torch.equal(x[:, 0, 0, 0], torch.arange(6).to(torch.uint8))
        for k in range(6):
            areas = torch.bincount(got[k].flatten().long(), minlength=6) / 99
            assert torch.allclose(soft[k], areas, atol=1e-6)
        foreign = got != x
        if foreign.any():
            first = foreign.flatten(1).any(1).nonzero()[0, 0]
            box = foreign[first, 0]
            assert box.sum() == box.any(0).sum() * box.any(1).sum()             # one box, the same in the batch
            whole += 1
    assert whole > 40


def test_box_has_its_share_inside_and_is_cut_at_the_edges():
    torch.manual_seed(0)
    areas = []
    for _ in range(300):
        top, bottom, left, right = augment.box(20, 30, 0.25)
        assert 0 <= top <= bottom <= 20 and 0 <= left <= right <= 30
        areas.append((bottom - top) * (right - left))
    assert max(areas) == 150 and min(areas) >= 5 * 7
    top, bottom, left, right = augment.box(20, 30, 0.0)
    assert (bottom - top) * (right - left) == 0


def test_both_mixes_and_soft_targets_go_together():
    got, soft = Augment("mixup 0.5; cutmix 0.5", classes=10)(pictures(), torch.arange(64) % 10)
    assert got.shape == (64, 3, 12, 10) and torch.allclose(soft.sum(1), torch.ones(64), atol=1e-5)


def test_floats_stay_floats_and_halves_halves():
    for dtype in (torch.float32, torch.bfloat16):
        got, _ = Augment("flip; shift 1; rotate 5; bright 0.1; cutout 3; crop 1")(torch.rand(8, 3, 12, 12).to(dtype), None)
        assert got.dtype == dtype and got.min() >= 0 and got.max() <= 1


def test_the_input_is_never_changed_and_the_seed_decides():
    x = pictures()
    kept, y = x.clone(), torch.arange(64) % 10
    every = "flip; flip updown; shift 2; rotate 15; scale 0.9 1.1; elastic 1 3; crop 2; bright 0.2; contrast 0.2; " \
            "saturation 0.2; cutout 4; mixup 0.2; cutmix 1"
    change = Augment(every, classes=10)
    torch.manual_seed(3)
    first = change(x, y)
    torch.manual_seed(3)
    second = change(x, y)
    third = change(x, y)
    assert torch.equal(x, kept)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert not torch.equal(first[0], third[0])


@pytest.mark.parametrize("lines, said", [
    ("flip\nrotat 5", "line 2 .*rotate"),
    ("flip; rotate 181", "line 2 .*0 to 180"),
    ("shift 1.5", "whole number"),
    ("shift 0", "1 to 1000"),
    ("rotate", "degrees"),
    ("rotate nan", "outside"),
    ("rotate 5 6", "one too many"),
    ("scale 1.2 0.8", "1.2 is above the largest 0.8"),
    ("rotate 5; shift 1; rotate 6", "line 3 .*twice"),
    ("bright 1.5", "0 to 1"),
    ("cutout", "pixels"),
    ("mixup 0", "0.01"),
    ("flip; mixup 0.2", "line 2 .*classes"),
    ("cutmix 1", "classes"),
    ("flip up", "one too many"),
])
def test_wrong_lines_say_where_and_why(lines, said):
    with pytest.raises(Problem) as error:
        Augment(lines)
    assert re.search(said, str(error.value)), str(error.value)


def test_moves_too_far_for_the_picture_are_refused():
    for lines in ("shift 12", "crop 12", "shift 12; rotate 3"):
        with pytest.raises(Problem, match="12 is too far for pictures of 12×10"):
            Augment(lines)(pictures(), None)


def test_lines_that_can_change_what_a_sign_means():
    assert Augment("shift 2; rotate 20; crop 2").changes_labels == []
    assert Augment("flip; rotate 21; flip updown").changes_labels == ["flip", "rotate 21", "flip updown"]


@pytest.mark.parametrize("lines, shape, wanted", [("flip; crop 4", (3, 32, 32), 20_000), ("shift 2", (1, 28, 28), 200_000)])
def test_bytes_move_fast(lines, shape, wanted):
    x, change, best = pictures(256, *shape), Augment(lines), math.inf
    for _ in range(30):
        began = time.perf_counter()
        change(x, None)
        best = min(best, time.perf_counter() - began)
    if 256 / best < wanted and os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        pytest.skip(f"{256 / best:.0f} pictures a second on a machine that is busy with other work")
    assert 256 / best > wanted
