"""Tables as people have them: delimiters, encodings, headers, missing values, targets; and one sentence for what is wrong."""
import os
import re
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from deepen.core.kinds import Label, Number
from deepen.core.words import Problem
from deepen.sources import _sheet
from deepen.sources._alike import data_like, rows_like
from deepen.sources._finding import Trouble
from deepen.sources.table import table

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
NASTY = DATA / "nasty" / "csv"


def nasty(name):
    if not (NASTY / name).is_file():
        pytest.skip(f"{NASTY / name} is not here")
    return NASTY / name


def tabular(name):
    if not (DATA / "tabular" / name).is_file():
        pytest.skip(f"{DATA / 'tabular' / name} is not here")
    return DATA / "tabular" / name


def write(folder, text, name="t.csv", encoding="utf-8"):
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


def every(data):
    """All rows of all splits, in the order of the lines they came from."""
    rows = []
    for split in data.splits.values():
        inputs, target = split[torch.arange(len(split))]
        rows += [(int(re.search(r"\d+", name)[0]), x, y) for name, x, y in zip(split.names, inputs, target, strict=True)]
    rows.sort(key=lambda row: row[0])
    return torch.stack([x for _, x, _ in rows]), torch.stack([y for _, _, y in rows]), [line for line, _, _ in rows]


def numbers(count, head="a,b,y\n", sep=","):
    return head + "".join(f"{i}{sep}{i * i % 7}{sep}{i % 2}\n" for i in range(count))


def test_rows_are_read_exactly(tmp_path):
    data = table(write(tmp_path, "size,colour,y\n1.5,red,0\n2,blue,1\n,red,0\n4e1,?,1\n-5,green,0\n6,red,1\n"))
    x, y, lines = every(data)
    nan = float("nan")
    assert data.inputs.names == ("size", "colour") and data.inputs.values == (None, ("blue", "green", "red"))
    wanted = torch.tensor([[1.5, 2], [2, 0], [nan, 2], [40, nan], [-5, 1], [6, 2]])
    assert torch.equal(torch.nan_to_num(x, 99), torch.nan_to_num(wanted, 99))
    assert y.tolist() == [0, 1, 0, 1, 0, 1] and data.target == Label(("0", "1"))
    assert lines == [2, 3, 4, 5, 6, 7]
    assert x.dtype == torch.float32 and y.dtype == torch.int64


