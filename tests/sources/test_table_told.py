"""Tables told the truth: dates, units, identifiers, spelling, titles, copies, groups, time; and what a second file makes of them."""
import datetime
import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from deepen.core.amounts import amount, day, days, part_of_day
from deepen.core.kinds import Label, Number, from_card, to_card
from deepen.core.words import Problem
from deepen.sources import _sheet
from deepen.sources._alike import data_like, rows_like, target_missing_from
from deepen.sources._encoding import decode
from deepen.sources._finding import Trouble
from deepen.sources._rows import copies_of
from deepen.sources.table import table

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))


def here(name):
    if not (DATA / name).is_file():
        pytest.skip(f"{DATA / name} is not here")
    return DATA / name


def write(folder, text, name="t.csv", encoding="utf-8"):
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


def rows(data):
    """Every row in the order of its line: (inputs, target)."""
    found = [(int("".join(filter(str.isdigit, name))), x, y) for split in data.splits.values()
             for name, x, y in zip(split.names, *split[torch.arange(len(split))], strict=True)]
    found.sort(key=lambda row: row[0])
    return torch.stack([x for _, x, _ in found]), torch.stack([y for _, _, y in found])


def day_of(*parts):
    return datetime.date(*parts).toordinal() - datetime.date(1970, 1, 1).toordinal()


# one cell

@pytest.mark.parametrize("text", ["2024-01-02", "2024/1/2", "2024.1.2", "2024. 1. 2.", "2024년 1월 2일", "2024년1월2일", "2024-01-02 (화)",
                                  "2024-01-02T00:00:00Z", "2024년 01월 02일 화요일"])
def test_a_day_is_a_day_however_it_is_written(text):
    assert days(text) == day_of(2024, 1, 2)


@pytest.mark.parametrize("text, hours", [("2024-01-02 13:30", 13.5), ("2024.1.2 오후 1:30", 13.5), ("2024-01-02T06:00:00+09:00", 6),
                                         ("2024년 1월 2일 오전 12시 15분", 0.25), ("2024/1/2 1:30 PM", 13.5)])
def test_times_of_day(text, hours):
    assert days(text) == pytest.approx(day_of(2024, 1, 2) + hours / 24)


def test_what_is_no_date():
    assert [days(text) for text in ("2024-13-01", "2024-02-30", "12:30", "1234", "v2.1.3", "2024-01-02 25:10", "")] == [None] * 7
    assert days("20240102", "compact") == day_of(2024, 1, 2) and days("20241302", "compact") is None
    assert days("2.1.24", "dmy") == days("1/2/2024", "mdy") == day_of(2024, 1, 2)
    assert days("1-01", "ym") == day_of(1, 1, 1) and day(days("1-01", "ym")) == "0001-01-01"


@pytest.mark.parametrize("text, wanted", [("3.5kg", (3.5, "kg")), ("₩1,234", (1234, "")), ("1,234원", (1234, "원")), ("1만", (10_000, "")),
                                          ("3억 2천만원", (320_000_000, "원")), ("1만 2,345원", (12_345, "원")), ("-12.5 ℃", (-12.5, "℃")),
                                          ("1.2.3", None), ("kg", None), ("12,34kg", None), ("", None), ("3kg 5g", None)])
def test_amounts(text, wanted):
    assert amount(text) == wanted


def test_parts_of_a_day_agree_with_the_calendar():
    draw = random.Random(0)
    for _ in range(200):
        when = datetime.datetime(draw.randint(1900, 2100), draw.randint(1, 12), draw.randint(1, 28), draw.randint(0, 23))
        value = days(f"{when:%Y-%m-%d %H:00}")
        assert part_of_day(value, "month") == when.month and part_of_day(value, "weekday") == when.weekday()
        assert part_of_day(value, "hour") == pytest.approx(when.hour, abs=1e-6)
        assert day(value).startswith(f"{when:%Y-%m-%d}")


# columns

def dated(count=800, form="{:%Y-%m-%d}"):
    first = datetime.date(2021, 1, 1)
    return "날짜,x,y\n" + "".join(f"{form.format(first + datetime.timedelta(i))},{i * 7 % 13},{i % 30 + i / 100}\n" for i in range(count))


