"""Codes: principal components with known answers, a probe that reads what is there, a cloud that remembers, ways between."""
import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from deepen.core.words import Problem
from deepen.nn import codes

MNIST = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data")) / "mnist"


def cloud_of(n=400, size=6, seed=0):
    """Points along known axes: spreads 5, 4, … 1 round a mean that is not zero."""
    draw = torch.Generator().manual_seed(seed)
    turned = torch.linalg.qr(torch.randn(size, size, generator=draw)).Q
    return torch.randn(n, size, generator=draw) * torch.arange(size, 0, -1) @ turned + 3


@pytest.mark.parametrize("size", [1, 3, 6])
def test_principal_components_are_those_of_numpy(size):
    x = cloud_of()
    plain, wanted = codes.Plain(x, size), np.linalg.svd((x - x.mean(0)).double().numpy(), full_matrices=False)
    assert np.allclose(plain.spread.numpy(), wanted.S[:size] / np.sqrt(399))
    assert np.allclose(np.abs(plain.axes.numpy() @ wanted.Vh[:size].T), np.eye(size), atol=1e-6)
    assert plain.error(x) == pytest.approx((wanted.S[size:] ** 2).sum() / 400)


def test_many_numbers_go_by_iteration_and_reach_the_same():
    few = cloud_of(300, 12, 1)
    wide = torch.cat([few, torch.zeros(300, codes.EXACT)], 1)
    fast, exact = codes.Plain(wide, 5), codes.Plain(few, 5)
    assert fast.error(wide) == pytest.approx(exact.error(few), rel=1e-6)
    assert torch.allclose(fast.spread, exact.spread, rtol=1e-6)


@pytest.mark.skipif(not MNIST.exists(), reason="needs the MNIST files in $DEEPEN_DATA")
def test_thirty_components_of_mnist_leave_13_87():
    """Hinton & Salakhutdinov 2006: PCA with 30 numbers has a squared error of 13.87 on the test pictures."""
    def images(name):
        raw = np.frombuffer(gzip.decompress((MNIST / name).read_bytes()), np.uint8, offset=16)
        return codes.unit(torch.from_numpy(raw.reshape(-1, 1, 28, 28).copy()))
    train = images("train-images-idx3-ubyte.gz")
    plain = codes.Plain(train[codes.some_of(60_000, 20_000)], 30)
    assert plain.error(images("t10k-images-idx3-ubyte.gz")) == pytest.approx(13.87, abs=0.1)


def test_a_probe_reads_what_a_line_can_read_and_no_more():
    draw = torch.Generator().manual_seed(0)
    z = torch.randn(900, 5, generator=draw)
    lines = (z[:, 1] > 0).long() + (z[:, 1] > 1)
    crossed = (z[:, 0] * z[:, 2] > 0).long()
    assert codes.probe(z[:600], lines[:600], z[600:], lines[600:], 3) > 0.95
    assert codes.probe(z[:600], crossed[:600], z[600:], crossed[600:], 2) < 0.65
    scaled = codes.probe(z[:600] * 1000 + 7, lines[:600], z[600:] * 1000 + 7, lines[600:], 3)
    assert scaled == pytest.approx(codes.probe(z[:600], lines[:600], z[600:], lines[600:], 3), abs=0.01)


def test_a_cloud_remembers_mean_and_covariance():
    cloud, draw = codes.Cloud(3), torch.Generator().manual_seed(0)
    mixed = torch.tensor([[2.0, 0, 0], [1, 1, 0], [0, 0, 0.1]])
    for _ in range(800):
        cloud(torch.randn(256, 3, generator=draw) @ mixed + torch.tensor([1.0, -2, 0]))
    assert torch.allclose(cloud.mean, torch.tensor([1.0, -2, 0]), atol=0.05)
    assert torch.allclose(cloud.covariance, mixed.T @ mixed, atol=0.15)
    axes = cloud.axes()
    assert torch.allclose(axes.T @ axes, cloud.covariance, atol=1e-4)
    assert axes.norm(dim=1).tolist() == sorted(axes.norm(dim=1).tolist(), reverse=True)


def test_its_first_codes_count_fully():
    cloud, z = codes.Cloud(2), torch.tensor([[1.0, 3], [3, 3]])
    cloud(z)
    assert cloud.mean.tolist() == [2, 3] and cloud.covariance.tolist() == [[1, 0], [0, 0]]


def test_steps_on_the_way_are_even():
    ends = torch.tensor([[0.0, 0], [2, 0], [2, 4]])
    assert codes.between(ends, 5).tolist() == [[0, 0], [1, 0], [2, 0], [2, 2], [2, 4]]
    assert torch.equal(codes.normal(8, 3, 5)[:3], codes.normal(3, 3, 5))


def test_the_way_between_two_noises_stays_where_noise_is():
    torch.manual_seed(0)
    a, b = torch.randn(2, 4, 8, 8)
    way = codes.arc(a, b, 9)
    assert torch.allclose(way[0], a, atol=1e-4) and torch.allclose(way[-1], b, atol=1e-4)
    lengths = way.flatten(1).norm(dim=1)
    assert lengths.min() > 0.95 * min(a.norm(), b.norm()), "the straight line would sink to 0.7"
    steps = (way[1:] - way[:-1]).flatten(1).norm(dim=1)
    assert steps.max() / steps.min() < 1.2
    torch.testing.assert_close(codes.arc(a, a, 3)[1], a, atol=1e-3, rtol=0)


def test_the_most_visible_direction_comes_first():
    axes = torch.eye(3)

    def painted(z):
        return (z * torch.tensor([1.0, 9, 3])).view(-1, 1, 1, 3)
    assert codes.most_visible(painted, torch.zeros(3), axes).argmax(1).tolist() == [1, 2, 0]


def test_pictures_come_back_from_numbers():
    x = torch.randint(0, 256, (5, 3, 4, 6), dtype=torch.uint8)
    assert torch.equal(codes.pictures(codes.unit(x), (3, 4, 6)), x)
    beyond = torch.tensor([[-0.2, 0.0, 0.5, 1.0, 1.3]])
    assert codes.pictures(beyond, (1, 1, 5)).flatten().tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("bend", ["gelu", "relu", "tanh", "sigmoid"])
def test_signals_keep_their_size_at_the_start(bend):
    torch.manual_seed(0)
    x = torch.randn(500, 300)
    out = codes.dense([300] * 6, bend)(x)
    assert out.shape == (500, 300)
    assert 0.3 < out.std() < 2 if bend in ("gelu", "relu") else out.std() > 0.01


@pytest.mark.parametrize("wrong", ["", "a", "500;250", "0", "-3", "1.5"])
def test_widths_that_are_none_are_a_problem(wrong):
    with pytest.raises(Problem, match="500,250"):
        codes.widths_of(wrong)
    assert codes.widths_of("500, 250") == [500, 250]
