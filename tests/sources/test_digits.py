import sys

import pytest
import torch

from deepen.core.kinds import Image, Label
from deepen.core.words import Problem
from deepen.sources._resize import resized
from deepen.sources._split import shares
from deepen.sources.digits import digits


def prints(examples):
    return {picture.numpy().tobytes() for picture in examples.inputs}


def test_shapes_types_and_counts():
    data = digits()
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 1258, "valid": 180, "test": 359}
    assert data.inputs == Image(1, 8, 8) and data.target == Label(tuple("0123456789"))
    for split in data.splits.values():
        assert split.inputs.dtype == torch.uint8 and split.target.dtype == torch.int64
        assert split.inputs.shape[1:] == (1, 8, 8)
    whole = torch.cat([split.target for split in data.splits.values()])
    assert whole.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.split("test").target.bincount().tolist() == [36, 36, 35, 37, 36, 36, 36, 36, 35, 36]
    assert data.origin == "digits(size=8, valid=0.1, test=0.2, seed=0)"
    assert data.said == ("digits has no official test split: 20% of it was held out by seed 0",)


def test_the_pixels_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits
    theirs = load_digits()
    ours = digits(valid=0, test=0).split("train")
    wanted = torch.from_numpy(theirs.images * 255 / 16).round().to(torch.uint8)[:, None]
    assert torch.equal(ours.inputs, wanted) and torch.equal(ours.target, torch.from_numpy(theirs.target))
    assert ours.inputs.max() == 255


def test_the_splits_share_no_picture():
    data = digits()
    train, valid, test = (prints(data.split(name)) for name in ("train", "valid", "test"))
    assert not (train & valid or train & test or valid & test)
    assert len(train | valid | test) == 1797


def test_the_same_seed_gives_the_same_shares():
    a, b, c = digits(seed=3), digits(seed=3), digits(seed=4)
    for name in ("train", "valid", "test"):
        assert torch.equal(a.split(name).inputs, b.split(name).inputs)
        assert torch.equal(a.split(name).target, b.split(name).target)
    assert prints(a.split("test")) != prints(c.split("test"))


def test_no_share_makes_no_split():
    data = digits(valid=0, test=0)
    assert list(data.splits) == ["train"] and len(data.split("train")) == 1797 and data.said == ()


def test_a_part_lies_inside_a_larger_part():
    data = digits()
    small, large = (prints(data.part(share).split("train")) for share in (0.1, 0.3))
    assert len(small) == 126 and small < large < prints(data.split("train"))


def test_another_size():
    data = digits(size=16)
    assert data.inputs == Image(1, 16, 16) and data.split("train").inputs.shape == (1258, 1, 16, 16)
    small = digits().split("train").inputs.float().mean()
    assert abs(data.split("train").inputs.float().mean() - small) < 2


def test_it_does_not_import_scikit_learn():
    import subprocess
    code = "import sys; from deepen.sources.digits import digits; digits(); print('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_shares_that_leave_nothing_are_refused():
    with pytest.raises(Problem, match=r"valid=0.6 and test=0.5 leave none of the 1797 examples to learn from"):
        digits(valid=0.6, test=0.5)


def test_shares_are_disjoint_complete_and_in_proportion():
    target = torch.tensor([0] * 70 + [1] * 20 + [2] * 10)
    rows = shares(target, 100, 0.1, 0.2, seed=1)
    assert sorted(torch.cat(list(rows.values())).tolist()) == list(range(100))
    assert list(rows) == ["train", "valid", "test"]
    assert [target[rows[name]].bincount().tolist() for name in rows] == [[49, 14, 7], [7, 2, 1], [14, 4, 2]]
    assert len(shares(target, 100, 0.001, 0, 0)["valid"]) == 1          # a share that was asked for is never empty


@pytest.mark.parametrize("size", [5, 20, 32])
def test_stretching_agrees_with_reading(size):
    import io

    from PIL import Image as Pillow
    pictures = digits().split("train").inputs[:20]
    for picture, ours in zip(pictures, resized(pictures, size), strict=True):
        raw = io.BytesIO()
        Pillow.fromarray(picture[0].numpy()).save(raw, "PNG")
        assert (Image(1, size, size).read(raw.getvalue()).int() - ours.int()).abs().max() <= 1
