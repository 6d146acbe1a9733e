"""Text, plain and with labels: encodings, letters nobody sees, copies, conflicts; never a false error."""
import gzip
import os
import unicodedata
import zipfile
from pathlib import Path

import pytest

from deepen.engine.check import check

DATA = Path(os.environ.get("DEEPEN_DATA", Path(__file__).parents[2] / "../shared/data"))
KOREAN = "나는 학교에 갔다. 친구를 만나서 이야기를 하고 밥을 먹었다.\n" * 5
ENGLISH = "It was a bright cold day in April, and the clocks were striking.\n" * 5


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def of(path, text):
    return check(str(put(path / "a.txt", text)))


def test_good_text(tmp_path):
    found = of(tmp_path, KOREAN)
    assert found.what == "corpus" and found.findings == [] and found.source is None
    assert (found.summary["words"], found.summary["different_words"], found.summary["lines"]) == (45, 9, 5)
    assert found.summary["encodings"] == {"UTF-8": 1} and found.summary["characters"] == len(KOREAN)


@pytest.mark.parametrize("encoding, name", [("cp949", "CP949"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16")])
def test_encodings_are_found(tmp_path, encoding, name):
    found = of(tmp_path, KOREAN.encode(encoding))
    assert found.summary["encodings"] == {name: 1} and found.summary["words"] == 45 and found.may_train


@pytest.mark.parametrize("text, cause, place", [
    (b"", "empty", ""), ("  \n \t\n", "blanks only", ""), ("one two three", "only 3 words", ""),
    (KOREAN.encode()[:200] + b"\xff\xfe\xc3" + KOREAN.encode(), "no UTF-8", "line 3, byte 200"),
    (KOREAN.encode() + KOREAN.encode("cp949"), "mixed", "line 6")])
def test_what_stops(tmp_path, text, cause, place):
    finding, = [finding for finding in of(tmp_path, text).findings if finding.level == "error"]
    assert cause in finding.cause and finding.file == "a.txt" and finding.mend
    assert not place or finding.place == place


@pytest.mark.parametrize("text, cause, counted", [
    (unicodedata.normalize("NFD", KOREAN), "NFD", ("different_words", 9)), (ENGLISH.replace("\n", "\r\n", 2).replace("bright", "bright\r", 1), "CRLF 2, CR 1, LF 3", ("lines", 6)),
    (ENGLISH.replace("cold", "co\u200bld\u202e"), "zero width space", ("different_words", 13)), (ENGLISH.replace("cold", "co\0ld", 1), "NUL", ("different_words", 13)),
    (ENGLISH.replace("cold", "co\x1b[2Jld", 1), "control", ("lines", 5))])
def test_odd_letters_are_a_note(tmp_path, text, cause, counted):
    found = of(tmp_path, text)
    assert found.may_train and any(cause in finding.cause and finding.level == "note" for finding in found.findings)
    assert found.summary[counted[0]] == counted[1]


def test_the_same_text_twice_and_lines_of_train_in_the_test(tmp_path):
    put(tmp_path / "a.utf8.txt", KOREAN)
    put(tmp_path / "b.euckr.txt", KOREAN.encode("euc-kr"))
    found = check(str(tmp_path))
    assert any("same text" in finding.cause and finding.place == "a.utf8.txt" for finding in found.findings)
    assert found.summary["encodings"] == {"UTF-8": 1, "CP949": 1}
    put(tmp_path / "ptb" / "ptb.train.txt", ENGLISH + "another line that is in the train text\n")
    put(tmp_path / "ptb" / "ptb.test.txt", "another line that is in the train text\nand one that is not in it at all\n" + "words " * 30)
    assert any("1 of 3 lines of test" in finding.cause and finding.level == "warning" for finding in check(str(tmp_path / "ptb")).findings)


def rows(*more, count=60):
    return "\n".join(["id\tdocument\tlabel", *(f"{i}\tthis film number {i} was good indeed\t{i % 2}" for i in range(count)), *more]) + "\n"


def test_sentences_with_labels(tmp_path):
    found = of(tmp_path, rows())
    assert found.what == "text" and found.findings == []
    assert found.summary["classes"] == {"0": 30, "1": 30} and found.summary["texts"] == 60
    assert found.summary["words_per_text"] == {"fewest": 7, "median": 7, "most": 7}


@pytest.mark.parametrize("line, level, cause, where", [
    ("90\t\t1", "warning", "text is empty", "line 62"), ("90\ta film\t", "error", "no label", "line 62"), ("90\ta film", "error", "number of cells", "line 62: 2, not 3"),
    ("90\tthis film number 3 was good indeed\t0", "warning", "1 text stands there with different labels", "")])
def test_flaws_of_sentences(tmp_path, line, level, cause, where):
    finding = of(tmp_path, rows(line)).findings[0]
    assert finding.level == level and cause in finding.cause and finding.place == where
    assert where or "1: a.txt, line 5, 0: a.txt, line 62" in finding.cause


def test_quotes_in_tabs_are_letters(tmp_path):
    found = of(tmp_path, rows('90\t"never closed\t1', "91\tand on it goes\t0"))
    assert found.findings == [] and found.summary["texts"] == 62


def test_one_class_copies_and_leaks(tmp_path):
    found = of(tmp_path / "one", rows().replace("\t0\n", "\t1\n"))
    assert not found.may_train and "one class only: 1" in found.findings[0].cause
    put(tmp_path / "two" / "ratings_train.txt", rows("90\tthis film number 1 was good indeed\t1"))
    put(tmp_path / "two" / "ratings_test.txt.gz", gzip.compress(rows(count=50).encode()))
    told = [finding.cause for finding in check(str(tmp_path / "two")).findings]
    assert "1 text repeats an earlier one" in told and "50 of 50 texts of test stand in train as well" in told


def test_folders_and_zips_of_texts(tmp_path):
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        for name in ("pos", "neg"):
            for i in range(4):
                put(tmp_path / "r" / name / f"{i}.txt", f"{name} number {i} " + ENGLISH)
                archive.write(tmp_path / "r" / name / f"{i}.txt", f"r/{name}/{i}.txt")
    for path in (tmp_path / "r", tmp_path / "r.zip"):
        found = check(str(path))
        assert found.what == "text" and found.findings == [] and found.summary["classes"] == {"neg": 4, "pos": 4}, path
    put(tmp_path / "r" / "pos" / "empty.txt", "")
    assert [finding.file for finding in check(str(tmp_path / "r")).findings] == ["pos/empty.txt"]


def real(name):
    if not (DATA / name).exists():
        pytest.skip(f"{DATA / name} is not here")
    return check(str(DATA / name))


@pytest.mark.parametrize("name, key, count", [
    ("text-en-ptb", "words", 887521 + 70390 + 78669), ("text-en-tinyshakespeare", "characters", 1_115_394), ("seq2seq-toy", "lines", 100_000),
    ("text-ko-corpus/dongbaek_euckr.txt", "words", 1786), ("text-en-movie-reviews", "texts", 2000), ("text-ko-chatbot", "texts", 11_823),
    ("text-ko-nsmc/ratings_small_2000.txt", "texts", 2000)])
def test_real_text(name, key, count):
    found = real(name)
    assert found.may_train and found.summary[key] == count


def test_nasty_text():
    found = real("nasty/text")
    told = {finding.file: finding.level for finding in found.findings}
    assert told == {"empty.txt": "error", "only_blanks.txt": "error", "invalid_utf8.txt": "error", "three_words.txt": "warning",
                    "mixed_line_ends.txt": "note", "nfd_korean.txt": "note", "rtl_zero_width.txt": "note"}
    assert found.summary["encodings"] == {"UTF-8": 6, "CP949": 1}
    assert not real("nasty/text/three_words.txt").may_train and real("nasty/text/one_line_1MB.txt").may_train
