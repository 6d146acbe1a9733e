import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepen.core import data as data_module
from deepen.core.data import Data, Examples, Stream, hold_out, spread
from deepen.core.kinds import Label, Vector
from deepen.core.words import Problem


def numbered(size):
    """Examples whose input is their own row number."""
    return Examples(torch.arange(size), torch.arange(size) % 3)


def order(stream):
    return [inputs.tolist() for inputs, _ in stream]


def flat(batches):
    return [row for batch in batches for row in batch]


def small(size=30):
    return Data({"train": numbered(size), "valid": numbered(7), "test": numbered(5)}, Vector(1),
                Label(("a", "b", "c")), origin="toy(size=30)")


# streams

@settings(max_examples=200, deadline=None)
@given(size=st.integers(1, 40), batch=st.integers(1, 50), epochs=st.sampled_from([0.5, 1, 1.5, 2, 3, 4.2]),
       seed=st.integers(0, 9))
def test_every_example_comes_once_an_epoch_over_the_seams(size, batch, epochs, seed):
    stream = Stream(numbered(size), batch, epochs, seed)
    planned = len(stream)
    batches = order(stream)
    rows = flat(batches)
    assert len(batches) == planned
    assert len(rows) == stream.total == stream.consumed
    assert abs(len(rows) - epochs * size) < 1
    for epoch in range(math.ceil(epochs)):
        part = rows[epoch * size: (epoch + 1) * size]
        assert len(set(part)) == len(part)
        if len(part) == size:
            assert set(part) == set(range(size))
    assert all(len(part) == batch for part in batches[:-1])
    assert 1 <= len(batches[-1]) <= batch + 1
    if batch > 1 and stream.total > 1:
        assert len(batches[-1]) > 1                             # norms need two


@settings(max_examples=100, deadline=None)
@given(size=st.integers(1, 30), batch=st.integers(1, 20), cut=st.integers(0, 30), seed=st.integers(0, 5))
def test_a_stream_goes_on_where_it_was_left(size, batch, cut, seed):
    whole = order(Stream(numbered(size), batch, 2.5, seed))
    first = Stream(numbered(size), batch, 2.5, seed)
    begun = [inputs.tolist() for _, (inputs, _) in zip(range(min(cut, len(whole))), first, strict=False)]
    second = Stream(numbered(size), batch, 2.5, seed + 1)       # the seed is state too
    second.load_state_dict(first.state_dict())
    assert begun + order(second) == whole
    assert second.consumed == second.total


def test_a_stream_can_be_wound_back_while_it_runs():
    stream = Stream(numbered(12), 4, 3, 0)
    batches = iter(stream)
    first = next(batches)[0].tolist()
    saved = {"consumed": 0, "seed": 0}
    for _ in range(5):
        next(batches)
    stream.load_state_dict(saved)
    assert next(batches)[0].tolist() == first


def test_the_order_depends_on_seed_and_epoch_alone():
    def epochs(batch, seed):
        rows = flat(order(Stream(numbered(20), batch, 3, seed)))
        return [rows[:20], rows[20:40], rows[40:]]
    torch.manual_seed(1)
    a = epochs(3, 7)
    torch.manual_seed(2)
    assert epochs(8, 7) == a
    assert epochs(3, 8) != a
    assert a[0] != a[1] != a[2]


def test_making_batches_leaves_the_random_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    order(Stream(numbered(20), 4, 2, 0))
    assert torch.equal(torch.rand(3), expected)


def test_epochs_that_are_no_exact_binary_number():
    assert Stream(numbered(10), 1, 1.1, 0).total == 11
    assert Stream(numbered(100), 10, 0.07, 0).total == 7


def test_an_empty_split_streams_nothing():
    stream = small().stream("nowhere", 8, 5)
    assert len(stream) == 0 and order(stream) == []


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_ranks_are_disjoint_and_complete(monkeypatch, ranks):
    alone = order(Stream(numbered(50), 12, 2, 3))
    seen = []
    for rank in range(ranks):
        monkeypatch.setattr(data_module, "place_among_ranks", lambda rank=rank: (rank, ranks))
        seen.append(order(Stream(numbered(50), 12, 2, 3)))
    assert {len(batches) for batches in seen} == {len(alone)}
    for step, batch in enumerate(alone):
        assert sorted(flat(batches[step] for batches in seen)) == sorted(batch)
        assert [batches[step] for batches in seen] == [batch[rank::ranks] for rank in range(ranks)]


def test_another_number_of_ranks_goes_on_without_a_gap(monkeypatch):
    stream = Stream(numbered(24), 6, 2, 0)
    begun = [inputs.tolist() for _, (inputs, _) in zip(range(3), stream, strict=False)]
    rest = []
    for rank in range(2):
        monkeypatch.setattr(data_module, "place_among_ranks", lambda rank=rank: (rank, 2))
        again = Stream(numbered(24), 6, 2, 0)
        again.load_state_dict(stream.state_dict())
        rest += flat(order(again))
    assert sorted(flat(begun) + rest) == sorted(list(range(24)) * 2)