@pytest.mark.parametrize("sep, word", [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_delimiters_are_found(tmp_path, sep, word):
    data = table(write(tmp_path, numbers(40, f"a{sep}b{sep}y\n", sep)))
    assert data.inputs.names == ("a", "b")
    assert any(f"delimiter {word}" in sentence for sentence in data.said)


def test_a_delimiter_inside_words_is_not_taken(tmp_path):
    text = "text;y\n" + "".join(f"a,b{i % 3},c;{i % 2}\n" for i in range(30))
    assert table(write(tmp_path, text)).inputs.names == ("text",)


@pytest.mark.parametrize("encoding, told", [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"),
                                            ("utf-16-be", "UTF-16"), ("cp949", "CP949"), ("euc-kr", "CP949")])
def test_encodings_are_found(tmp_path, encoding, told):
    words = ["서울", "부산", "제주"] if encoding != "cp949" else ["서울", "뷁", "똠방각하"]
    text = "지역,나이,구매\n" + "".join(f"{words[i % 3]},{20 + i},{'예' if i % 2 else '아니오'}\n" for i in range(30))
    data = table(write(tmp_path, text, encoding=encoding))
    assert data.inputs.names == ("지역", "나이")
    assert data.inputs.values[0] == tuple(sorted(words))
    assert data.target == Label(("아니오", "예"))
    assert told in data.said[0]


def test_western_letters_are_read_and_said(tmp_path):
    text = "ville,y\n" + "".join(f"{('Orléans', 'Nîmes', 'Alès')[i % 3]},{i % 2}\n" for i in range(30))
    data = table(write(tmp_path, text, encoding="cp1252"))
    assert data.inputs.values[0] == ("Alès", "Nîmes", "Orléans")
    assert "Windows-1252" in data.said[0]


def test_composed_and_decomposed_korean_are_one_word(tmp_path):
    import unicodedata
    text = "도시,y\n" + "".join(f"{unicodedata.normalize('NFD' if i % 3 else 'NFC', '서울')},{i % 2}\n부산,{i % 2}\n" for i in range(20))
    assert table(write(tmp_path, text)).inputs.values[0] == ("부산", "서울")


def test_no_header_loses_no_row(tmp_path):
    data = table(write(tmp_path, numbers(40, "")))
    assert data.inputs.names == ("c1", "c2") and sum(map(len, data.splits.values())) == 40
    assert any("no line of names" in sentence for sentence in data.said)
    words = "".join(f"{'pq'[i % 2]},{'xyz'[i % 3]},{'en'[i % 2]}\n" for i in range(40))      # words only, none a name
    assert sum(map(len, table(write(tmp_path, words)).splits.values())) == 40
    named = "cap,odour,class\n" + words
    assert table(write(tmp_path, named)).inputs.names == ("cap", "odour")


def test_header_can_be_decided(tmp_path):
    file = write(tmp_path, "2001,2002,2003\n" + "".join(f"{i},{i * 3 % 7},{i % 2}\n" for i in range(30)))
    assert table(file).inputs.names == ("c1", "c2")
    assert table(file, header="yes").inputs.names == ("2001", "2002")


def test_quotes_newlines_and_delimiters_in_cells(tmp_path):
    text = 'note,y\n' + "".join(f'"say ""{w}"",\nsecond line",{i % 2}\n' for i in range(10) for w in ("yes", "no"))
    data = table(write(tmp_path, text))
    assert data.inputs.values[0] == ('say "no",\nsecond line', 'say "yes",\nsecond line')
    _, _, lines = every(data)
    assert lines == list(range(2, 42, 2))           # each row begins two lines after the one before


def test_empty_lines_are_no_rows_and_lines_are_counted_from_the_top(tmp_path):
    text = "\n\na,y\n1,0\n\n2,1\n  ,  \n3,0\n4,1\n5,0\n6,1\n\n"
    _, y, lines = every(table(write(tmp_path, text)))
    assert lines == [4, 6, 8, 9, 10, 11] and y.tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, end):
    assert sum(map(len, table(write(tmp_path, numbers(40).replace("\n", end))).splits.values())) == 40


def test_numbers_as_people_write_them(tmp_path):
    text = 'sales,share,price,y\n' + "".join(f'"{n:,}",{i}%,"₩{n:,}",{i % 2}\n' for i, n in enumerate(range(1395, 2595, 40)))
    data = table(write(tmp_path, text))
    x, _, _ = every(data)
    assert data.inputs.values == (None, None, None)
    assert x[0].tolist() == [1395, 0, 1395] and x[1].tolist() == [1435, 1, 1435]
    assert any("1,395 is read as 1395" in sentence for sentence in data.said)


def test_decimal_commas(tmp_path):
    text = "h;w;y\n" + "".join(f"{150 + i},{i % 10};1.{100 + i},5;{'AB'[i % 2]}\n" for i in range(30))
    x, _, _ = every(table(write(tmp_path, text)))
    assert x[3].tolist() == pytest.approx([153.3, 1103.5])


def test_identifiers_are_not_mangled(tmp_path):
    text = "zip,big,x,y\n" + "".join(f"0{1000 + i % 5},{10**19 + i % 4},{i},{i % 2}\n" for i in range(40))
    data = table(write(tmp_path, text))
    assert data.inputs.values[0] == ("01000", "01001", "01002", "01003", "01004")
    assert data.inputs.values[1] == tuple(str(10**19 + i) for i in range(4))


def test_missing_words_keep_a_column_of_numbers(tmp_path):
    words = ["", "NA", "N/A", "?", "nan", "null", "-", "None"]
    text = "x,z,y\n" + "".join(f"{words[i % 16] if i % 16 < 8 else i},{i * 2 % 9},{i % 2}\n" for i in range(64))
    data = table(write(tmp_path, text))
    x, _, _ = every(data)
    assert data.inputs.values == (None, None) and x[:, 0].isnan().sum() == 32


def test_na_and_none_are_labels_among_words(tmp_path):
    text = "x,region\n" + "".join(f"{i},{('NA', 'EU', 'None')[i % 3]}\n" for i in range(30))
    data = table(write(tmp_path, text))
    assert data.target == Label(("EU", "NA", "None")) and sum(map(len, data.splits.values())) == 30


def test_rows_without_a_target_are_counted_and_left_out(tmp_path):
    text = "x,y\n" + "".join(f"{i},{'' if i % 5 == 0 else i % 2}\n" for i in range(50))
    data = table(write(tmp_path, text))
    assert sum(map(len, data.splits.values())) == 40
    assert any("10 rows have no target" in sentence for sentence in data.said)


def test_some_cells_that_are_no_numbers(tmp_path):
    text = "x,y\n" + "".join(f"{'12a' if i == 7 else 'inf' if i == 9 else i},{i % 2}\n" for i in range(60))
    data = table(write(tmp_path, text))
    x, _, _ = every(data)
    assert data.inputs.values == (None,) and x.isnan().sum() == 2 and not x.isinf().any()
    assert any("1 cell holds no number" in said and "'12a' in line 9" in said for said in data.said)
    assert any("1 cell is infinite" in said and "line 11" in said for said in data.said)


@pytest.mark.parametrize("names, wanted", [("label,b,c", "label"), ("a,Target,c", "Target"), ("a,class,c", "class"),
                                           ("y,b,c", "y"), ("a,b,c", "c"), ("y,target,c", "target")])
def test_target_by_name_else_the_last(tmp_path, names, wanted):
    text = names + "\n" + "".join(f"{i % 2},{(i + 1) % 2},{(i // 2) % 2}\n" for i in range(40))
    data = table(write(tmp_path, text))
    assert wanted not in data.inputs.names and len(data.inputs.names) == 2
    assert any(f"{wanted}" in sentence and "target" in sentence for sentence in data.said)


def test_whole_numbers_up_to_twenty_are_classes(tmp_path):
    few = "x,y\n" + "".join(f"{i * 7 % 11},{i % 20}\n" for i in range(200))
    many = "x,y\n" + "".join(f"{i * 7 % 11},{i % 21}\n" for i in range(200))
    assert table(write(tmp_path, few)).target == Label(tuple(map(str, range(20))))
    assert table(write(tmp_path, many)).target == Number("y")
    assert table(write(tmp_path, few), task="numbers").target == Number("y")
    assert len(table(write(tmp_path, many), task="classes").target.names) == 21
    halves = "x,y\n" + "".join(f"{i},{i % 4 / 2}\n" for i in range(50))
    assert table(write(tmp_path, halves)).target == Number("y")


def test_splits_are_seeded_stratified_and_disjoint(tmp_path):
    file = write(tmp_path, "x,y\n" + "".join(f"{i},{'rare' if i % 10 == 0 else 'common'}\n" for i in range(1000)))
    data = table(file)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 700, "valid": 100, "test": 200}
    for split in data.splits.values():
        assert (split.target == 1).float().mean().item() == pytest.approx(0.1, abs=0.02)
    _, _, lines = every(data)
    assert lines == list(range(2, 1002))
    assert table(file).splits["test"].names == data.splits["test"].names
    assert table(file, seed=1).splits["test"].names != data.splits["test"].names
    assert any("20%" in sentence and "seed 0" in sentence for sentence in data.said)
    assert set(table(file, valid=0, test=0).splits) == {"train"}


