import pytest
import torch

from deepen.core.data import Data, Examples, spread
from deepen.core.kinds import Label, Vector
from deepen.core.words import Problem
from deepen.sources._split import shares, split, united


def chance(seed):
    return torch.Generator().manual_seed(seed)


def made(seed, size=600, classes=4, groups=None):
    """(target, groups) of `size` rows; each class of its own size."""
    dice = chance(seed)
    target = torch.multinomial(torch.arange(1.0, classes + 1), size, True, generator=dice)
    return target, torch.randint(0, groups, (size,), generator=dice) if groups else None


def whole(found, size):
    """Every row is in exactly one split, in ascending order."""
    rows = torch.cat(list(found.values()))
    assert len(rows) == size and torch.equal(rows.sort().values, torch.arange(size))
    assert all((mine.diff() > 0).all() for mine in found.values())
    return {name: len(mine) for name, mine in found.items()}


def unparted(found, groups):
    splits = [set(groups[rows].tolist()) for rows in found.values()]
    return all(not (one & other) for i, one in enumerate(splits) for other in splits[i + 1:])


def proportions(target, rows, classes=4):
    return target[rows].bincount(minlength=classes) / len(rows)


# held out, in proportion

@pytest.mark.parametrize("seed", range(50))
def test_shares_hold_the_classes_in_proportion(seed):
    target, _ = made(seed)
    found = shares(target, 600, 0.1, 0.2, seed)
    assert whole(found, 600) == {"train": 420, "valid": 60, "test": 120}
    for rows in found.values():
        assert (proportions(target, rows) - proportions(target, torch.arange(600))).abs().max() < 0.03


def test_without_groups_the_rows_are_those_of_spread():
    target, _ = made(3)
    order = spread(target, 600, 7)
    found = shares(target, 600, 0.1, 0.2, 7)
    assert torch.equal(found["test"], order[:120].sort().values)
    assert torch.equal(found["valid"], order[120:180].sort().values)
    alone = shares(target, 600, 0.1, 0.2, 7, groups=torch.arange(600) * 5 - 90)     # a group each is no groups
    assert all(torch.equal(found[name], alone[name]) for name in found)


def test_no_share_makes_no_split_and_every_share_at_least_one_row():
    assert list(shares(None, 9, 0, 0, 0)) == ["train"]
    assert {name: len(rows) for name, rows in shares(None, 9, 0.001, 0.001, 0).items()} == {"train": 7, "valid": 1, "test": 1}
    with pytest.raises(Problem, match="leave none of the 10 examples"):
        shares(None, 10, 0.5, 0.5, 0)


def test_examples_are_split_with_their_names():
    examples = Examples(torch.arange(20.0)[:, None], torch.arange(20) % 2, [str(row) for row in range(20)])
    for part in split(examples, 0.1, 0.2, 0).values():
        assert [float(name) for name in part.names] == part.inputs[:, 0].tolist()
        assert torch.equal(part.inputs[:, 0].long() % 2, part.target)


# groups

@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("groups", [25, 120, 500])
def test_a_group_is_never_parted_and_the_shares_are_near(seed, groups):
    target, group = made(seed, groups=groups)
    found = shares(target, 600, 0.1, 0.2, seed, groups=group)
    sizes = whole(found, 600)
    assert unparted(found, group)
    largest = int(group.bincount().max())
    for name, wanted in (("train", 420), ("valid", 60), ("test", 120)):
        assert abs(sizes[name] - wanted) <= max(1, largest), (name, sizes)
        far = (proportions(target, found[name]) - proportions(target, torch.arange(600))).abs().max()
        assert far < (0.2 if groups == 25 else 0.08), (name, far)


def test_a_group_of_one_class_only():
    target = torch.arange(300) % 3
    group = torch.arange(300) // 9 * 3 + target                 # 100 groups of 3, each of one class
    found = shares(target, 300, 0.1, 0.2, 0, groups=group)
    assert unparted(found, group)
    assert found["test"].numel() == 60 and proportions(target, found["test"], 3).tolist() == pytest.approx([1 / 3] * 3, abs=0.06)


def test_a_class_known_from_one_group_is_learned():
    for seed in range(20):
        target, group = torch.zeros(100, dtype=torch.int64), torch.arange(100) // 5
        target[40:45] = 1
        assert 1 in target[shares(target, 100, 0.1, 0.1, seed, groups=group)["train"]]


def test_groups_of_very_unlike_sizes():
    group = torch.cat([torch.zeros(500), torch.arange(1, 101)]).long()
    found = shares(None, 600, 0.05, 0.05, 0, groups=group)
    assert whole(found, 600) == {"train": 540, "valid": 30, "test": 30} and 0 in group[found["train"]]


def test_the_seed_decides_and_chance_is_repeatable():
    target, group = made(0, groups=60)
    one, same, other = (shares(target, 600, 0.1, 0.2, seed, groups=group) for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["test"], other["test"])


def test_every_split_gets_a_group_as_long_as_there_are_some():
    group = torch.tensor([0] * 50 + [1] * 49 + [2])
    assert {len(set(group[rows].tolist())) for rows in shares(None, 100, 0.1, 0.1, 0, groups=group).values()} == {1}
    with pytest.raises(Problem, match="only 2 groups and 3 splits"):
        shares(None, 100, 0.1, 0.1, 0, groups=torch.arange(100) % 2)


