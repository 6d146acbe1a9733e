import gzip
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from deepen.core.kinds import Image
from deepen.core.words import Problem
from deepen.sources import mnist as source
from deepen.sources.mnist import fashion, mnist

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
real = pytest.mark.skipif(not (DATA / "mnist").is_dir(), reason="no mnist in DEEPEN_DATA")


@pytest.fixture
def here(monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPEN_DATA", str(DATA))
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path))


@real
def test_the_official_test_is_untouched_and_valid_is_stratified(here):
    data = mnist()
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 54000, "valid": 6000, "test": 10000}
    assert data.inputs == Image(1, 28, 28)
    raw = gzip.decompress((DATA / "mnist/t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    assert data.split("test").inputs.numpy().tobytes() == raw
    assert data.split("test").target[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    for split in data.splits.values():
        assert split.inputs.dtype == torch.uint8 and split.target.dtype == torch.int64
    counts = data.split("valid").target.bincount()
    whole = torch.tensor([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    assert torch.equal(data.split("train").target.bincount() + counts, whole)
    assert (counts - whole / 10).abs().max() <= 1
    assert data.origin == "mnist(size=28, valid=0.1, part=1, seed=0)"


@real
def test_train_and_valid_are_the_whole_of_train(here):
    data, raw = mnist(), gzip.decompress((DATA / "mnist/train-images-idx3-ubyte.gz").read_bytes())[16:]
    pictures = np.frombuffer(raw, np.uint8).reshape(60000, 784)
    seen = [row.tobytes() for name in ("train", "valid") for row in data.split(name).inputs.numpy().reshape(-1, 784)]
    assert sorted(seen) == sorted(row.tobytes() for row in pictures)
    whole = mnist(valid=0)
    assert "valid" not in whole.splits
    assert whole.split("train").inputs.numpy().tobytes() == raw


@real
def test_seed_part_and_size(here):
    a, b, other = mnist(part=0.01, seed=2), mnist(part=0.01, seed=2), mnist(part=0.01, seed=3)
    assert len(a.split("train")) == 540 and len(a.split("valid")) == 6000
    assert torch.equal(a.split("train").inputs, b.split("train").inputs)
    assert not torch.equal(a.split("train").inputs, other.split("train").inputs)
    assert torch.equal(a.split("test").inputs, other.split("test").inputs)
    large = mnist(size=32, part=0.01, seed=2)
    assert large.inputs == Image(1, 32, 32) and large.split("test").inputs.shape == (10000, 1, 32, 32)
    assert torch.equal(large.split("train").target, a.split("train").target)
    assert large.origin == "mnist(size=32, valid=0.1, part=0.01, seed=2)"


@real
def test_the_files_of_one_set_are_not_taken_for_the_other(tmp_path, monkeypatch):
    (tmp_path / "fashion").mkdir()
    for path in (DATA / "mnist").glob("*.gz"):
        shutil.copy(path, tmp_path / "fashion")
    monkeypatch.setenv("DEEPEN_DATA", str(tmp_path))
    with pytest.raises(Problem, match="is not the file it should be"):
        fashion()


@pytest.mark.parametrize("make, folder", [(mnist, "mnist"), (fashion, "fashion")])
def test_offline_it_says_where_to_put_the_files(tmp_path, monkeypatch, make, folder):
    monkeypatch.delenv("DEEPEN_DATA", raising=False)
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path))
    monkeypatch.setattr(source, "_MNIST_MIRRORS", ("http://127.0.0.1:1/",))
    monkeypatch.setattr(source, "_FASHION_MIRRORS", ("http://127.0.0.1:1/",))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(Problem) as caught:
        make()
    for name in source._MNIST:
        assert name in str(caught.value)
    assert str(tmp_path / folder) in str(caught.value)


def test_fashion_reads_the_same_form(tmp_path, monkeypatch):
    import hashlib
    dice, files = np.random.default_rng(0), {}
    (tmp_path / "fashion").mkdir()
    for name, count in (("train", 200), ("t10k", 50)):
        pictures = dice.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", pictures), ("labels-idx1", labels)):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            raw = gzip.compress(head + array.tobytes())
            files[f"{name}-{kind}-ubyte.gz"] = hashlib.sha256(raw).hexdigest()
            (tmp_path / "fashion" / f"{name}-{kind}-ubyte.gz").write_bytes(raw)
    monkeypatch.setattr(source, "_FASHION", files)
    monkeypatch.setenv("DEEPEN_DATA", str(tmp_path))
    data = fashion(valid=0.25)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 150, "valid": 50, "test": 50}
    assert torch.equal(data.split("test").inputs[:, 0], torch.from_numpy(pictures))
    assert data.target.names[3] == "Dress" and len(data.target.names) == 10
    assert data.origin == "fashion(size=28, valid=0.25, part=1, seed=0)"


def test_the_two_sets_have_four_files_each_and_the_order_is_fixed():
    for files in (source._MNIST, source._FASHION):
        kinds = [name.split("-idx")[0] for name in files]
        assert kinds == ["train-images", "train-labels", "t10k-images", "t10k-labels"]
        assert all(len(sha) == 64 for sha in files.values()) and len(set(files.values())) == 4


@pytest.mark.parametrize("raw, sentence", [
    (b"", "not an IDX file"), (b"<html>", "not an IDX file"), (b"\0\0\x08\x03\0\0", "not an IDX file"),
    (b"\0\0\x0d\x01\0\0\0\x01....", "not an IDX file"), (b"\0\0\x08\x01\0\0\0\x05abc", "cut short: it has 3 values"),
    (b"\0\0\x08\x02\0\0\0\x02\0\0\0\x02abcde", "cut short")])
def test_files_that_are_no_idx(raw, sentence):
    with pytest.raises(Problem, match=sentence):
        source._idx(raw)


def test_an_idx_file():
    assert source._idx(b"\0\0\x08\x02\0\0\0\x02\0\0\0\x03abcdef").tolist() == [[97, 98, 99], [100, 101, 102]]


# files of one's own

def idx(array):
    return b"\0\0\x08" + bytes([array.ndim]) + b"".join(struct.pack(">I", size) for size in array.shape) + array.astype(np.uint8).tobytes()


def own(folder, name, count, first=0, packed=True, classes=3, side=28):
    """`count` pictures, each of its own grey, with their labels."""
    folder.mkdir(exist_ok=True, parents=True)
    grey = np.arange(first, first + count)
    pictures = np.broadcast_to(grey[:, None, None], (count, side, side))
    for what, array in (("images-idx3-ubyte", pictures), ("labels-idx1-ubyte", grey % classes)):
        raw = idx(array)
        (folder / f"{name}-{what}{'.gz' if packed else ''}").write_bytes(gzip.compress(raw) if packed else raw)
    return folder


@pytest.mark.parametrize("packed", [True, False])
def test_a_folder_of_ones_own(tmp_path, packed):
    own(own(tmp_path, "train", 60, 0, packed), "t10k", 15, 100, packed)
    data = mnist(path=str(tmp_path))
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 54, "valid": 6, "test": 15}
    assert data.inputs == Image(1, 28, 28) and data.target.names == ("0", "1", "2") and data.said == ()
    for split in data.splits.values():
        assert torch.equal(split.inputs[:, 0, 3, 3].long() % 3, split.target)
    assert data.split("test").inputs[:, 0, 0, 0].tolist() == list(range(100, 115))
    assert f"mnist(path={str(tmp_path)!r}, size=28" in data.origin


def test_own_files_without_a_test_and_of_another_size(tmp_path):
    data = mnist(path=str(own(tmp_path, "train", 100, side=20)), size=10)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 80, "valid": 10, "test": 10}
    assert data.split("train").inputs.shape[1:] == (1, 10, 10)
    assert any("10% of the pictures were held out" in told for told in data.said)
    assert any("20×20 are made 10×10" in told for told in data.said)


@real
def test_the_published_files_by_their_path_are_the_published_data(here):
    by_name, by_path = mnist(part=0.01), mnist(part=0.01, path=str(DATA / "mnist"))
    for name in ("train", "valid", "test"):
        assert torch.equal(by_name.split(name).inputs, by_path.split(name).inputs)
        assert torch.equal(by_name.split(name).target, by_path.split(name).target)


def refuses(folder):
    with pytest.raises(Problem) as caught:
        mnist(path=str(folder))
    return str(caught.value)


def test_own_files_that_do_not_fit(tmp_path):
    assert "should hold one file of pictures" in refuses(tmp_path) and "should hold" in refuses(tmp_path / "no")
    own(tmp_path, "train", 20)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(19))))
    assert "has the sizes [20, 28, 28] and its labels [19]" in refuses(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(20)))[:-9])
    assert "train-labels-idx1-ubyte.gz cannot be read" in refuses(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    assert "has no labels: train-labels-idx1-ubyte should lie beside it" in refuses(tmp_path)