# data

def test_targets_belong_to_their_inputs():
    for inputs, target in small().stream("train", 7, 2, seed=1):
        assert torch.equal(target, inputs % 3)


def test_batches_walk_a_split_once_in_order():
    batches = list(small().batches("valid", 3))
    assert [inputs.tolist() for inputs, _ in batches] == [[0, 1, 2], [3, 4, 5], [6]]


def test_parts_are_nested_stratified_and_leave_the_judges_alone():
    target = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    whole = Data({"train": Examples(torch.arange(100), target), "valid": numbered(7)}, Vector(1),
                 Label(("a", "b", "c")), origin="toy()")
    parts = {share: whole.part(share) for share in (0.1, 0.2, 0.5)}
    rows = {share: set(part.split("train").inputs.tolist()) for share, part in parts.items()}
    assert rows[0.1] < rows[0.2] < rows[0.5]
    assert parts[0.1].split("train").target.bincount().tolist() == [6, 3, 1]
    assert parts[0.5].split("train").target.bincount().tolist() == [30, 15, 5]
    assert parts[0.2].split("valid") is whole.split("valid")
    assert parts[0.2].origin == "toy() part=0.2"
    assert whole.part(1) is whole
    assert set(whole.part(0.1, seed=1).split("train").inputs.tolist()) != rows[0.1]
    assert len(whole.part(0.0001).split("train")) == 1


def test_a_part_keeps_names_and_ragged_targets():
    examples = Examples(torch.arange(4), [[1], [], [2, 3], [4]], names=["a", "b", "c", "d"])
    part = examples.part(torch.tensor([2, 0]))
    assert (part.inputs.tolist(), part.target, part.names) == ([2, 0], [[2, 3], [1]], ["c", "a"])


def test_no_target_gives_none():
    inputs, target = Examples(torch.arange(4))[torch.tensor([1, 3])]
    assert inputs.tolist() == [1, 3] and target is None


def test_inputs_and_targets_must_agree_in_number():
    with pytest.raises(Problem, match="4 inputs came with 3 targets"):
        Examples(torch.arange(4), torch.arange(3))


def test_sealed_data_shows_the_size_of_its_test_and_nothing_else():
    sealed = small().sealed()
    assert len(sealed.split("test")) == 5
    with pytest.raises(Problem, match="sealed"):
        sealed.split("test")[torch.tensor([0])]
    with pytest.raises(Problem, match="sealed"):
        next(iter(sealed.batches("test")))
    assert sealed.split("valid")[torch.tensor([0])][0].tolist() == [0]
    assert len(small().sealed().to("cpu").split("test")) == 5


def test_an_unknown_split_names_those_there_are():
    with pytest.raises(Problem, match="no split dev here; there are: train, valid, test"):
        small().split("dev")


def test_bare_data_keeps_the_kinds():
    bare = small().bare()
    assert not bare.splits and bare.inputs == Vector(1) and bare.target.names == ("a", "b", "c")


def test_splits_cannot_be_changed():
    with pytest.raises(TypeError):
        small().splits["train"] = None


# shares

def test_every_prefix_of_a_spread_is_in_proportion():
    shuffle = torch.randperm(1000, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([0] * 500 + [1] * 300 + [2] * 200)[shuffle]
    rows = spread(target, 1000, seed=4)
    assert sorted(rows.tolist()) == list(range(1000))
    for size in (10, 50, 137, 700):
        counts = target[rows[:size]].bincount(minlength=3) / size
        assert (counts - torch.tensor([.5, .3, .2])).abs().max() <= 1.5 / size
    assert torch.equal(rows, spread(target, 1000, seed=4))
    assert not torch.equal(rows, spread(target, 1000, seed=5))


def test_a_spread_without_classes_is_a_shuffle():
    assert sorted(spread(None, 9, 0).tolist()) == list(range(9))
    assert sorted(spread(torch.rand(9), 9, 0).tolist()) == list(range(9))


def test_held_out_rows_are_disjoint_and_in_order():
    target = torch.arange(100) % 4
    kept, held = hold_out(target, 100, 0.2, seed=3)
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(100))
    assert kept.tolist() == sorted(kept.tolist()) and held.tolist() == sorted(held.tolist())
    assert target[held].bincount().tolist() == [5, 5, 5, 5]
    assert len(hold_out(target, 100, 0)[1]) == 0


def test_a_slice_of_ragged_targets_is_a_list():
    examples = Examples(torch.arange(4), ["a", "b", "c", "d"])
    inputs, target = examples[1:3]
    assert inputs.tolist() == [1, 2] and target == ["b", "c"] and examples[:][1] == ["a", "b", "c", "d"]
    assert examples[torch.tensor([3, 0])][1] == ["d", "a"]