@pytest.mark.parametrize("form", ["{:%Y-%m-%d}", "{:%Y.%m.%d}", "{:%Y%m%d}", "{0.year}년 {0.month}월 {0.day}일", "{:%m/%d/%Y}", "{:%d.%m.%Y}"])
def test_a_column_of_dates_becomes_numbers_aloud(tmp_path, form):
    data = table(write(tmp_path, dated(form=form)))
    x, _ = rows(data)
    assert data.inputs.names == ("날짜", "날짜 (월)", "날짜 (요일)", "x") and data.inputs.values == (None,) * 4
    assert x[0, :3].tolist() == [day_of(2021, 1, 1), 1, 4] and x[400, :3].tolist() == [day_of(2022, 2, 5), 2, 5]
    assert any("days since 1970-01-01" in said for said in data.said)
    assert any("data.time=날짜 tests on the newest rows" in said for said in data.said)
    assert from_card(to_card(data.inputs)) == data.inputs and "날짜=2021-01-01" in data.inputs.show(x[0])


def test_a_date_is_read_the_same_in_a_file_to_answer_and_in_a_row(tmp_path):
    data = table(write(tmp_path, dated(form="{:%Y%m%d}")))
    answers = rows_like(data.inputs, write(tmp_path, "x,날짜\n3,20220205\n4,2022-02-05\n5,\n", "new.csv"))
    assert answers.values[0].tolist() == [day_of(2022, 2, 5), 2, 5, 3]
    assert answers.values[2, :3].isnan().all() and answers.problems == {1: "2022-02-05 in column 날짜 is not a date"}
    assert data.inputs.encode(["20220205", "", "", "3"]).tolist() == answers.values[0].tolist()
    with pytest.raises(Problem, match=r"5\.2\. is not a date; write it like"):
        data.inputs.encode(["5.2.", "", "", "3"])
    judged = data_like(data.inputs, data.target, write(tmp_path, "날짜,x,y\n20220205,3,7.5\n", "judge.csv"))
    assert judged.splits["test"].inputs[0].tolist() == answers.values[0].tolist() and judged.splits["test"].target.tolist() == [7.5]


def test_a_cell_that_is_no_date_is_missing_aloud(tmp_path):
    data = table(write(tmp_path, dated().replace("2021-01-04", "어제")))
    assert rows(data)[0][3, :3].isnan().all()
    assert any("1 cell holds no date" in said and "'어제' in line 5" in said for said in data.said)


def test_numbers_that_are_no_dates_stay_numbers(tmp_path):
    data = table(write(tmp_path, "n,y\n" + "".join(f"{20240000 + i},{i % 2}\n" for i in range(60))))
    assert data.inputs.names == ("n",) and data.inputs.forms == ()
    words = table(write(tmp_path, "score,x,y\n" + "".join(f"{i % 5}-{i % 3:02d},{i},{i % 2}\n" for i in range(60))))
    assert words.inputs.values[0] is not None


def test_units_are_read_aloud_and_again_when_asked(tmp_path):
    text = "무게,값,할인,y\n" + "".join(f'{i / 2}kg,"{i * 1000:,}원",{i % 9}%,{i % 2}\n' for i in range(1, 41))
    data = table(write(tmp_path, text))
    x, _ = rows(data)
    assert x[4].tolist() == [2.5, 5000, 5, ] and data.inputs.form(0) == "unit:kg"
    assert any("0.5kg is read as 0.5" in said for said in data.said)
    answers = rows_like(data.inputs, write(tmp_path, "무게,값,할인\n2.5 kg,\"1,000원\",3%\n2.5,1000,3\n250g,1000,3\n", "new.csv"))
    assert answers.values[0].tolist() == answers.values[1].tolist() == [2.5, 1000, 3]
    assert answers.problems == {2: "250g in column 무게 is not a number of kg"}


def test_ten_thousands_in_korean(tmp_path):
    x, _ = rows(table(write(tmp_path, "값,y\n" + "".join(f"{i + 1}만,{i % 2}\n" for i in range(30)))))
    assert x[:3, 0].tolist() == [10_000, 20_000, 30_000]


def test_two_units_are_words(tmp_path):
    data = table(write(tmp_path, "w,x,y\n" + "".join(f"{i % 4}{('kg', 'g')[i % 2]},{i},{i % 2}\n" for i in range(40))))
    assert data.inputs.values[0] == ("0kg", "1g", "2kg", "3g")


def test_numbers_and_words_mixed_are_told(tmp_path):
    text = "x,z,y\n" + "".join(f"{i if i % 4 else f'about {i}'},{i * i % 11},{i % 2}\n" for i in range(60))
    assert any("column x" in said and "numbers and words are mixed (45 of 60" in said and "'about 0'" in said
               for said in table(write(tmp_path, text)).said)


