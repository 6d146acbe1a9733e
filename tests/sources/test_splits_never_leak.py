"""What belongs together never lies in two splits: exact copies, near copies, groups; over 20 seeds."""
import io
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from deepen.core.recipe import fields_of
from deepen.sources.folder import folder
from deepen.sources.table import table

SEEDS = range(20)


def photo(draw: np.random.Generator) -> Image.Image:
    """Something like a photo: soft shapes, 64 pixels a side."""
    return Image.fromarray(draw.integers(0, 256, (7, 7, 3), dtype=np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)


def recompressed(picture: Image.Image, draw: random.Random) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=draw.randint(50, 95))
    return Image.open(io.BytesIO(buffer.getvalue()))


def planted(root: Path, seed: int) -> dict[str, list[str]]:
    """Two classes of photos; original -> its copies, exact and near, under other names (of the same class)."""
    draw, chance = np.random.default_rng(seed), random.Random(seed)
    families: dict[str, list[str]] = {}
    for name in ("ants", "bees"):
        (root / name).mkdir(parents=True)
        for i in range(24):
            picture, first = photo(draw), f"{name}/p{i}.png"
            picture.save(root / first)
            if i % 3 == 0:
                kind = i // 3 % 4
                copy = f"{name}/z{chance.randint(100, 999)}_{i}." + ("png" if kind == 0 else "jpg")
                if kind == 0:
                    (root / copy).write_bytes((root / first).read_bytes())
                elif kind == 1:
                    recompressed(picture, chance).save(root / copy, quality=80)
                elif kind == 2:
                    picture.resize((48, 48), Image.Resampling.LANCZOS).save(root / copy, quality=90)
                else:
                    ImageEnhance.Brightness(picture).enhance(0.9).save(root / copy, quality=92)
                families[first] = [copy]
    for i in range(4):                                  # three of one family: the chain must hold too
        first = f"bees/p{i * 3 + 1}.png"
        for j in range(2):
            (root / f"bees/again{j}_{i}.png").write_bytes((root / first).read_bytes())
        families[first] = [f"bees/again{j}_{i}.png" for j in range(2)]
    return families


