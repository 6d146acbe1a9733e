"""Gram matrices, eyes, colours and canvases: known answers, and the traps of style transfer."""
import copy
import math

import pytest
import torch
from torch import nn

from deepen.core.words import Problem
from deepen.nn import canvas as canvases
from deepen.nn import optim
from deepen.nn import style as styles


def picture(seed=0, high=40, wide=48):
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 6, generator=draw)
    fine = torch.rand(1, 3, high, wide, generator=draw)
    return (0.8 * canvases.resized(coarse, (high, wide)) + 0.2 * fine).clamp(0, 1)


def test_gram_is_the_mean_over_places_of_products():
    f = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])                        # (1, 2, 1, 2)
    assert styles.gram(f).tolist() == [[[2.5, 5.5], [5.5, 12.5]]]
    assert torch.equal(styles.gram(f), styles.gram(f.repeat(1, 1, 3, 5)))   # of any size: the same texture, the same matrix
    assert styles.gram(f.bfloat16()).dtype == torch.float32


def test_distances_have_known_answers():
    one, truth = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]])
    assert styles.apart(one, truth).item() == pytest.approx(25 / 16)
    assert styles.apart(truth, truth).item() == 0
    f = torch.tensor([[[[1.0, 3.0]]]])
    assert styles.moved(f + 1, f).item() == pytest.approx(1.0)              # 2 of square, variance sum 2
    assert styles.correlation(2 * f + 7, f).item() == pytest.approx(1.0)
    assert styles.correlation(-f, f).item() == pytest.approx(-1.0)


def test_total_variation_has_a_known_answer():
    x = torch.tensor([[[[0.0, 1.0], [0.0, 3.0]]]])
    assert styles.total_variation(x).item() == pytest.approx((1 + 9) / 2 + (0 + 4) / 2)
    assert styles.total_variation(torch.full((1, 3, 5, 7), 0.3)).item() == 0


@pytest.mark.parametrize("eyes", ["patches", "random"])
def test_the_same_picture_as_style_and_content_loses_nothing(eyes):
    x = picture()
    seen = styles.eyes_of(eyes, [x, x])
    look = styles.Look(seen, x, x)
    found, shapes = seen(x)
    assert all(styles.apart(styles.gram(f), a).item() < 1e-10 for f, a in zip(found, look.grams, strict=True))
    assert all(styles.moved(f, p).item() < 1e-10 for f, p in zip(shapes, look.shapes, strict=True))
    assert look.noise > 0.01


@pytest.mark.parametrize("eyes", ["patches", "random"])
@pytest.mark.parametrize("size", [(33, 47), (16, 64), (17, 19)])
def test_odd_sizes_are_looked_at(eyes, size):
    x = picture(1, *size)
    found, shapes = styles.eyes_of(eyes, [x, picture(2)])(x)
    assert found and shapes and all(f.isfinite().all() for f in found + shapes)


def test_eyes_are_the_same_every_time_and_do_not_learn():
    x, y = picture(0), picture(1)
    one, two = styles.Patches([x, y]), styles.Patches([x, y])
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert not any(w.requires_grad for w in one.parameters())
    pixels = x.clone().requires_grad_()
    sum(f.sum() for f in one(pixels)[0]).backward()
    assert pixels.grad.abs().sum() > 0 and all(w.grad is None for w in one.parameters())


def test_patches_see_content_in_brightness_alone():
    x = picture()
    eyes = styles.Patches([x, picture(1)])
    shift = torch.tensor([0.587, -0.299, 0.0])[:, None, None] * 0.2         # another colour, as bright
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(eyes(x)[1], eyes(x + shift)[1], strict=True))
    assert not torch.allclose(eyes(x)[0][0], eyes(x + shift)[0][0], atol=1e-2)


def test_whitening_makes_directions_alike():
    rows = torch.randn(4000, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([9.0, 3.0, 1.0, 1.0, 1.0]) + 4
    mean, matrix = styles.whitening(rows)
    spread = torch.cov(((rows - mean) @ matrix).T)
    assert torch.allclose(spread, torch.diag(spread.diag()), atol=0.02)
    assert spread.diag()[0] == pytest.approx(1, abs=0.02) and spread.diag().min() > 0.6


def test_means_on_the_sphere_find_the_bundles():
    bundles = torch.eye(4)
    rows = (bundles.repeat_interleave(50, 0) + 0.05 * torch.randn(200, 4, generator=torch.Generator().manual_seed(0)))
    found = styles.directions(rows[torch.randperm(200, generator=torch.Generator().manual_seed(2))], 12, torch.Generator().manual_seed(0))
    assert (found @ bundles.T).max(0).values.min() > 0.99
    assert torch.allclose(found.norm(dim=1), torch.ones(len(found)), atol=1e-5)


def test_a_random_network_is_made_even():
    pictures = [picture(0), picture(1)]
    net = styles.even(styles.nobody(0.25), pictures)
    seen = torch.cat([net[:-1](x).flatten(2)[0] for x in pictures], 1)       # conv5_1 before its ReLU
    assert seen.mean(1).abs().max() < 1e-3
    assert (seen.std(1, correction=0) - 1).abs().max() < 1e-2


def test_layers_are_named_as_the_paper_names_them():
    net = styles.nobody(0.1)
    eyes = styles.Layers(net)
    assert eyes.layers == styles.STYLE and eyes.content == styles.CONTENT
    assert [f.shape[-1] for f in eyes(picture(0, 64, 64))[0]] == [64, 32, 16, 8, 4]


def test_a_relu_in_place_changes_nothing_that_was_seen():
    conv, x = nn.Conv2d(3, 4, 3, padding=1), picture(0, 16, 16)
    plain = styles.Layers(nn.Sequential(copy.deepcopy(conv), nn.ReLU(), nn.Conv2d(4, 4, 3)))
    hasty = styles.Layers(nn.Sequential(copy.deepcopy(conv), nn.LeakyReLU(-1.0, inplace=True), nn.Conv2d(4, 4, 3)))
    assert torch.equal(plain(x)[0][0], torch.relu(conv(x)))
    assert torch.equal(hasty(x)[0][0], torch.relu(conv(x)))                 # not |conv(x)|


def test_pools_become_means_where_wished():
    def make():
        return nn.Sequential(nn.Conv2d(3, 2, 1), nn.MaxPool2d(2), nn.Conv2d(2, 2, 1))
    assert any(isinstance(one, nn.AvgPool2d) for one in styles.Layers(make()).modules())
    assert any(isinstance(one, nn.MaxPool2d) for one in styles.Layers(make(), mean=False).modules())


def test_dense_layers_for_another_size_do_not_matter():
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, padding=1), nn.Flatten(), nn.Linear(64, 2))
    found, _ = styles.Layers(net)(picture(0, 40, 48))
    assert [tuple(f.shape[1:]) for f in found] == [(4, 40, 48), (4, 20, 24)]