def test_classes_with_a_unit_stay_classes(tmp_path):
    assert table(write(tmp_path, "x,반\n" + "".join(f"{i * 7 % 11},{i % 3 + 1}반\n" for i in range(60)))).target == Label(("1반", "2반", "3반"))


def test_a_target_in_a_unit(tmp_path):
    data = table(write(tmp_path, "x,키\n" + "".join(f"{i * 7 % 11},{150 + i / 2}cm\n" for i in range(60))))
    assert data.target == Number("키", "cm") and rows(data)[1][3] == 151.5


def test_words_that_differ_only_in_spelling(tmp_path):
    text = "colour,x,y\n" + "".join(f"{('red', 'RED ', 'r e d', 'blue')[i % 4]},{i},{('Yes', 'yes', 'no')[i % 3]}\n" for i in range(60))
    data = table(write(tmp_path, text))
    assert any("column colour" in said and "'RED' / 'r e d' / 'red'" in said and "write them alike" in said for said in data.said)
    assert any("column y" in said and "'Yes' / 'yes'" in said for said in data.said)


def test_identifiers_by_name(tmp_path):
    draw = random.Random(0)
    ids = draw.sample(range(10_000), 60)
    data = table(write(tmp_path, "고객번호,paid,y\n" + "".join(f"{n},{n % 7},{i % 2}\n" for i, n in enumerate(ids))))
    assert any("column 고객번호" in said and "named like an identifier" in said and "data.drop=고객번호" in said for said in data.said)
    assert not any("column paid" in said for said in data.said)


def test_the_target_is_the_last_that_can_be_learned(tmp_path):
    text = "x,age,when,maker,note\n" + "".join(f"{i % 9},{i / 3:.2f},2024-01-{i % 28 + 1:02d},Samsung,text {i}\n" for i in range(60))
    data = table(write(tmp_path, text))
    assert data.target == Number("age")
    assert any("the target is age (note has words that hardly repeat; maker has one value only; when is a date)" in said for said in data.said)


def test_few_rows_with_whole_numbers_are_amounts(tmp_path):
    assert table(write(tmp_path, "x,y\n" + "".join(f"{i},{i * 37 % 101}\n" for i in range(18)))).target == Number("y")


# lines that are no rows

def test_titles_and_remarks_above_a_table(tmp_path):
    body = "지역,매출,y\n" + "".join(f"서울,{i},{i % 2}\n" for i in range(20))
    for above in ("2024년 매출 현황,,\n\n", "# made by hand\n# second\n", "2024년 매출 현황\n단위: 원\n"):
        data = table(write(tmp_path, above + body))
        assert data.inputs.names == ("지역", "매출") and sum(map(len, data.splits.values())) == 20
        assert any("are a title or remarks" in said for said in data.said)
        assert min(int(name.split()[1]) for split in data.splits.values() for name in split.names) == above.count("\n") + 2
    named = table(write(tmp_path, "# a remark\n# a\tb\ty\n" + "".join(f"{i}\t{i % 3}\t{i % 2}\n" for i in range(20))))
    assert named.inputs.names == ("a", "b")
    assert table(write(tmp_path, "sep=;\n" + body.replace(",", ";"))).inputs.names == ("지역", "매출")


def test_letters_that_were_lost_are_told(tmp_path):
    assert any("2 letters were lost" in said for said in table(write(tmp_path, "x,y\n" + "1,a\n2,b\n" * 9 + "3,�a�\n")).said)


def test_one_long_cell_is_missing_aloud(tmp_path):
    data = table(write(tmp_path, "text,y\n" + "a" * 100_000 + ",1\n" + "short,0\nlong,1\n" * 15))
    assert data.inputs.values == (("long", "short"),) and rows(data)[0][0].isnan()
    assert any("1 cell holds more than 1000 letters" in said and "line 2" in said for said in data.said)


def test_quotes_go_the_fast_way_and_read_the_same(tmp_path, monkeypatch):
    text = "a,말,y\n" + "".join(f'{i / 8},"{("서울", "say ""hi"", you", "부산")[i % 3]}",{i % 2}\n' for i in range(60_000))
    file = write(tmp_path, text)
    exact = _sheet._exact
    monkeypatch.setattr(_sheet, "_exact", None)
    fast = _sheet.read(file)
    monkeypatch.setattr(_sheet, "_columns", exact)
    monkeypatch.setattr(_sheet, "_exact", exact)
    slow = _sheet.read(file)
    assert (fast.lines == slow.lines).all() and all(a.equals(b) for a, b in zip(fast.columns, slow.columns, strict=True))