def test_test_file_uses_the_columns_of_training(tmp_path):
    text = "colour,x,y\n" + "".join(f"{('red', 'blue')[i % 2]},{i},{'pq'[i % 2]}\n" for i in range(40))
    other = write(tmp_path, "y,x,colour,more\nq,3,green,1\np,4, red ,1\n", "test.csv")
    data = table(write(tmp_path, text), test=other)
    x, y = data.splits["test"][torch.arange(2)]
    assert x[:, 1].tolist() == [3, 4] and x[0, 0].isnan() and x[1, 0] == 1 and y.tolist() == [1, 0]
    assert any("training does not have" in sentence and "green" in sentence for sentence in data.said)
    assert len(data.splits["train"]) + len(data.splits["valid"]) == 40


def test_test_file_that_does_not_fit(tmp_path):
    file = write(tmp_path, numbers(40))
    with pytest.raises(Problem, match=r"other.csv: columns b are missing; the columns needed are a, b"):
        table(file, test=write(tmp_path, "a,y\n1,0\n", "other.csv"))
    with pytest.raises(Problem, match="no column y with the answers"):
        table(file, test=write(tmp_path, "a,b\n1,0\n", "other.csv"))
    with pytest.raises(Problem, match="does not have the classes 7"):
        table(file, test=write(tmp_path, "a,b,y\n1,0,7\n1,0,1\n", "other.csv"))


def colours(tmp_path):
    return table(write(tmp_path, "colour,x,y\n" + "".join(f"{('red', 'blue')[i % 2]},{i},{i % 2}\n" for i in range(40))))


def test_rows_to_answer(tmp_path):
    rows = rows_like(colours(tmp_path).inputs, write(tmp_path, "x;colour\n1,5;blue\n?;pink\n2,5;red\ntwo;red\n1;2;3\n", "new.csv"))
    assert torch.nan_to_num(rows.values, -1).tolist() == [[0, 1.5], [-1, -1], [1, 2.5], [1, -1]]
    assert rows.lines == [2, 3, 4, 5] and rows.problems == {3: "two in column x is not a number"}
    told = " ".join(map(str, rows.findings))
    assert "pink" in told and "line 6 has 3" in told