def test_numbers_as_target_are_split_by_chance_and_by_group():
    group = torch.arange(200) // 4
    found = shares(torch.rand(200, generator=chance(0)), 200, 0.1, 0.2, 0, groups=group)
    assert whole(found, 200) == {"train": 140, "valid": 20, "test": 40} and unparted(found, group)


# several rules are one

def test_rules_are_united():
    first = torch.tensor([5, 5, 2, 2, 9, 9, 1])
    assert united(7, first).tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert united(7, first, [[1, 2]]).tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert united(7, [[1, 2], [6, 4]], first).tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert united(4).tolist() == united(4, []).tolist() == [0, 1, 2, 3]


def test_a_long_chain_is_one_group():
    pairs, between = torch.arange(200) // 2, torch.cat([torch.zeros(1).long(), (torch.arange(199)) // 2 + 1])
    assert united(200, pairs, between).unique().tolist() == [0]


# time

def test_the_newest_rows_are_the_test():
    order = torch.randperm(100, generator=chance(0))
    found = shares(None, 100, 0.1, 0.2, 0, order=order)
    assert whole(found, 100) == {"train": 70, "valid": 10, "test": 20}
    assert order[found["train"]].max() == 69 and order[found["valid"]].min() == 70 and order[found["test"]].min() == 80
    assert all(torch.equal(rows, shares(None, 100, 0.1, 0.2, 5, order=order)[name]) for name, rows in found.items())


@pytest.mark.parametrize("seed", range(50))
def test_equal_times_stay_together(seed):
    order = torch.randint(0, 30, (300,), generator=chance(seed)).double() / 7
    found = shares(None, 300, 0.1, 0.2, seed, order=order)
    sizes = whole(found, 300)
    assert unparted(found, order) and order[found["train"]].max() < order[found["valid"]].min() <= order[found["valid"]].max()
    assert order[found["valid"]].max() < order[found["test"]].min()
    assert abs(sizes["test"] - 60) <= 12 and abs(sizes["valid"] - 30) <= 18


def test_too_few_times():
    assert whole(shares(None, 30, 0.1, 0.1, 0, order=torch.arange(30) % 3), 30) == {"train": 10, "valid": 10, "test": 10}
    with pytest.raises(Problem, match="only 2 different times and 3 splits"):
        shares(None, 30, 0.1, 0.1, 0, order=torch.arange(30) % 2)


def test_a_group_goes_where_its_newest_row_goes():
    order, group = torch.arange(100), torch.arange(100)
    group[5] = group[99] = 1000                                     # a copy of the oldest in the newest
    found = shares(None, 100, 0.1, 0.2, 0, order=order, groups=group)
    assert 5 in found["test"] and 99 in found["test"] and order[found["train"]].max() < order[found["valid"]].min()


# folds

@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("groups", [None, 90])
def test_every_row_is_valid_once_over_the_folds(seed, groups):
    target, group = made(seed, groups=groups)
    all_of_it = [shares(target, 600, 0.1, 0.2, seed, groups=group, folds=5, fold=fold) for fold in range(1, 6)]
    for found in all_of_it:
        whole(found, 600)
        assert torch.equal(found["test"], all_of_it[0]["test"]) and abs(len(found["valid"]) - 96) <= (0 if groups is None else 15)
        assert (proportions(target, found["valid"]) - proportions(target, torch.arange(600))).abs().max() < (0.03 if groups is None else 0.12)
        assert groups is None or unparted(found, group)
    rest = torch.cat([found["valid"] for found in all_of_it])
    assert torch.equal(rest.sort().values, torch.cat([all_of_it[0]["train"], all_of_it[0]["valid"]]).sort().values)


def test_folds_without_a_test():
    found = shares(None, 10, 0.1, 0, 0, folds=3, fold=3)
    assert list(found) == ["train", "valid"] and {len(rows) for rows in found.values()} == {6, 4}


@pytest.mark.parametrize("given, told", [
    (dict(folds=1), "fold 1 of 1 is not possible"), (dict(folds=5, fold=6), "fold 6 of 5"), (dict(folds=5, fold=0), "fold 0 of 5"),
    (dict(folds=9), "8 examples are too few for 9 folds"), (dict(folds=2, order=torch.arange(10)), "order of time"),
    (dict(folds=4, groups=torch.arange(10) % 4), "only 4 groups and 5 splits")])
def test_folds_that_cannot_be(given, told):
    with pytest.raises(Problem, match=told):
        shares(None, 10, 0.1, 0.2, 0, **given)


# a part of train

def test_a_part_is_nested_stratified_and_leaves_the_rest_whole():
    target, group = made(1, groups=80)
    rows = shares(target, 600, 0.1, 0.2, 0, groups=group)
    inputs = torch.arange(600.0)[:, None]
    data = Data({name: Examples(inputs, target).part(mine) for name, mine in rows.items()}, Vector(1), Label(tuple("abcd")))
    tenth, fifth = (set(data.part(share).split("train").inputs[:, 0].tolist()) for share in (0.1, 0.2))
    assert tenth < fifth < set(rows["train"].tolist()) and abs(len(fifth) - 2 * len(tenth)) <= 1
    part = data.part(0.2)
    assert (part.split("train").target.bincount() / len(fifth) - target[rows["train"]].bincount() / len(rows["train"])).abs().max() < 0.02
    assert part.split("test") is data.split("test") and not set(group[list(map(int, fifth))].tolist()) & set(group[rows["test"]].tolist())