@pytest.mark.parametrize("cell", ['5" pipe', '"two\nlines"', ' "a" ', '"""'])
def test_odd_quotes_go_the_careful_way(tmp_path, monkeypatch, cell):
    text = "a,b,y\n" + "".join(f"{i},word,{i % 2}\n" for i in range(120_000)) + f"1,{cell},1\n"
    called = []
    exact = _sheet._exact
    monkeypatch.setattr(_sheet, "_exact", lambda *asked: called.append(1) or exact(*asked))
    try:
        _sheet.read(write(tmp_path, text))
    except Trouble as trouble:
        assert trouble.finding.place == "line 120002"
    assert called


# encodings

@pytest.mark.parametrize("text, encoding", [
    ("name,y\n홍천호,1\n황철,2\n", "cp949"), ("name,y\n뷁뚫,1\n김민수,2\n", "cp949"), ("姓名,年\n金哲洙,23\n", "cp949"),
    ("w (㎡),y\n3,1\n", "cp949"), ("글,y\nㅋㅋㅋㅋㅋㅋ 좋아,1\n", "cp949"), ("이름,y\n김,1\n", "utf-16-le"), ("이름,y\n김,1\n", "utf-16-be"),
    ("ville,y\ncafé,1\n", "utf-8"), ("angle (°),y\n3,1\n", "utf-8"), ("x,y\nö,1\n", "utf-8"), ("город,y\nКиев,1\n", "utf-8"), ("name,größe\nÖl,3\n", "cp1252")])
def test_small_files_in_every_encoding(text, encoding):
    assert decode(text.encode(encoding), "t.csv")[0] == text


@pytest.mark.parametrize("text, encoding", [("姓名,城市\n王伟,北京\n李娜,上海\n张敏,广州\n", "gbk"), ("名前,都市\n田中さん,東京\nすずき,大阪\n", "shift_jis"),
                                            ("名前,都市\n田中さん,東京\nすずき,大阪\n", "euc-jp"), ("город,y\nМосква,1\n", "cp1251")])
def test_other_encodings_are_refused_and_never_mangled(text, encoding):
    with pytest.raises(Problem, match="name its encoding"):
        decode(text.encode(encoding), "t.csv")


# splits

def patients(tmp_path):
    return write(tmp_path, "patient,x,y\n" + "".join(f"p{i // 5},{i},{i // 5 % 2}\n" for i in range(300)))