def test_another_file_to_judge_a_model_on(tmp_path):
    data = colours(tmp_path)
    other = data_like(data.inputs, data.target, write(tmp_path, "y,colour,x\n1,blue,\n1.0,red,4\n,red,5\n", "other.csv"), "y")
    x, y = other.splits["test"][torch.arange(2)]
    assert torch.nan_to_num(x, -1).tolist() == [[0, -1], [1, 4]] and y.tolist() == [1, 1] and other.inputs == data.inputs
    assert any("1 row has no target" in sentence for sentence in other.said)
    with pytest.raises(Problem, match="does not have the classes 7"):
        data_like(data.inputs, data.target, write(tmp_path, "y,colour,x\n7,blue,1\n", "other.csv"))


def test_parquet(tmp_path):
    file = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"x": [i / 4 for i in range(40)], "colour": ["red", None] * 20, "y": [i % 2 for i in range(40)]}), file)
    data = table(file)
    x, y, _ = every(data)
    assert data.inputs.values == (None, ("red",)) and x[:, 0].tolist() == [i / 4 for i in range(40)]
    assert x[:, 1].isnan().sum() == 20 and y.tolist() == [i % 2 for i in range(40)]


def test_drop_and_columns_that_teach_nothing(tmp_path):
    text = "id,name,empty,x,y\n" + "".join(f"{i + 1},person {i},,{i * 7 % 5},{i % 2}\n" for i in range(60))
    data = table(write(tmp_path, text))
    assert data.inputs.names == ("id", "x")
    assert any("60 of 60 words differ" in sentence and "name" in sentence for sentence in data.said)
    assert any("counts the rows" in sentence for sentence in data.said)
    assert table(write(tmp_path, text), drop=("id",)).inputs.names == ("x",)


@pytest.mark.parametrize("text, told", [
    ("", "t.csv: the file is empty"),
    ("   \n\n", "the file is empty"),
    ("a,b,y\n", "no row under it"),
    ("a,b,y\n1,2,0\n", "only 1 row; at least 5"),
    ("hello\nworld\nagain\n", "one cell only: hello; name what stands between the cells"),
    (numbers(9) + "1,2\n3,4,5,6\n", r"t.csv, line 11: 2 rows .* has 3: line 11 has 2, line 12 has 4; mend"),
    ("a,a,y\n" + numbers(9, ""), "line 1: more than one column is named a"),
    ("a,y\n" + "1,yes\n2,yes\n" * 5, r"column y: the target has one value only \(yes\)"),
    ("a,y\n" + "1,\n2,\n" * 5, "the target is empty"),
    ("a,y\n" + "".join(f"{i},w{i}\n" for i in range(60)), "60 different values in 60 rows; classes have to repeat"),
    ('a,y\n1,0\n"never closed,1\n2,0\n3,1\n', "line 3: a quote \" is opened here and never closed"),
    ("a,y\n1,0\n2\x00,1\n", "line 3: there is a NUL"),
    ("<!DOCTYPE html><html><body>404</body></html>", "this is a web page"),
    ("PK\x03\x04 xl/workbook.xml", "this is an Excel workbook"),
])
def test_what_is_wrong_is_one_sentence(tmp_path, text, told):
    with pytest.raises(Problem, match=told) as caught:
        table(write(tmp_path, text))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_missing_column_or_file_names_the_nearest(tmp_path):
    file = write(tmp_path, numbers(40, "price,rooms,sold\n"))
    with pytest.raises(Problem, match="there is no column Prise; did you mean price"):
        table(file, target="Prise")
    with pytest.raises(Problem, match="the columns are price, rooms, sold"):
        table(file, drop=("zzz",))
    with pytest.raises(Problem, match=r"no such file; in that folder there are: t\.csv"):
        table(tmp_path / "u.csv")
    with pytest.raises(Problem, match="has words"):
        table(write(tmp_path, "x,y\n" + "1,a\n2,b\n" * 9), task="numbers")
    with pytest.raises(Problem, match="no encoding klingon"):
        table(file, encoding="klingon")


def test_ragged_rows_can_be_left_out_aloud(tmp_path):
    data = table(write(tmp_path, numbers(30) + "1,2\n"), on_bad="skip")
    assert sum(map(len, data.splits.values())) == 30
    assert any("line 32 has 2; they are left out" in sentence.replace(", …", "") for sentence in data.said)


