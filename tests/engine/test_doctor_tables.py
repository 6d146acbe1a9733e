"""What `check` says about tables: a summary that can be read, leaks, wide tables, and the same settings as training."""
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from deepen.engine.check import check
from deepen.engine.doctor import tables
from deepen.engine.doctor.leaks import mistakes
from deepen.sources import _sheet

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


def write(folder, text, name="t.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def warned(found, words=""):
    return [str(finding) for finding in found.findings if finding.level == "warning" and words in str(finding)]


def made(tmp_path, columns, count=400, seed=0):
    """A table of two honest columns, a target of two classes they hardly tell, and what `columns(i, y, draw)` adds."""
    draw = np.random.default_rng(seed)
    lines, names = [], None
    for i in range(count):
        y = int(draw.random() < 0.4)
        more = columns(i, y, draw)
        names = names or ["a", "b", *more, "y"]
        lines.append(",".join(map(str, [f"{draw.normal() + 0.5 * y:.4f}", draw.choice(["u", "v", "w"]), *more.values(), y])))
    return write(tmp_path, ",".join(names) + "\n" + "\n".join(lines) + "\n")


def test_the_summary_describes_every_column(tmp_path):
    text = "n,w,d,name,y\n" + "".join(f"{i},{'ab'[i % 3 == 0]},2024-01-{i % 28 + 1:02d},person {i},{i % 2}\n" for i in range(100))
    told = check(write(tmp_path, text + ",,,,1\n")).summary
    n, w, d = told["columns"][:3]
    assert n["kind"] == "numbers" and (n["least"], n["median"], n["most"], n["missing"], n["distinct"]) == (0, 49.5, 99, 1, 100)
    assert n["counts"] == [10] * 10 and n["bins"][0] == 0 and n["bins"][-1] == 99 and len(n["bins"]) == 11
    assert w["kind"] == "words" and w["top"] == [{"value": "a", "count": 66}, {"value": "b", "count": 34}]
    assert d["kind"] == "date" and (d["first"], d["last"]) == ("2024-01-01", "2024-01-28")
    assert told["rows"] == 101 and told["target_column"] == "y" and told["left_out"] == ["name"]
    assert told["texts"][0]["values"] == ["person 0", "person 1", "person 2"] and sum(told["classes"].values()) == told["splits"]["train"]
    json.dumps(told, allow_nan=False)


def test_an_honest_table_is_not_warned_of(tmp_path):
    assert warned(check(made(tmp_path, lambda i, y, draw: {}))) == []


@pytest.mark.parametrize("leak", [
    lambda i, y, draw: {"leak": y}, lambda i, y, draw: {"leak": f"{('no', 'yes')[y]}"}, lambda i, y, draw: {"leak": 100 + 7 * y},
    lambda i, y, draw: {"leak": f"{y + draw.normal() / 20:.5f}"},                           # many values, one border
    lambda i, y, draw: {"leak": f"{'pqr'[draw.integers(3)]}{y}"},                           # six words, three a class
    lambda i, y, draw: {"leak": f"2024-01-{i % 28 + 1:02d}" if y else ""},                  # a date only where it happened
    lambda i, y, draw: {"leak": y if draw.random() < 0.99 else 1 - y}])
def test_a_column_that_gives_the_answer_away(tmp_path, leak):
    told = warned(check(made(tmp_path, leak)), "tells the target alone")
    assert len(told) == 1 and "column leak" in told[0] and "data.drop=leak" in told[0]


def test_one_value_that_gives_the_answer_away(tmp_path):
    found = check(made(tmp_path, lambda i, y, draw: {"status": "paid back" if y and draw.random() < 0.8 else "open"}))
    assert len(warned(found, "its value 'paid back' goes with one class only")) == 1


def test_the_target_in_another_unit(tmp_path):
    draw = np.random.default_rng(0)
    inches, noise = 60 + 10 * draw.random(200), draw.normal(size=200)
    text = "cm,rank,other,inch\n" + "".join(f"{i * 2.54:.6f},{i ** 3:.3f},{n:.3f},{i:.6f}\n" for i, n in zip(inches, noise, strict=True))
    told = warned(check(write(tmp_path, text)), "follows the target exactly")
    assert len(told) == 2 and "column cm" in told[0] and "column rank" in told[1]
    both = "x,y,z\n" + "".join(f"{n + e:.4f},{n - e:.4f},{n:.4f}\n" for n, e in zip(noise, draw.normal(size=200) / 50, strict=True))
    assert warned(check(write(tmp_path, both)), "follows") == []


def test_mistakes_of_one_column():
    draw = np.random.default_rng(0)
    y = draw.integers(0, 2, 1000)
    assert mistakes(y.astype(float), y, 2) == 0
    assert mistakes(draw.normal(size=1000), y, 2) > 0.4
    assert mistakes(np.arange(1000.0), y, 2, words=True) > 0.45           # a word of its own each row tells nothing of the next
    hidden = np.where(draw.random(1000) < 0.5, np.nan, y)
    assert 0.2 < mistakes(hidden, y, 2) < 0.3


def test_wide_tables_say_equal_things_once(tmp_path):
    names = [f"c{i}" for i in range(5000)]
    text = ",".join(names) + "\n" + "".join(",".join(str(k % 7 if j % 10 else 1) for j in range(5000)) + "\n" for k in range(14))
    began = time.monotonic()
    found = check(write(tmp_path, text), {"target": "c4999"})
    assert time.monotonic() - began < 30
    same, = warned(found, "every row has the same value")
    assert "500 columns: c0, c10, c20, c30, c40, …" in same and len(found.findings) < 20


def test_the_file_is_read_once(tmp_path, monkeypatch):
    file, read = made(tmp_path, lambda i, y, draw: {}), []
    whole = _sheet.bytes_of
    monkeypatch.setattr(_sheet, "bytes_of", lambda path: read.append(path) or whole(path))
    check(file)
    assert len(read) == 1


def test_same_inputs_with_other_answers(tmp_path):
    found = check(write(tmp_path, "x,y\n" + "".join(f"{i // 2},{i % 2 if i < 20 else i // 2 % 2}\n" for i in range(100))))
    assert len(warned(found, "10 rows have the inputs of another row and another answer: nothing can be right about more than 90.0%")) == 1


def test_settings_and_troubles_reach_the_summary(tmp_path):
    file = write(tmp_path, "who,x,y\n" + "".join(f"p{i // 4},{i},{i % 2}\n" for i in range(80)))
    found = check(file, {"group": "who", "target": "y"})
    assert found.may_train and [column["name"] for column in found.summary["columns"]] == ["x"]
    bad = check(file, {"target": "z"})
    assert not bad.may_train and "there is no column z" in bad.findings[0].cause
    bad = check(file, {"test": "0.9", "valid": "0.5"})
    assert not bad.may_train and any("target is" in finding.cause or "read as" in finding.cause for finding in bad.findings)


def test_columns_of_no_numbers_are_described_without_nan(tmp_path):
    from deepen.sources._column import Column
    assert tables._column(Column("x", np.full(5, np.nan), None))["least"] is None


MANIFEST = {"zero_bytes": "empty", "header_only": "no row", "one_row": "only 1", "one_class_target": "one value", "ragged": "line 3 has 3",
            "unclosed_quote": "never closed", "duplicate_headers": "named x, y", "mixed_utf8_cp949": "mixed", "nul_bytes": "NUL"}


def test_nasty_tables_are_told_as_the_manifest_says():
    folder = DATA / "nasty" / "csv"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    for file in sorted(folder.glob("*.csv")):
        found = check(str(file))
        errors = [finding.cause for finding in found.findings if finding.level == "error"]
        if file.stem in MANIFEST:
            assert any(MANIFEST[file.stem] in cause for cause in errors), (file.name, errors)
        elif found.what == "table":
            assert not errors or "no column is left" in errors[0], (file.name, errors)
    assert warned(check(str(folder / "id_column_leak.csv")), "copy_of_y")
    assert len(warned(check(str(folder / "constant_columns.csv")), "same value")) == 2
    assert warned(check(str(folder / "target_with_missing.csv")), "12 rows have no target")
    assert warned(check(str(folder / "nan_inf.csv")), "infinite")