def test_a_group_is_never_parted_and_is_no_input(tmp_path):
    data = table(patients(tmp_path), group="patient")
    assert data.inputs.names == ("x",)
    people = {name: {int(x) // 5 for x in split.inputs[:, 0]} for name, split in data.splits.items()}
    assert sum(map(len, people.values())) == len(set.union(*people.values())) == 60
    assert any("all rows of one patient are in the same split" in said for said in data.said)
    with pytest.raises(Problem, match="no column patiant; did you mean patient"):
        table(patients(tmp_path), group="patiant")


def test_the_newest_rows_are_the_test(tmp_path):
    lines = dated(100).splitlines()
    random.Random(0).shuffle(body := lines[1:])
    data = table(write(tmp_path, "\n".join([lines[0], *body])), time="날짜")
    oldest = {name: (split.inputs[:, 0].min().item(), split.inputs[:, 0].max().item()) for name, split in data.splits.items()}
    assert oldest["train"][1] < oldest["valid"][0] <= oldest["valid"][1] < oldest["test"][0]
    assert len(data.splits["test"]) == 20 and any("the newest 20% of the rows by 날짜" in said for said in data.said)


def test_rows_that_cannot_be_put_in_order(tmp_path):
    with pytest.raises(Trouble, match="rows cannot be put in order by it"):
        table(patients(tmp_path), time="patient")
    file = write(tmp_path, dated(100).replace("2021-01-04", ""))
    with pytest.raises(Trouble, match=r"1 row has no time \(first in line 5\)"):
        table(file, time="날짜")
    data = table(file, time="날짜", on_bad="skip")
    assert sum(map(len, data.splits.values())) == 99 and any("1 row has no time" in said for said in data.said)


def test_copies_stay_together(tmp_path):
    draw = np.random.default_rng(0)
    lines = [f"{a:.4f},{b:.4f},{i % 2}" for i, (a, b) in enumerate(draw.random((200, 2)))]
    data = table(write(tmp_path, "a,b,y\n" + "\n".join(lines + lines[:60])))
    seen = {name: {tuple(row) for row in split.inputs.tolist()} for name, split in data.splits.items()}
    assert sum(map(len, seen.values())) == 200
    assert any("60 rows repeat an earlier row exactly; copies stay in the same split" in said for said in data.said)


def test_rows_of_a_coarse_table_are_no_copies(tmp_path):
    data = table(write(tmp_path, "colour,y\n" + "red,1\nblue,0\nred,0\n" * 20))
    assert any("few different values" in said for said in data.said)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 42, "valid": 6, "test": 12}


def test_copies_are_counted():
    nan = float("nan")
    groups, count, natural = copies_of([np.array([1.0, 1, 2, nan, nan, -0.0, 0]), np.array([5.0, 5, 5, 1, 1, 2, 2])])
    assert count == 3 and not natural and groups[0] == groups[1] and groups[3] == groups[4] and groups[5] == groups[6]
    assert len(set(groups.tolist())) == 4


def test_rows_of_the_test_that_were_learned_are_told(tmp_path):
    lines = [f"{i / 7:.3f},{i * i % 17},{i % 2}" for i in range(60)]
    test = write(tmp_path, "a,b,y\n" + "\n".join([*lines[:9], "99,1,1"]), "test.csv")
    data = table(write(tmp_path, "a,b,y\n" + "\n".join(lines)), test=test)
    assert any("9 of its 10 rows are in t.csv too: what is tested was learned" in said for said in data.said)


def test_folds_deal_every_row_once(tmp_path):
    file = patients(tmp_path)
    held = [set(table(file, folds=4, fold=k).splits["valid"].names) for k in (1, 2, 3, 4)]
    tests = [set(table(file, folds=4, fold=k).splits["test"].names) for k in (1, 2)]
    assert tests[0] == tests[1] and sum(map(len, held)) == len(set.union(*held)) == 240


# a second file

def test_unseen_words_name_their_spelling(tmp_path):
    data = table(write(tmp_path, "color,x,y\n" + "".join(f"{('red', 'blue')[i % 2]},{i},{i % 2}\n" for i in range(40))))
    found = rows_like(data.inputs, write(tmp_path, "color,x\nRED ,1\ngreen,2\n", "new.csv"))
    assert any("RED, green" in str(one) and "'RED' → 'red'" in str(one) for one in found.findings)


def test_the_target_is_the_column_that_the_test_has_not(tmp_path):
    train = write(tmp_path, "id,Survived,age\n1,0,3\n2,1,5\n", "train.csv")
    assert target_missing_from(train, write(tmp_path, "id,age\n3,4\n", "test.csv")) == "Survived"
    assert target_missing_from(train, write(tmp_path, "id,Survived,age\n3,1,4\n", "test.csv")) is None
    assert target_missing_from(train, write(tmp_path, "id\n3\n", "test.csv")) is None
    assert target_missing_from(here("tabular/titanic/train.csv"), here("tabular/titanic/test.csv")) == "Survived"
    assert target_missing_from(here("tabular/adult/adult-train.csv"), here("tabular/adult/adult-test.csv")) is None


TABLES = ["tabular/california-housing/housing.csv", "tabular/seoul-crime-cp949/crime_in_seoul_cp949.csv", "tabular/titanic/train.csv",
          "tabular/seoul-crime-cp949/cctv_in_seoul_utf8bom.csv", "tabular/adult/adult-train.csv", "word-tests/ko_ws353.csv",
          "word-tests/wordsim353.tsv", *(f"time-series/{name}.csv" for name in (
              "airline-passengers", "daily-min-temperatures", "monthly-sunspots", "shampoo", "aapl_daily_2015_2017", "tsla_daily",
              "samsung_005930_daily_cp949"))]


@pytest.mark.parametrize("name", TABLES)
def test_every_table_opens_without_a_flag(name):
    data = table(here(name))
    assert set(data.splits) == {"train", "valid", "test"} and not any(split.inputs.isinf().any() for split in data.splits.values())
    if name.startswith("time-series"):
        assert any(form.startswith("date:") for form in data.inputs.forms)
