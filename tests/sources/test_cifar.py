import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image as Pillow
from pyarrow import parquet

from deepen.core.kinds import Image
from deepen.core.words import Problem
from deepen.engine.start import open_data
from deepen.sources import cifar as source
from deepen.sources.cifar import cifar

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
real = pytest.mark.skipif(not (DATA / "cifar10").is_dir(), reason="no cifar10 in DEEPEN_DATA")


def png(number, size=(12, 10)):
    raw = io.BytesIO()
    Pillow.new("RGB", size, (number % 256, number // 256, 50)).save(raw, "PNG")
    return raw.getvalue()


def written(file, count, first=0, labels=None, struct=True, metadata=None, **more):
    """A Parquet file of `count` pictures, each of its own colour; the class is the number modulo 2."""
    numbers = range(first, first + count)
    raws = more.pop("raws", [png(number) for number in numbers])
    columns = {"img": pa.array([{"bytes": raw, "path": None} for raw in raws]) if struct else pa.array(raws, pa.binary()),
               "label": pa.array(labels if labels is not None else [number % 2 for number in numbers]), **more}
    table = pa.table(columns)
    parquet.write_table(table.replace_schema_metadata({"huggingface": json.dumps(metadata)}) if metadata else table, file)
    return file


def test_a_run_finds_the_files_again_without_the_variable(tmp_path, monkeypatch):
    folder = tmp_path / "mine" / "cifar10"
    folder.mkdir(parents=True)
    file = written(folder / "train.parquet", 40)
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DEEPEN_DATA", str(tmp_path / "mine"))
    data, asked = open_data({"source": "cifar"})
    assert asked["kept"] == str(tmp_path / "mine") and "kept" not in open_data({"source": "digits"})[1]
    monkeypatch.delenv("DEEPEN_DATA")
    again, same = open_data(asked)
    assert same == asked and again.origin == data.origin and torch.equal(again.split("test").inputs, data.split("test").inputs)
    file.unlink()
    with pytest.raises(Problem) as told:
        open_data(asked)
    assert f"CIFAR-10 is not in {folder}, {tmp_path / 'cache' / 'cifar10'};" in str(told.value)


def sizes(data):
    return {name: len(split) for name, split in data.splits.items()}


def refused(path, **given):
    with pytest.raises(Problem) as caught:
        cifar(str(path), **given)
    return str(caught.value)


def right(data):
    return all(torch.equal(split.inputs[:, 0, 5, 5].long() % 2, split.target) for split in data.splits.values())


def test_files_keep_the_split_in_their_name(tmp_path):
    written(tmp_path / "train-00000-of-00002.parquet", 30)
    written(tmp_path / "train-00001-of-00002.parquet", 30, 30)
    written(tmp_path / "validation-00000-of-00001.parquet", 10, 100)
    written(tmp_path / "test.parquet", 8, 200)
    data = cifar(str(tmp_path))
    assert sizes(data) == {"train": 60, "valid": 10, "test": 8} and right(data) and data.said == ()
    assert data.inputs == Image(3, 12, 12) and data.target.names == ("0", "1")
    assert data.split("test").names[2] == "test.parquet, row 3" and data.split("test").inputs[2, :, 0, 0].tolist() == [202, 0, 50]
    assert f"cifar(path={str(tmp_path)!r}, size=12, colour=rgb" in data.origin


@pytest.mark.parametrize("name", ["all.parquet", "test.parquet"])
def test_one_file_is_dealt(tmp_path, name):
    data = cifar(str(written(tmp_path / name, 50, struct=False)), size="8x16", colour="grey", test=0.2)
    assert sizes(data) == {"train": 35, "valid": 5, "test": 10} and data.inputs == Image(1, 8, 16)
    assert "there is no test file: 20% of the pictures were held out for the test" in data.said


def test_names_of_classes(tmp_path):
    told = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
    assert cifar(str(written(tmp_path / "a.parquet", 20, metadata=told))).target.names == ("cat", "dog")
    file = written(tmp_path / "b.parquet", 20)
    (tmp_path / "classes.txt").write_text("나비\n벌\n", encoding="utf-8")
    assert cifar(str(file)).target.names == ("나비", "벌")
    words = cifar(str(written(tmp_path / "c.parquet", 20, labels=["z", "b"] * 10)))
    assert words.target.names == ("b", "z") and torch.equal(words.split("train").target, 1 - words.split("train").inputs[:, 0, 0, 0].long() % 2)


def test_the_columns_may_be_named(tmp_path):
    file = written(tmp_path / "a.parquet", 20, other=pa.array([number // 4 for number in range(20)]))
    assert len(cifar(str(file)).target.names) == 2 and len(cifar(str(file), label="other").target.names) == 5
    assert "has no column nothing; it has img, label, other" in refused(file, label="nothing")
    assert "has no column img2" in refused(file, image="img2")


def test_pictures_that_cannot_be_read(tmp_path):
    file = written(tmp_path / "a.parquet", 20, raws=[png(number) for number in range(18)] + [b"", None])
    assert "2 of 20 pictures cannot be read (a.parquet, row 19: the file is empty" in refused(file)
    data = cifar(str(file), on_bad="skip")
    assert sum(sizes(data).values()) == 18 and right(data)


def test_what_is_no_data(tmp_path):
    assert "holds no .parquet and no data_batch_1.bin" in refused(tmp_path) and "there is nothing at" in refused(tmp_path / "no")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    assert "bad.parquet cannot be read" in refused(tmp_path)
    parquet.write_table(pa.table({"a": [1, 2], "label": [0, 1]}), tmp_path / "bad.parquet")
    assert "has no column for image=…; it has a, label" in refused(tmp_path)
    written(tmp_path / "bad.parquet", 20, labels=[None, 1] * 10)
    assert "10 rows of" in refused(tmp_path) and "have no class" in refused(tmp_path)
    written(tmp_path / "bad.parquet", 20, labels=[1] * 20)
    assert "has only one class, 1" in refused(tmp_path)


def test_memory_stays_bounded(tmp_path, monkeypatch):
    file = written(tmp_path / "a.parquet", 20)
    monkeypatch.setattr(source, "memory", lambda: 2 * 20 * 3 * 40 * 40)
    assert "at most size=40" in refused(file, size=41) and len(cifar(str(file), size=40).split("train")) == 16
    monkeypatch.setattr(source, "memory", lambda: 100)
    assert "more than half of this machine's" in refused(file)


def binary(file, labels):
    pixels = np.random.default_rng(len(labels)).integers(0, 256, (len(labels), 3, 32, 32), dtype=np.uint8)
    file.write_bytes(b"".join(bytes([label]) + picture.tobytes() for label, picture in zip(labels, pixels, strict=True)))
    return torch.from_numpy(pixels)


def test_the_binary_form_comes_back_exactly(tmp_path):
    train = torch.cat([binary(tmp_path / f"data_batch_{part}.bin", [part, 0] * (9 + part)) for part in (1, 2)])
    test = binary(tmp_path / "test_batch.bin", [2, 1, 0])
    (tmp_path / "batches.meta.txt").write_text("plane\ncar\nbird\n\n")
    data = cifar(str(tmp_path), valid=0)
    assert sizes(data) == {"train": 42, "test": 3} and data.target.names == ("plane", "car", "bird")
    assert torch.equal(data.split("train").inputs, train) and torch.equal(data.split("test").inputs, test)
    assert data.split("test").target.tolist() == [2, 1, 0]
    (tmp_path / "data_batch_2.bin").write_bytes(b"x" * 5000)
    assert "has 5000 bytes, which is no multiple of 3073" in refused(tmp_path)


@real
def test_the_published_binary_form(tmp_path):
    with tarfile.open(DATA / "cifar10/cifar-10-binary-mini.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    data = cifar(str(tmp_path / "cifar-10-batches-bin"))
    assert sizes(data) == {"train": 900, "valid": 100, "test": 200} and data.target.names[3] == "cat"
    assert data.inputs == Image(3, 32, 32) and 110 < data.split("train").inputs.float().mean() < 130


@real
def test_the_published_parquet_file():
    data = cifar(str(DATA / "cifar10/test-00000-of-00001.parquet"))
    assert sizes(data) == {"train": 8000, "valid": 1000, "test": 1000}
    assert data.target.names[0] == "airplane" and data.inputs == Image(3, 32, 32)
    assert (data.split("valid").target.bincount() - 100).abs().max() <= 1
