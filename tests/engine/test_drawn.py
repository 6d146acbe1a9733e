"""Drawn pictures: colours that can be told apart, what stands where, masks of numbers."""
import io

import numpy as np
import pytest
import torch
from PIL import Image

from deepen.core.kinds import Mask
from deepen.engine import drawn

GREY = Image.new("RGB", (64, 48), (128, 128, 128))
# what a person without red or green cones sees of linear RGB (Viénot, Brettel and Mollon 1999)
LMS = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
BLIND = {"protan": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]), "deutan": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]])}


@pytest.mark.parametrize("kind", BLIND)
def test_the_first_colours_are_apart_for_the_colour_blind(kind):
    linear = (np.array(drawn.COLOURS[:8]) / 255) ** 2.2
    seen = np.clip(linear @ (np.linalg.inv(LMS) @ BLIND[kind] @ LMS).T, 0, 1) ** (1 / 2.2) * 255
    apart = np.linalg.norm(seen[:, None] - seen, axis=2)
    assert apart[~np.eye(8, dtype=bool)].min() > 25


def test_forty_classes_have_forty_colours():
    assert len({drawn.colour(place) for place in range(40)}) == 40
    assert drawn.colour(1, ((1, 2, 3), (4, 5, 6))) == (4, 5, 6)


def test_boxes_stand_where_they_are_and_the_unsure_are_left_out():
    rows = torch.tensor([[8., 20, 40, 46, 0, .9], [50., 2, 60, 12, 1, .3]])
    made = np.array(drawn.boxes(GREY, rows, ["cat", "dog"], 0.5))
    assert tuple(made[45, 20]) == drawn.colour(0) and tuple(made[30, 8]) == drawn.colour(0) and tuple(made[30, 24]) == (128, 128, 128)
    assert (made[2:12, 50:60] == 128).all(), "0.3 is less than 0.5"
    twice = np.array(drawn.boxes(GREY.resize((128, 96)), rows, ["cat", "dog"], 0.5, 2))
    assert tuple(twice[90, 40]) == drawn.colour(0)
    truth = np.array(drawn.boxes(GREY, torch.tensor([[8., 20, 40, 40, 0, 1]]), ["cat"], None))
    assert tuple(truth[39, 20]) == (150, 150, 150), "a difficult one is grey"


def test_hangul_has_glyphs():
    assert drawn.font(20).getmask("고양이").getbbox() != drawn.font(20).getmask("���").getbbox()
    long = drawn.captioned(GREY, "빨간 원이 파란 사각형 위에 있고 그 옆에 초록 별이 있습니다")
    short = drawn.captioned(GREY, "빨간 원")
    assert long.width == 64 and long.height > short.height > 48


KIND = Mask(("sky", "road"), 48, 64, ((10, 20, 30), (200, 100, 50)))


def mask():
    made = np.zeros((48, 64), np.uint8)
    made[24:] = 1
    made[:, :4] = 255
    return made


def test_a_mask_of_numbers_keeps_its_numbers_and_shows_its_colours():
    raw = drawn.encoded(drawn.indexed(mask(), KIND))
    again = Image.open(io.BytesIO(raw))
    assert again.mode == "P" and np.array_equal(np.array(again), mask())
    colours = np.array(again.convert("RGB"))
    assert tuple(colours[0, 60]) == (10, 20, 30) and tuple(colours[40, 60]) == (200, 100, 50)


def test_masks_lie_over_pictures_of_any_size_and_void_is_clear():
    made = np.array(drawn.overlay(GREY.resize((128, 96)), mask(), KIND, 0.5))
    assert tuple(made[0, 0]) == (128, 128, 128) and tuple(made[0, 100]) == (69, 74, 79) and tuple(made[90, 100]) == (164, 114, 89)


def test_right_wrong_and_void_are_told_apart():
    said = mask()
    said[24:30] = 0
    made = np.array(drawn.errors(GREY, said, mask())).astype(int)
    assert made[26, 30].sum() > 1.5 * made[40, 30].sum(), "wrong is brighter than right"
    assert len(np.unique(made[:20, 0], axis=0)) == 2, "void is hatched"
    lines = np.array(drawn.borders(GREY, said, mask()))
    assert tuple(lines[23, 30]) == drawn.TRUE and tuple(lines[29, 30]) == drawn.SAID
    both = np.array(drawn.borders(GREY, mask(), mask()))
    assert tuple(both[23, 30]) == (255, 255, 255)


def test_a_picture_for_a_page_takes_no_more_than_it_may():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8))
    assert len(drawn.address(noise, 40_000)) < 56_000 and drawn.address(noise, 40_000).startswith("data:image/jpeg")
    assert drawn.address(GREY).startswith("data:image/png")


def test_tiny_pictures_are_enlarged_and_huge_ones_made_smaller():
    assert drawn.sized(Image.new("RGB", (10, 5)), 100, 200)[0].size == (100, 50)
    image, times = drawn.sized(Image.new("RGB", (4000, 1000)), 100, 400)
    assert image.size == (400, 100) and times == 0.1


def test_in_a_crowd_a_key_tells_the_names():
    from deepen.core.kinds import Boxes
    from deepen.engine.photo import Photo
    rows = torch.tensor([[10. * k, 60, 10. * k + 8, 70, k % 2, .9] for k in range(13)])
    told = io.BytesIO()
    Image.new("RGB", (400, 100), "white").save(told, "PNG")
    crowd, few = (Photo(Boxes(("cat", "dog")), told.getvalue(), (400, 100), some).drawn() for some in (rows, rows[:12]))
    assert crowd.height > 100 == few.height
    assert (np.array(crowd)[40:59, :130] == 255).all() and not (np.array(few)[40:59, :130] == 255).all(), "no tabs over the things"
