"""Test-time augmentation: the mean of the views, by hand; weights add up; classify and its export answer with it."""
import pytest
import torch
from torch.nn import functional as F

from deepen.engine.start import start
from deepen.nn import tta

LINES = "conv 4 3; norm; relu; globalpool; dense classes"


def answer(x):
    """Something that sees where a pixel is: a softmax of weighted sums, each picture by itself."""
    weights = torch.arange(x[0].numel(), dtype=torch.float32).sin().reshape(x[0].shape) / 3
    sums = (x.float() / 255 * weights).sum((1, 2, 3))
    return torch.stack([sums, -sums, sums.square()], 1).softmax(1)


@pytest.fixture
def pictures():
    return torch.randint(0, 256, (5, 3, 6, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_none_is_the_answer_itself(pictures):
    assert torch.equal(tta.over_views(answer, pictures, "none"), answer(pictures))


def test_flip_is_half_the_mirror_image(pictures):
    by_hand = (answer(pictures) + answer(pictures.flip(3))) / 2
    torch.testing.assert_close(tta.over_views(answer, pictures, "flip"), by_hand)
    assert not torch.allclose(by_hand, answer(pictures))


def test_shift_and_both_are_the_means_by_hand(pictures):
    grown = F.pad(pictures.float(), [1] * 4, mode="reflect").to(torch.uint8)        # torch's own reflection
    up, down = grown[:, :, 2:, 2:], grown[:, :, :-2, :-2]
    assert torch.equal(up[:, :, :-1, :-1], pictures[:, :, 1:, 1:])                  # one pixel up and left
    by_hand = answer(pictures) / 2 + answer(up) / 4 + answer(down) / 4
    torch.testing.assert_close(tta.over_views(answer, pictures, "shift"), by_hand)
    mirrored = answer(pictures.flip(3)) / 2 + answer(up.flip(3)) / 4 + answer(down.flip(3)) / 4
    torch.testing.assert_close(tta.over_views(answer, pictures, "flip+shift"), (by_hand + mirrored) / 2)


@pytest.mark.parametrize(("which", "count"), [("none", 1), ("flip", 2), ("shift", 3), ("flip+shift", 6)])
def test_weights_add_up_and_pictures_keep_their_form(which, count, pictures):
    found = tta.views(pictures, which)
    assert len(found) == count and sum(weight for weight, _ in found) == 1
    assert all(view.shape == pictures.shape and view.dtype == pictures.dtype for _, view in found)
    assert len({view.numpy().tobytes() for _, view in found}) == count


def test_the_mean_is_never_worse_in_nats_than_the_answers_are(pictures):
    for label in range(3):
        parts = [(weight, answer(view)[:, label]) for weight, view in tta.views(pictures, "flip+shift")]
        alone = sum(weight * -p.log() for weight, p in parts)
        assert (-tta.over_views(answer, pictures, "flip+shift")[:, label].log() <= alone + 1e-6).all()


def test_classify_judges_and_predicts_with_it(tmp_path):
    runs = {which: start("classify", {"data": "stripes", "net": LINES, "epochs": 1, "tta": which}, out=tmp_path / which)
            for which in ("none", "flip+shift")}
    plain, with_views = (run.system() for run in runs.values())
    x = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8)
    with torch.no_grad():
        expected = tta.over_views(plain.predict, x, "flip+shift")                         # one seed: the same weights
        torch.testing.assert_close(with_views.predict(x), expected)
    assert runs["none"].metrics["loss"] != runs["flip+shift"].metrics["loss"]


def test_an_export_carries_it(tmp_path):
    from deepen.engine.export import export
    run = start("classify", {"data": "stripes", "net": LINES, "epochs": 1, "tta": "flip+shift"}, out=tmp_path / "run")
    made = export(run, tmp_path / "out")
    assert made["parity"] <= 1e-4 and made["compared"] > 0


def test_mirror_images_of_digits_are_doubted(tmp_path):
    recipe = {"data": "digits", "net": "conv 4 3; relu; globalpool; dense classes", "epochs": 0.1}
    for which, doubted in (("none", False), ("shift", False), ("flip", True)):
        run = start("classify", {**recipe, "tta": which}, out=tmp_path / which)
        assert any(event.event == "warned" and "flip" in event.facts["why"] for event in run.events()) == doubted