def places(data) -> dict[str, str]:
    """name of an example -> its split; every example in one split only."""
    found: dict[str, str] = {}
    for name, split in data.splits.items():
        for example in split.names:
            assert example not in found, f"{example} is in {found[example]} and in {name}"
            found[example] = name
    return found


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    return root, planted(root, 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_copies_of_pictures_stay_together(photos, seed):
    root, families = photos
    data = folder(str(root), size=16, valid=0.2, test=0.2, seed=seed)
    where = places(data)
    assert len(where) == len(list(root.rglob("*.*"))), "every picture is in some split"
    parted = {first: [where[first], *(where[copy] for copy in copies)] for first, copies in families.items()
              if len({where[first], *(where[copy] for copy in copies)}) > 1}
    assert parted == {}
    assert set(where.values()) == {"train", "valid", "test"}
    assert 0.1 <= len(data.splits["test"]) / len(where) <= 0.3, "and the shares are about those asked"


def test_seeds_part_them_differently(photos):
    root, _ = photos
    tests = {tuple(folder(str(root), size=16, test=0.2, seed=seed).splits["test"].names) for seed in range(4)}
    assert len(tests) == 4


@pytest.mark.parametrize("seed", SEEDS)
def test_patients_stay_together(tmp_path, seed):
    draw, chance = np.random.default_rng(seed), random.Random(seed)
    count = 0
    for patient in range(14):
        for _ in range(chance.randint(1, 6)):
            label = "ill" if patient % 2 else "well"
            (tmp_path / label).mkdir(exist_ok=True)
            photo(draw).save(tmp_path / label / f"patient{patient}_{count}.png")
            count += 1
    where = places(folder(str(tmp_path), size=8, valid=0.2, test=0.2, group="name", seed=seed))
    assert len(where) == count
    by_patient: dict[str, set[str]] = {}
    for name, split in where.items():
        by_patient.setdefault(name.split("/")[1].split("_")[0], set()).add(split)
    assert all(len(splits) == 1 for splits in by_patient.values()), by_patient
    assert set().union(*by_patient.values()) == {"train", "valid", "test"}


@pytest.mark.parametrize("folds", [3, 5])
def test_folds_part_no_family_and_hold_every_picture_once(photos, folds):
    root, families = photos
    held: list[str] = []
    for fold in range(1, folds + 1):
        data = folder(str(root), size=16, test=0.2, folds=folds, fold=fold)
        where = places(data)
        held += data.splits["valid"].names
        assert all(where[first] == where[copy] for first, copies in families.items() for copy in copies)
    test = set(folder(str(root), size=16, test=0.2, folds=folds, fold=1).splits["test"].names)
    assert len(held) == len(set(held)) and set(held) | test == set(where)


# tables

def written(path: Path, seed: int) -> dict[str, list[int]]:
    """Rows of patients; some come twice or three times, word for word. -> row's text -> its line numbers."""
    draw = random.Random(seed)
    rows = [[f"p{i % 23}", str(draw.randint(18, 80)), f"{draw.uniform(36, 41):.1f}", draw.choice(["서울", "부산", "대구"]),
             draw.choice(["ill", "well"])] for i in range(120)]
    rows += [list(draw.choice(rows)) for _ in range(40)]
    draw.shuffle(rows)
    path.write_text("\n".join(",".join(row) for row in [["patient", "age", "fever", "city", "state"], *rows]) + "\n")
    found: dict[str, list[int]] = {}
    for line, row in enumerate(rows, 2):
        found.setdefault(",".join(row), []).append(line)
    return found


def lines(data) -> dict[int, str]:
    return {int(name.rsplit(" ", 1)[1]): split for name, split in places(data).items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_that_repeat_stay_together(tmp_path, seed):
    same = written(tmp_path / "table.csv", seed)
    where = lines(table(tmp_path / "table.csv", valid=0.2, test=0.2, seed=seed))
    assert len(where) == 160
    parted = {text: [where[line] for line in found] for text, found in same.items() if len({where[line] for line in found}) > 1}
    assert parted == {}
    assert set(where.values()) == {"train", "valid", "test"}


@pytest.mark.parametrize("seed", SEEDS)
def test_groups_of_rows_stay_together(tmp_path, seed):
    assert "group" in fields_of(table), "a table has data.group"
    written(tmp_path / "table.csv", seed)
    patients = [line.split(",")[0] for line in (tmp_path / "table.csv").read_text().splitlines()]
    where = lines(table(tmp_path / "table.csv", valid=0.2, test=0.2, group="patient", seed=seed))
    by_patient: dict[str, set[str]] = {}
    for line, split in where.items():
        by_patient.setdefault(patients[line - 1], set()).add(split)
    assert all(len(splits) == 1 for splits in by_patient.values()), by_patient
    assert set().union(*by_patient.values()) == {"train", "valid", "test"}


@pytest.mark.parametrize("seed", range(5))
def test_the_test_is_later_than_what_is_learned(tmp_path, seed):
    assert {"order", "time"} & set(fields_of(table)), "a table can be split by time"
    name = "order" if "order" in fields_of(table) else "time"
    draw = random.Random(seed)
    days = [f"20{draw.randint(10, 25)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}" for _ in range(90)]
    rows = [f"{day},{draw.randint(0, 99)},{draw.choice('ab')}" for day in days]
    (tmp_path / "table.csv").write_text("\n".join(["날짜,n,y", *rows]) + "\n")
    where = lines(table(tmp_path / "table.csv", valid=0.2, test=0.2, seed=seed, **{name: "날짜"}))
    of = {split: [days[line - 2] for line, one in where.items() if one == split] for split in ("train", "valid", "test")}
    assert max(of["train"]) < min(of["valid"]) and max(of["valid"]) < min(of["test"])
