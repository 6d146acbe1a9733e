import math

import pytest
import torch

from deepen.core.kinds import Image, Label, Number, Vector
from deepen.sources.toys import circles, cones, four_points, gauss, plane, spiral, stripes, xor

POINTS = [circles, xor, gauss, spiral, plane, cones]


def whole(make, **given):
    train = make(valid=0, test=0, **given).split("train")
    return train.inputs.double(), train.target


@pytest.mark.parametrize("make", POINTS)
def test_points_have_two_coordinates_and_three_splits(make):
    data = make(count=400)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 200, "valid": 100, "test": 100}
    assert data.inputs == Vector(2, ("x1", "x2")) and data.split("train").inputs.dtype == torch.float32
    if make in (plane, cones):
        assert isinstance(data.target, Number) and data.split("train").target.dtype == torch.float32
    else:
        assert data.target == Label(("orange", "blue")) and data.split("train").target.dtype == torch.int64
    seen = torch.cat([split.inputs for split in data.splits.values()])
    assert len(seen.unique(dim=0)) >= 399               # the two arms of the spiral meet in one point


@pytest.mark.parametrize("make", [*POINTS, stripes])
def test_the_seed_decides_everything(make):
    a, b, other = make(noise=0.2, seed=1), make(noise=0.2, seed=1), make(noise=0.2, seed=2)
    for name in ("train", "valid", "test"):
        assert torch.equal(a.split(name).inputs, b.split(name).inputs)
        assert torch.equal(a.split(name).target, b.split(name).target)
    assert not torch.equal(a.split("train").inputs, other.split("train").inputs)
    assert a.origin == b.origin != other.origin and "seed=1" in a.origin and "noise=0.2" in a.origin


@pytest.mark.parametrize("make", [circles, xor, gauss, spiral, stripes])
def test_the_classes_are_even(make):
    for split in make(count=400, seed=5).splits.values():
        assert abs(split.target.float().mean() - 0.5) < 0.1


def test_circles_are_a_disc_in_a_ring():
    x, blue = whole(circles, count=2000)
    r = x.norm(dim=1)
    assert r[blue == 1].max() < 2.5 and r[blue == 0].min() >= 3.5 and r.max() < 5
    assert blue.sum() == 1000
    noisy_x, noisy = whole(circles, count=2000, noise=0.5)
    assert torch.equal(noisy_x.norm(dim=1).sort().values, r.sort().values)      # noise turns labels, moves no point
    assert 50 < ((noisy_x.norm(dim=1) < 2.5) != (noisy == 1)).sum() < 1000


def test_xor_is_blue_where_the_signs_agree():
    x, blue = whole(xor, count=2000)
    assert torch.equal(blue, (x.prod(1) >= 0).long())
    assert x.abs().min() >= 0.3 and 5 < x.abs().max() <= 5.3


@pytest.mark.parametrize("noise, variance", [(0.0, 0.5), (0.5, 4.0)])
def test_gauss_is_two_clouds(noise, variance):
    x, blue = whole(gauss, count=20000, noise=noise)
    for label, centre in ((1, 2.0), (0, -2.0)):
        cloud = x[blue == label]
        assert (cloud.mean(0) - centre).abs().max() < 0.1
        assert (cloud.var(0) - variance).abs().max() < 0.12 * variance


def test_spiral_follows_its_formula():
    x, blue = whole(spiral, count=500)
    for label, turned in ((1, 0.0), (0, math.pi)):
        r = torch.arange(250).double() / 250 * 5
        t = 1.75 * 2 * math.pi * torch.arange(250).double() / 250 + turned
        wanted = torch.stack([r * t.sin(), r * t.cos()], 1)
        arm = x[blue == label]
        assert torch.allclose(arm[arm.norm(dim=1).argsort()], wanted, atol=1e-5)
    moved = (whole(spiral, count=500, noise=0.5)[0] - x).abs()
    assert 0.3 < moved.max() <= 0.5


def test_plane_is_a_tenth_of_the_sum():
    x, height = whole(plane, count=1000)
    assert torch.allclose(height.double(), x.sum(1) / 10, atol=1e-6) and x.abs().max() > 5.9
    assert height.abs().max() <= 1.2


def test_cones_have_their_tops():
    x, height = whole(cones, count=5000)
    tops = {(-4, 2.5): 1, (0, 2.5): -1, (4, 2.5): 1, (-4, -2.5): -1, (0, -2.5): 1, (4, -2.5): -1}
    for top, sign in tops.items():
        far = (x - torch.tensor(top).double()).norm(dim=1)
        inside = far < 2
        assert torch.allclose(height[inside].double(), sign * (1 - far[inside] / 2), atol=1e-5)
    outside = torch.stack([(x - torch.tensor(top).double()).norm(dim=1) >= 2 for top in tops]).all(0)
    assert outside.any() and (height[outside] == 0).all()


def test_the_four_points_of_the_textbook():
    data = four_points()
    assert data.split("train").inputs.tolist() == [[0, 3], [3, 0], [1, 2], [2, 1]]
    assert data.split("train").target.tolist() == [0, 0, 1, 1]
    assert data.split("valid").inputs.tolist() == data.split("train").inputs.tolist()
    assert "too few to hold any out" in data.said[0] and data.origin == "four_points()"


def test_stripes_run_one_way():
    data = stripes(noise=0.0)
    assert data.inputs == Image(1, 8, 8) and data.target.names == ("horizontal", "vertical")
    for split in data.splits.values():
        pictures = split.inputs[:, 0]
        assert split.inputs.dtype == torch.uint8 and split.inputs.shape[1:] == (1, 8, 8)
        for picture, upright in zip(pictures, split.target, strict=True):
            lines = picture.T if upright else picture
            assert (lines == lines[:, :1]).all() and int((lines[:, 0] == 255).sum()) in (2, 3)


def test_stripes_can_be_learned_by_a_small_net():
    torch.manual_seed(0)
    data = stripes()
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for inputs, target in data.stream("train", 40, 30, seed=0):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(inputs.float() / 255), target).backward()
        optimizer.step()
    test = data.split("test")
    assert (net(test.inputs.float() / 255).argmax(1) == test.target).float().mean() > 0.9
