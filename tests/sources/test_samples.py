"""The tables that come with scikit-learn are the ones scikit-learn gives."""
import pytest
import torch
from sklearn import datasets

from deepen.sources import samples

THEIRS = {"iris": datasets.load_iris, "wine": datasets.load_wine, "cancer": datasets.load_breast_cancer,
          "diabetes": lambda: datasets.load_diabetes(scaled=False)}


@pytest.mark.parametrize("name", THEIRS)
def test_same_as_scikit_learn(name):
    theirs, data = THEIRS[name](), getattr(samples, name)()
    assert sum(map(len, data.splits.values())) == len(theirs.data)
    ours = torch.cat([torch.cat([split.inputs, split.target[:, None].float()], 1) for split in data.splits.values()])
    wanted = torch.cat([torch.tensor(theirs.data), torch.tensor(theirs.target)[:, None]], 1).float()
    assert sorted(map(tuple, ours.tolist())) == sorted(map(tuple, wanted.tolist()))
    assert len(data.inputs.names) == ours.shape[1] - 1
    if name != "diabetes":
        assert len(data.target.names) == len(theirs.target_names)
        counts = [(data.splits["valid"].target == k).float().mean().item() for k in range(len(data.target.names))]
        all_counts = [(wanted[:, -1] == k).float().mean().item() for k in range(len(data.target.names))]
        assert counts == pytest.approx(all_counts, abs=0.07)


def test_shares():
    data = samples.iris(valid=0, test=0.5)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 75, "test": 75}
    assert samples.iris(test=0).said == ()