def test_a_network_without_convolutions_is_no_eye():
    with pytest.raises(Problem, match="eyes need two at least"):
        styles.Layers(nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten()))


@pytest.mark.parametrize("rule, steps", [("adam", 30), ("lbfgs", 3)])
def test_both_rules_lower_the_loss_and_touch_the_canvas_alone(rule, steps):
    x, how = picture(0), picture(1)
    look = styles.Look(styles.Patches([x, how]), how, x)
    canvas = canvases.Canvas(40, 48)
    canvas.picture.data.copy_(x)
    adam = optim.make(rule, canvas, 1.0 if rule == "lbfgs" else 0.02)

    def loss():
        adam.zero_grad()
        value = sum(styles.apart(styles.gram(f), a) for f, a in zip(look.eyes(canvas.picture)[0], look.grams, strict=True))
        value.backward()
        return value
    before = loss().item()
    for _ in range(steps):
        adam.step(loss)
    assert loss().item() < 0.5 * before
    assert all(w.grad is None for w in look.eyes.parameters())


def test_keeping_colours_keeps_them_exactly():
    painted, photo = picture(0), picture(1)
    kept = canvases.chroma_kept(painted, photo)
    assert torch.allclose(canvases.luma(kept), canvases.luma(painted), atol=1e-5)
    assert torch.allclose(kept - canvases.luma(kept), photo - canvases.luma(photo), atol=1e-5)


def test_matched_colours_have_the_mean_and_covariance_of_the_other():
    x, like = 0.4 + 0.2 * picture(0), 0.3 + 0.3 * picture(1)
    made = canvases.matched(x, like)
    def flat(one):
        return one[0].flatten(1).double()
    assert torch.allclose(flat(made).mean(1), flat(like).mean(1), atol=1e-3)
    assert torch.allclose(torch.cov(flat(made)), torch.cov(flat(like)), atol=1e-4)


def test_toned_is_grey_with_the_other_s_brightness():
    made = canvases.toned(picture(0), picture(1))
    assert torch.equal(made[:, 0], made[:, 2])
    assert canvases.luma(made).mean().item() == pytest.approx(canvases.luma(picture(1)).mean().item(), abs=0.01)


def test_halving_is_smooth_and_rounds_up():
    assert styles.halved(torch.ones(1, 3, 7, 10)).shape == (1, 3, 4, 5)
    assert torch.allclose(styles.halved(torch.full((1, 2, 9, 8), 0.3)), torch.tensor(0.3))
    chess = (torch.arange(16)[:, None] + torch.arange(16)) % 2
    assert styles.halved(chess.float().expand(1, 1, 16, 16))[..., 1:-1, 1:-1].std() < 1e-6      # the finest is gone


def test_a_canvas_keeps_a_film_and_its_own_or_the_photo_s_colours():
    canvas = canvases.Canvas(20, 400, film=True)
    assert canvas.frames.shape == (canvases.FRAMES, 3, 8, 160)
    for _ in range(canvases.FRAMES + 5):
        canvas.keep_frame()
    assert int(canvas.filled) == canvases.FRAMES and ((canvas.frames.float() - 127.5).abs() == 0.5).all()
    photo = canvases.resized(picture(0), (20, 400))
    canvas.colours.copy_(photo)
    chroma = canvas() - canvases.luma(canvas())
    inside = ((canvas() > 0) & (canvas() < 1)).all(1, keepdim=True).expand_as(chroma)
    assert torch.allclose(chroma[inside], (photo - canvases.luma(photo))[inside], atol=1e-5)


def test_framed_keeps_the_proportion():
    made = canvases.framed(torch.zeros(1, 3, 10, 40, dtype=torch.uint8), (30, 20))
    assert made.shape == (1, 3, 30, 20)
    assert (made[0, 0] == 0).any(1).sum() == 5 and math.isclose(float((made == 255).float().mean()), 5 / 6, abs_tol=1e-6)
