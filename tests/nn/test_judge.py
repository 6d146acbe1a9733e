"""The judge of generated pictures knows real ones, refuses noise, sees missing classes, and leaves no trace."""
import pytest
import torch

from deepen.core.words import Problem
from deepen.nn import judge
from deepen.sources.digits import digits
from deepen.sources.shapes import shapes


@pytest.fixture(scope="module")
def real():
    return digits()


@pytest.fixture(scope="module")
def critic(real):
    return judge.judge_of(*real.split("train")[:], classes=10)


def test_it_recognises_real_pictures_and_refuses_noise(real, critic):
    x, y = real.split("valid")[:]
    _, p = judge.looked(critic, x)
    assert (p.argmax(1) == y).float().mean() > 0.95
    assert judge.recognised(p) > 0.85 and judge.modes(p) == 10
    noise = torch.randint(0, 256, (500, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert judge.recognised(judge.looked(critic, noise)[1]) < 0.05


def test_distance_orders_real_blurred_one_class_and_noise(real, critic):
    x, y = real.split("train")[:]
    features = judge.looked(critic, x)[0]

    def far(pictures):
        return judge.frechet_own(judge.looked(critic, pictures)[0], features)
    test = far(real.split("test")[:][0])
    shifted = far(x.roll(1, 3))
    one = far(x[y == 1])                            # perfect pictures of one class: collapsed
    noise = far(torch.randint(0, 256, x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8))
    assert test < 1 and test < shifted < noise and one > 10 * test


def test_pictures_without_classes_have_features_too(real):
    x, y = real.split("train")[:]
    critic = judge.judge_of(x, None, steps=150)
    assert judge.judge_of(x.clone(), None, 10) is critic is not judge.judge_of(x, y, 10)
    shown = real.split("test")[:][0]

    def told(pictures):
        return judge.figures(pictures, (x, None), shown, classes=10)
    kept, damaged = told(real.split("valid")[:][0]), told(shown.roll(1, 3))
    assert set(kept) == {"frechet_own", "sample_precision", "sample_recall"}
    assert kept["frechet_own"] < damaged["frechet_own"] and kept["sample_precision"] > damaged["sample_precision"]


def test_a_judge_of_few_pictures_does_not_learn_them_by_heart():
    draw = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 256, (240, 3, 5, 5), generator=draw).float()
    x = torch.nn.functional.interpolate(coarse, (24, 24), mode="bilinear").to(torch.uint8)      # clouds of colour
    critic = judge.judge_of(x[:120], None)
    known, new = judge.looked(critic, x[:120])[0], judge.looked(critic, x[120:])[0]
    spread = torch.cov(new.T).trace().item()
    assert judge.frechet_own(known, new) < 0.5 * spread
    assert judge.frechet_own(judge.looked(critic, x[120:].float().mean((2, 3), keepdim=True).expand(-1, -1, 24, 24).to(torch.uint8))[0],
                             new) > 2 * judge.frechet_own(known, new)


def test_turns_are_right_and_cut_to_a_square():
    torch.manual_seed(0)
    x = torch.arange(6 * 2 * 4 * 6).reshape(6, 2, 4, 6)
    y, turns = judge.turned(x)
    assert y.shape == (6, 2, 4, 4) and set(turns.tolist()) <= {0, 1, 2, 3} and len(set(turns.tolist())) > 1
    for row, turn in enumerate(turns.tolist()):
        assert torch.equal(y[row].rot90(-turn, (1, 2)), x[row, :, :, 1:5])


@pytest.mark.parametrize("size, factor", [((1, 1), 16), ((3, 2), 6), ((8, 8), 2), ((28, 28), 1), ((40, 40), 1), ((64, 64), 0.5),
                                          ((48, 96), 0.25), ((256, 256), 0.125), ((2, 200), 1), ((200, 1), 1)])
def test_pictures_of_any_size_are_brought_to_one_a_judge_can_see(size, factor):
    assert judge.factor_of(*size) == factor
    images = torch.randint(0, 256, (20, 3, *size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    critic = judge.judge_of(images, torch.arange(20) % 2, 2, steps=2, batch=8)
    features, p = judge.looked(critic, images)
    assert features.shape == (20, 64) and p.shape == (20, 2) and features.isfinite().all()


def test_one_picture_is_enough_for_a_judge():
    one = torch.full((1, 3, 8, 8), 7, dtype=torch.uint8)
    critic = judge.judge_of(one, None, steps=2, batch=8)
    assert judge.looked(critic, one)[0].isfinite().all()
    found = judge.figures(one.expand(4, -1, -1, -1), (one, None), one)
    assert set(found) == {"frechet_own", "sample_precision", "sample_recall"} and found["frechet_own"] < 1e-6
    assert all(value == value for value in found.values())


def test_it_learns_coloured_pictures_of_64_pixels():
    data = shapes(count=600, task="classes", size=64, difficulty=0.1)
    x, y = data.split("train")[:]
    p = judge.looked(judge.judge_of(x, y, 6, steps=60), data.split("test")[:][0])[1]
    assert (p.argmax(1) == data.split("test")[:][1]).float().mean() > 0.6        # by chance: 0.17


def test_the_first_filters_make_patches_equally_strong():
    draw = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.avg_pool2d(torch.randn(500, 3, 24, 24, generator=draw), 3, 1, 1)
    filters = judge.whitening(smooth, eps=0.0)
    seen = torch.nn.functional.conv2d(smooth, filters, stride=3, padding=1).transpose(0, 1).flatten(1)
    assert filters.shape == (16, 3, 4, 4)
    torch.testing.assert_close(torch.cov(seen), torch.eye(16), rtol=0, atol=1e-2)


def test_the_same_judge_again_gives_the_same_figures(real):
    x, y = (part[:300] for part in real.split("train")[:])
    first = judge.looked(judge.judge_of(x, y, 10, steps=30), x)[0]
    judge._known.clear()
    assert torch.equal(judge.looked(judge.judge_of(x, y, 10, steps=30), x)[0], first)


def test_modes_counts_recognised_classes_only():
    sure, unsure = torch.eye(4) * 0.97 + 0.01, torch.full((1, 4), 0.25)
    p = torch.cat([sure[0].expand(60, 4), sure[1].expand(38, 4), sure[2].expand(1, 4), unsure.expand(21, 4)])
    assert judge.recognised(p) == pytest.approx(99 / 120)
    assert judge.modes(p) == 2                      # class 2 has 1 of 120, below one percent; class 3 none
    assert judge.modes(p, least=0.005) == 3


def test_frechet_distance_of_known_crowds():
    a = torch.randn(5000, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert judge.frechet_own(a, a) == pytest.approx(0, abs=1e-8)
    shift = torch.tensor([3.0, 0, 0, 4.0, 0, 0])
    assert judge.frechet_own(a, a + shift) == pytest.approx(25, abs=1e-6)
    assert judge.frechet_own(a, 3 * a - 2 * a.mean(0)) == pytest.approx(4 * torch.cov(a.T).trace().item(), rel=1e-9)
    turned = a @ torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[0]
    wide = a * torch.tensor([1.0, 2, 3, 1, 1, 1]) + 1
    direct = torch.linalg.eigvals(torch.cov(turned.T) @ torch.cov(wide.T)).real.clamp(min=0).sqrt().sum()
    expected = ((turned.mean(0) - wide.mean(0)).square().sum() + torch.cov(turned.T).trace()
                + torch.cov(wide.T).trace() - 2 * direct)
    assert judge.frechet_own(turned, wide) == pytest.approx(expected.item(), rel=1e-9)


def test_frechet_distance_by_the_formula_with_scipy():
    linalg = pytest.importorskip("scipy.linalg")
    draw = torch.Generator().manual_seed(3)
    a = torch.randn(400, 12, dtype=torch.float64, generator=draw) @ torch.randn(12, 12, dtype=torch.float64, generator=draw)
    b = torch.randn(300, 12, dtype=torch.float64, generator=draw) @ torch.randn(12, 12, dtype=torch.float64, generator=draw) + 0.5
    A, B = torch.cov(a.T).numpy(), torch.cov(b.T).numpy()
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum().item() + (A + B - 2 * linalg.sqrtm(A @ B).real).trace()
    assert judge.frechet_own(a, b) == pytest.approx(expected, rel=1e-9)
    assert judge.frechet_own(a.float(), b.float()) == pytest.approx(expected, rel=1e-5)       # counted in float64 all the same


def test_it_survives_fewer_pictures_than_features():
    a = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
    assert judge.frechet_own(a, a) == pytest.approx(0, abs=1e-6)


def test_training_a_judge_leaves_no_trace_and_is_remembered(real):
    x, y = (part[:200] for part in real.split("train")[:])
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with torch.no_grad():
        first = judge.judge_of(x, y, 10, steps=5)
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)
    assert judge.judge_of(x.clone(), y.clone(), 10) is first
    assert not any(parameter.requires_grad for parameter in first.parameters()) and not first.training
    assert judge.judge_of(x + 1, y, 10, steps=5) is not first


# precision and recall of samples

def blob(count, centre, seed, wide=1.0):
    draw = torch.Generator().manual_seed(seed)
    return centre + wide * torch.randn(count, 8, generator=draw)


def test_identical_disjoint_and_collapsed_crowds():
    real = torch.cat([blob(200, 0.0, 0), blob(200, 30.0, 1)])
    assert judge.within(real, real) == 1
    far = blob(300, -100.0, 2)
    assert judge.within(far, real) == judge.within(real, far) == 0
    one = blob(400, 30.0, 3, wide=0.5)                          # only the second half of what there is
    assert judge.within(one, real) > 0.95 and judge.within(real, one) < 0.5
    wide = torch.cat([real, far])                               # all there is, and rubbish
    assert judge.within(wide, real) == pytest.approx(400 / 700) and judge.within(real, wide) == 1


def test_the_manifold_is_balls_to_the_third_neighbour():
    line = torch.tensor([0.0, 1, 2, 3, 10])[:, None]            # to the third neighbour: 3, 2, 2, 3, 9
    asked = torch.tensor([-3.0, -3.1, 5.9, 6.1, 18.9, 19.1])[:, None]
    assert [judge.within(one[None], line) for one in asked] == [1, 0, 1, 1, 1, 0]
    assert judge.within(asked, line, k=1) == pytest.approx(2 / 6)          # to the first: 1, 1, 1, 1, 7
    same = torch.zeros(10, 3)
    assert judge.within(same, same) == 1 and judge.within(same + 1e-6, same) == 0
    crowd = blob(50, 0.0, 4)
    assert judge.within(crowd, crowd + 0.7, chunk=7) == judge.within(crowd, crowd + 0.7)
    assert judge.within(crowd[:1], crowd[:1]) == 1                          # one has no neighbours: itself alone


def test_figures_of_real_blurred_and_collapsed_pictures(real, critic):
    (x, y), shown = real.split("train")[:], real.split("test")[:][0]
    told = judge.figures(x[:300], (x, y), shown, 10, y[:300])
    assert set(told) == {"recognised", "modes", "as_asked", "frechet_own", "sample_precision", "sample_recall"}
    assert told["as_asked"] > 0.95 and told["modes"] == 10 and told["sample_precision"] > 0.7 and told["sample_recall"] > 0.5
    assert judge.figures(x[:300], (x, y), shown, 10, (y[:300] + 1) % 10)["as_asked"] < 0.05
    assert "as_asked" not in judge.figures(x[:300], (x, y), shown, 10)
    collapsed = judge.figures(x[y == 1][:20].repeat(10, 1, 1, 1), (x, y), shown, 10)
    assert collapsed["sample_recall"] < 0.2 < collapsed["sample_precision"] and collapsed["modes"] < 4
    noise = torch.randint(0, 256, (200, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert judge.figures(noise, (x, y), shown, 10)["sample_precision"] < 0.1
    features = judge.looked(critic, x[:300])[0]
    assert told["frechet_own"] == judge.frechet_own(features, judge.looked(critic, shown)[0])


def test_class_by_name_or_number():
    names = ("cat", "dog", "7")
    assert [judge.class_of(names, said) for said in ("dog", " cat ", "1", "7", "2")] == [1, 0, 1, 2, 2]
    assert judge.class_of([str(i) for i in range(10)], "7") == 7
    for said, why in (("dogg", "did you mean dog"), ("9", "0 to 2"), ("-1", "0 to 2"), ("zebra", "cat, dog, 7")):
        with pytest.raises(Problem, match=why):
            judge.class_of(names, said)
    with pytest.raises(Problem, match="no classes"):
        judge.class_of((), "1")