def test_mixed_encodings_name_the_line(tmp_path):
    file = tmp_path / "m.csv"
    file.write_bytes("이름,y\n서울,1\n".encode() + "부산,0\n".encode("cp949"))
    with pytest.raises(Trouble, match=r"line 3.*encodings are mixed") as caught:
        table(file)
    assert caught.value.finding.place == "line 3" and caught.value.finding.file == "m.csv"


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=2, max_size=20), mark=st.sampled_from([",", ";", "\t", "|"]))
def test_what_csv_writes_is_read_back(tmp_path_factory, rows, mark):
    import csv
    import io
    out = io.StringIO()
    csv.writer(out, delimiter=mark, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])
    word = next(name for name, sign in _sheet.DELIMITERS.items() if sign == mark)
    file = write(tmp_path_factory.mktemp("t"), out.getvalue())
    sheet = _sheet.read(file, word, "yes")
    whole = [row for row in rows]
    assert list(zip(*(column.to_pylist() for column in sheet.columns), strict=True)) == whole


def test_the_fast_reader_reads_the_same(tmp_path, monkeypatch):
    text = "a,colour,y\n" + "".join(f" {i / 8},{('red', 'blue', '')[i % 3]} ,{i % 2}\n" for i in range(90_000))
    assert len(text) > 1 << 20
    file = write(tmp_path, text)
    fast = _sheet.read(file)
    monkeypatch.setattr(_sheet, "_columns", _sheet_exact)
    exact = _sheet.read(file)
    assert (fast.lines == exact.lines).all() and fast.names == exact.names
    for ours, theirs in zip(fast.columns, exact.columns, strict=True):
        assert [cell.strip() for cell in ours.to_pylist()] == [cell.strip() for cell in theirs.to_pylist()]
    monkeypatch.undo()
    with pytest.raises(Problem, match="line 90002 has 2"):
        _sheet.read(write(tmp_path, text + "1,2\n"))


def _sheet_exact(text, mark, width, file, on_bad):
    return _sheet._exact(text, mark, width, file, on_bad)


# files that people have

def test_adult_reads_as_published():
    data = table(tabular("adult/adult-train.csv"), test=tabular("adult/adult-test.csv"))
    assert len(data.splits["train"]) + len(data.splits["valid"]) == 32561 and len(data.splits["test"]) == 16281
    assert data.target == Label(("<=50K", ">50K"))
    assert (data.splits["test"].target == 1).sum() == 3846
    assert data.inputs.values[3][0] == "10th" and data.inputs.values[0] is None
    assert any("end with a dot" in sentence for sentence in data.said)


def test_korean_crime_table():
    data = table(tabular("seoul-crime-cp949/crime_in_seoul_cp949.csv"))
    x, y, _ = every(data)
    assert data.inputs.names[0] == "살인 발생" and data.target == Number("폭력 검거")
    assert x[0, 6] == 1395 and y[0] == 1170 and len(x) == 31


def test_titanic_target():
    data = table(tabular("titanic/train.csv"), target="Survived")
    assert data.target == Label(("0", "1")) and sum(map(len, data.splits.values())) == 891
    assert data.inputs.values[data.inputs.names.index("Sex")] == ("female", "male")
    with pytest.raises(Problem, match="no column Survived with the answers"):
        table(tabular("titanic/train.csv"), target="Survived", test=tabular("titanic/test.csv"))


WRONG = {"zero_bytes": "empty", "header_only": "no row", "one_row": "only 1", "one_class_target": "one value only",
         "ragged": "line 3 has 3, line 4 has 5", "unclosed_quote": "line 2", "duplicate_headers": "named x, y",
         "mixed_utf8_cp949": "line 31", "nul_bytes": "line 3", "leading_zeros_bigint": "zip, phone, big",
         "quotes_newlines": "no column is left"}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_nasty_files_that_are_refused(name):
    with pytest.raises(Problem, match=WRONG[name]) as caught:
        table(nasty(f"{name}.csv"))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name, rows", [("utf8_bom", 60), ("utf16le_bom", 60), ("tab", 60), ("semicolon_decimal_comma", 60), ("cr_only_lines", 40),
                                        ("no_header", 60), ("missing_values", 80), ("nan_inf", 60), ("rare_classes", 60), ("cp949", 64),
                                        ("euckr", 60), ("constant_columns", 60), ("thousands_percent_won", 40), ("wide_5000_columns", 12)])
def test_nasty_files_that_are_read(name, rows):
    data = table(nasty(f"{name}.csv"))
    assert sum(map(len, data.splits.values())) == rows
    for split in data.splits.values():
        assert not split.inputs.isinf().any()
