import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from deepen.core.data import Data, Examples
from deepen.core.kinds import Boxes, Image, Mask, Text, from_card, to_card
from deepen.core.picture import FITS, fitted, fitted_mask, place
from deepen.core.things import VOID
from deepen.core.words import Problem

THINGS = torch.tensor([[1.0, 2, 5, 6, 1, 0], [0, 0, 3, 3, 1, 1], [4, 4, 6, 6, 0, 0]])


@pytest.mark.parametrize("kind", [Boxes(("cat", "dog")), Mask(("road", "sky"), 4, 6, ((1, 2, 3), (4, 5, 6))), Text(("a", "dog"))])
def test_a_card_keeps_the_kind(kind):
    assert from_card(to_card(kind)) == kind


def test_boxes_are_told_by_class():
    kind = Boxes(("cat", "dog"))
    assert kind.show(THINGS) == "cat 1, dog 2"
    assert kind.show(torch.zeros(0, 6)) == "nothing"
    kind.check(THINGS)
    with pytest.raises(Problem, match="six numbers"):
        kind.check(torch.zeros(3, 5))


def test_a_mask_tells_shares_without_void():
    kind = Mask(("road", "sky"), 2, 4)
    value = torch.tensor([[0, 0, 0, 1], [VOID, VOID, VOID, VOID]], dtype=torch.uint8)
    assert kind.show(value) == "road 75%, sky 25%"
    assert kind.show(torch.full((2, 4), VOID, dtype=torch.uint8)) == "nothing"
    with pytest.raises(Problem, match=r"\(4, 2\)"):
        kind.check(value.T)


def test_text_is_composed_and_shown():
    assert Text().read("  개".encode()) == "개" and Text().read("가".encode()) == "가"
    assert Text().show(("one", "two")) == Text().show("one") == "one"
    with pytest.raises(Problem, match="not a text"):
        Text().check(3)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("given", [(640, 480), (100, 333), (33, 20), (128, 96)])
def test_place_is_where_the_pixels_go(fit, given):
    size = (128, 96)
    truth = np.zeros((given[1], given[0]), np.uint8)
    left, top, right, bottom = int(given[0] * 0.4), int(given[1] * 0.45), int(given[0] * 0.6), int(given[1] * 0.55)
    truth[top:bottom, left:right] = 200
    across, down, x, y = place(given, size, fit)
    wanted = (across * left + x, down * top + y, across * right + x, down * bottom + y)
    soft = np.asarray(fitted(Pillow.fromarray(truth), size, fit))
    hard = np.asarray(fitted_mask(Pillow.fromarray(truth), size, fit))
    assert set(np.unique(hard)) <= {0, 200, VOID}
    rows, columns = np.where(hard == 200)
    assert np.abs(np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) - wanted).max() <= 1
    if not fit.startswith("pad"):                               # there 200 may also be of the border's noise or white
        assert abs((soft > 100).sum() - (hard == 200).sum()) <= 0.1 * (hard == 200).sum() + 8
    assert ((hard == VOID).any()) == (fit.startswith("pad") and given[0] * 3 != given[1] * 4)


def test_large_pictures_are_judged_in_small_batches():
    def sizes(side, count):
        data = Data({"valid": Examples(torch.zeros(count, 1, side, side, dtype=torch.uint8))}, Image(1, side, side))
        return [len(x) for x, _ in data.batches("valid")]
    assert sizes(28, 1500) == [1000, 500]
    assert sizes(500, 25) == [20, 5]
