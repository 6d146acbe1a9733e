"""A replay is a ring: it holds the newest moves, gives them evenly, and comes back from a checkpoint as it was."""
import pytest
import torch

from deepen.nn import replay
from deepen.nn.replay import Replay

COLUMNS = {"before": ((2,), torch.uint8), "reward": ((), torch.float32)}


def moves(*numbers):
    number = torch.tensor(numbers)
    return {"before": torch.stack((number, number + 1), 1).to(torch.uint8), "reward": number.float()}


def test_it_holds_the_newest():
    memory = Replay(5, COLUMNS)
    memory.add(**moves(0, 1, 2))
    assert len(memory) == 3
    memory.add(**moves(3, 4, 5, 6))             # goes over the end of the ring
    assert len(memory) == 5
    assert sorted(memory.columns["reward"].tolist()) == [2, 3, 4, 5, 6]
    assert torch.equal(memory.columns["before"][:, 0].float(), memory.columns["reward"])
    assert memory.columns["before"].dtype == torch.uint8


def test_samples_belong_together_and_come_evenly():
    torch.manual_seed(0)
    memory = Replay(100, COLUMNS)
    memory.add(**moves(*range(10)))
    drawn = memory.sample(20_000)
    assert torch.equal(drawn["before"][:, 1], drawn["reward"].to(torch.uint8) + 1)
    counts = drawn["reward"].long().bincount(minlength=10)
    assert counts.shape == (10,) and (counts - 2000).abs().max() < 5 * (2000 * 0.9) ** 0.5


def test_state_comes_back():
    memory, other = Replay(5, COLUMNS), Replay(5, COLUMNS)
    for start in (0, 4):
        memory.add(**moves(*range(start, start + 4)))
        other.load_state_dict({"added": memory.added, "columns": {k: v.clone() for k, v in memory.state_dict()["columns"].items()}})
        assert len(other) == len(memory)
        torch.manual_seed(1)
        first = memory.sample(9)
        torch.manual_seed(1)
        assert all(torch.equal(first[name], value) for name, value in other.sample(9).items())
    memory.add(**moves(50, 51))
    other.add(**moves(50, 51))
    assert torch.equal(memory.columns["reward"], other.columns["reward"])


def test_a_large_memory_is_not_saved(monkeypatch):
    monkeypatch.setattr(replay, "SAVED", 29)
    memory = Replay(5, COLUMNS)                 # 5 × (2 + 4) bytes
    memory.add(**moves(1, 2))
    assert not memory.saved and memory.state_dict() == {"added": 0, "columns": {}}
    monkeypatch.setattr(replay, "SAVED", 30)
    assert memory.saved and memory.state_dict()["added"] == 2


def test_wrong_moves_are_refused():
    memory = Replay(3, COLUMNS)
    with pytest.raises(ValueError, match="before, reward"):
        memory.add(before=torch.zeros(1, 2))
    with pytest.raises(ValueError, match="do not fit"):
        memory.add(**moves(1, 2, 3, 4))
