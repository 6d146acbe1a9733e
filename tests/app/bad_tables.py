"""Tables with one thing wrong in each, in every encoding that people use."""
import gzip
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from bad_case import Case, file_with, lines_of, written
from bad_pictures import encoded, noise
from pyarrow import parquet

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp949", "euc-kr")
Rows = list[list[str]]


def _replace(column: int, give: Callable[[int, str], str]) -> Callable[[Rows], Rows]:
    """A column changed: give(row number from 1, cell) -> cell."""
    return lambda rows: [rows[0], *([*row[:column], give(i, row[column]), *row[column + 1:]] for i, row in enumerate(rows[1:], 1))]


def _line(number: int, change: Callable[[list[str]], list[str]]) -> Callable[[Rows], Rows]:
    return lambda rows: [change(row) if i == number else row for i, row in enumerate(rows, 1)]


def _add(name: str, give: Callable[[int, list[str]], str], at: int = 0) -> Callable[[Rows], Rows]:
    return lambda rows: [[*row[:at], name if i == 0 else give(i, row), *row[at:]] for i, row in enumerate(rows)]


# what is wrong -> (change of the rows, what must come, what is named, words of the cause, settings)
FAULTS: dict[str, tuple] = {
    "nothing": (lambda rows: rows, "fine", "", "", ()),
    "a short row": (_line(5, lambda row: row[:3]), "error", "line 5", "cells", ()),
    "a long row": (_line(7, lambda row: [*row, "덤"]), "error", "line 7", "cells", ()),
    "a short row, skipped": (_line(5, lambda row: row[:3]), "warning", "line 5", "left out", ("--on-bad", "skip")),
    "a quote never closed": (_line(9, lambda row: ['"' + row[0], *row[1:]]), "error", "line 9", "quote", ()),
    "text after a quote": (_line(9, lambda row: ['"' + row[0] + '"꼬리', *row[1:]]), "error", "line 9", "quote", ()),
    "two columns of one name": (lambda rows: [["이름", "나이", "나이", "지역", "합격"], *rows[1:]], "error", "나이", "named|name", ()),
    "a column without a name": (lambda rows: [["이름", "나이", "", "지역", "합격"], *rows[1:]], "note|warning", "c3", "name", ()),
    "names and no row": (lambda rows: rows[:1], "error", "이름|table", "row", ()),
    "one row": (lambda rows: rows[:2], "error", "table", "row", ()),
    "four rows": (lambda rows: rows[:5], "error", "table", "row", ()),
    "one column": (lambda rows: [row[:1] for row in rows], "error", "table", "one c", ()),
    "an empty target": (_replace(4, lambda i, cell: ""), "error", "합격", "empty|missing|one value", ("target=합격",)),
    "one class": (_replace(4, lambda i, cell: "예"), "error", "합격", "one value|one class", ("target=합격",)),
    "a target that never repeats": (_replace(4, lambda i, cell: f"{cell}{i}"), "error", "합격", "different|classes", ("target=합격",)),
    "a last column of one class": (_replace(4, lambda i, cell: "예"), "error|warning|note", "합격", "one value|one class|same", ()),
    "targets missing": (_replace(4, lambda i, cell: "" if i in (3, 8) else cell), "warning", "합격", "no target|left out", ()),
    "a class of one row": (_replace(4, lambda i, cell: "모름" if i == 6 else cell), "warning", "합격|모름", "one row|row", ()),
    "a constant column": (_replace(1, lambda i, cell: "33"), "warning|note", "나이", "same|constant|one value", ()),
    "an infinite number": (_replace(2, lambda i, cell: "inf" if i == 4 else cell), "warning", "키", "infinite|number", ()),
    "a word among numbers": (_replace(2, lambda i, cell: "큼" if i == 4 else cell), "warning", "키", "number", ()),
    "a column nearly empty": (_replace(1, lambda i, cell: "" if i % 5 else cell), "warning|note", "나이", "missing", ()),
    "a column of nothing": (_replace(1, lambda i, cell: ""), "note|warning", "나이", "missing|empty", ()),
    "a copy of the target": (_add("결과", lambda i, row: "1" if row[4] == "예" else "0"), "warning", "결과", "target|tells", ()),
    "a row counter": (_add("번호", lambda i, row: str(i)), "warning", "번호", "counts|identifier", ()),
    "rows that repeat": (lambda rows: [*rows, *rows[1:20]], "note|warning", "table", "repeat|twice|same", ()),
    "a target named wrongly": (lambda rows: rows, "error", "합겨", "column", ("target=합겨",)),
    "numbers asked of words": (lambda rows: rows, "error", "합격", "words|numbers", ("data.task=numbers",)),
    "a wrong delimiter asked": (lambda rows: rows, "error", "table", "cell|delimiter", ("data.delimiter=tab",))}


def faults() -> list[Case]:
    cases = []
    for e, encoding in enumerate(ENCODINGS):
        for f, (what, (change, level, file, about, words)) in enumerate(FAULTS.items()):
            rows = change(lines_of(1000 * e + f))
            content = written(rows, ",;\t"[(e + f) % 3] if "delimiter" not in what and what != "one column" else ",")
            content = content.replace("\n", "\r\n") if f % 2 else content
            cases.append(Case(f"{encoding}: {what}", file_with("table.csv", content.encode(encoding)), level, file, about, words))
    return cases


def encodings() -> list[Case]:
    rows = lines_of(1)
    text = written(rows)
    utf8, cp949 = text.encode(), text.encode("cp949")
    half = utf8.index(b"\n", len(utf8) // 2) + 1
    lines = utf8.splitlines(keepends=True)
    one = b"".join(line if i != 20 else line.decode().encode("cp949") for i, line in enumerate(lines))
    other = b"".join(line if i != 20 else line.decode("cp949").encode() for i, line in enumerate(cp949.splitlines(keepends=True)))
    cut = b"".join(line if i != 12 else line[:1] + line[2:] for i, line in enumerate(lines))
    utf16 = text.encode("utf-16")
    draw = np.random.default_rng(3)
    return [
        Case("half UTF-8, half CP949", file_with("table.csv", utf8[:half] + text.encode()[half:].decode().encode("cp949")), "error", "table.csv", "mixed|UTF-8"),
        Case("one line of CP949 in UTF-8", file_with("table.csv", one), "error", "line 21", "mixed|UTF-8"),
        Case("one line of UTF-8 in CP949", file_with("table.csv", other), "error", "line", "mixed|UTF-8|letters"),
        Case("a letter cut in two in UTF-8", file_with("table.csv", cut), "error", "line 13", "UTF-8"),
        Case("bytes that are no letters", file_with("table.csv", utf8.replace("서울".encode(), b"\xff\xfe\xfd")), "error", "table.csv"),
        Case("UTF-16 cut in a letter", file_with("table.csv", utf16[:-1]), "error", "table.csv"),
        Case("UTF-16 with half a pair", file_with("table.csv", utf16[:60] + b"\x00\xd8" + utf16[60:]), "error", "table.csv"),
        Case("UTF-8 that says it is UTF-16", file_with("table.csv", b"\xff\xfe" + utf8 + b"x" * (len(utf8) % 2)), "error", "table.csv"),
        Case("CP949 that says it is UTF-8", file_with("table.csv", b"\xef\xbb\xbf" + cp949), "error", "table.csv", "UTF-8"),
        Case("Shift-JIS", file_with("table.csv", "名前,年,組\nさくら,1,ア\nひなた,2,イ\n".encode("shift_jis") * 9), "error", "table.csv"),
        Case("an encoding nobody knows", file_with("table.csv", utf8), "error", "table.csv", "encoding", ("data.encoding=utf-99",)),
        Case("an encoding that is none of text", file_with("table.csv", utf8), "error", "table.csv", "encoding|letters", ("data.encoding=base64",)),
        Case("the wrong encoding asked", file_with("table.csv", cp949), "error", "table.csv", "utf-8|UTF-8", ("data.encoding=utf-8",)),
        Case("a NUL in a cell", file_with("table.csv", utf8.replace(b"19", b"1\x009", 1)), "error|warning", "table.csv", "NUL"),
        Case("noise named csv", file_with("table.csv", draw.bytes(4000)), "error", "table.csv"),
        Case("noise of one byte", file_with("table.csv", b"\x9d"), "error", "table.csv")]


def renamed() -> list[Case]:
    book = io.BytesIO()
    with zipfile.ZipFile(book, "w") as packed:
        packed.writestr("xl/workbook.xml", "<workbook/>")
    good = written(lines_of(2)).encode()
    table = pa.table({"a": list(range(30)), "b": [i % 2 for i in range(30)]})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    whole = buffer.getvalue()
    nested = io.BytesIO()
    parquet.write_table(pa.table({"a": [[1, 2]] * 30, "b": [i % 2 for i in range(30)]}), nested)
    none = io.BytesIO()
    parquet.write_table(table.slice(0, 0), none)
    twice = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays([table["a"], table["b"]], names=["x", "x"]), twice)
    contents = {"Excel": book.getvalue(), "old Excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a web page": b"<!DOCTYPE html>\n<html><table>",
                "gzip": gzip.compress(good), "JSON": json.dumps([{"a": 1, "b": 2}] * 9).encode(), "JSON lines": b'{"a": 1, "b": "x"}\n' * 30,
                "a picture": encoded(noise(1)), "PDF": b"%PDF-1.7\n" + bytes(range(256)) * 4, "bzip2": b"BZh91AY&SY" + bytes(200),
                "pickle": b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x02hi\x94.", "numpy": b"\x93NUMPY\x01\0" + bytes(100), "SQLite": b"SQLite format 3\0" + bytes(100),
                "XML": b"<?xml version='1.0'?>\n<rows><row a='1'/></rows>\n" * 9, "an ELF program": b"\x7fELF\x02\x01\x01" + bytes(300), "a Python script": b"import os\nprint(os.getcwd())\n" * 9}
    cases = [Case(f"{what} named csv", file_with("table.csv", raw), "error", "table.csv") for what, raw in contents.items()]
    cases += [Case(f"Parquet cut at {share:.0%}", file_with("table.parquet", whole[: int(share * len(whole))]), "error", "table.parquet")
              for share in (0.05, 0.5, 0.95)]
    return [*cases,
            Case("CSV named parquet", file_with("table.parquet", good), "fine|loads"),
            Case("Parquet named csv", file_with("table.csv", whole), "loads"),
            Case("Parquet with lists", file_with("table.parquet", nested.getvalue()), "error", "table.parquet"),
            Case("Parquet without rows", file_with("table.parquet", none.getvalue()), "error", "table.parquet"),
            Case("Parquet with two columns of one name", file_with("table.parquet", twice.getvalue()), "error", "table.parquet"),
            Case("garbage named parquet", file_with("table.parquet", b"PAR1" + bytes(90) + b"PAR1"), "error", "table.parquet")]


def contents() -> list[Case]:
    draw, good = random.Random(4), lines_of(3)

    def table(change) -> Callable[[Path], Path]:
        return file_with("table.csv", written(change([list(row) for row in good])))

    def with_test(content: str | None, name: str = "other.csv") -> Callable[[Path], Path]:
        def make(folder: Path) -> Path:
            if content is not None:
                (folder / name).write_text(content)
            (folder / "table.csv").write_text(written(good))
            return folder / "table.csv"
        return make
    other = ("data.test=other.csv",)
    wide = [[f"열{i}" for i in range(5000)] + ["y"]] + [[str(draw.randint(0, 99)) for _ in range(5000)] + [draw.choice("ab")] for _ in range(12)]
    script = "<script>alert(1)</script>"
    return [
        Case("0 bytes", file_with("table.csv", b""), "error", "table.csv", "empty"),
        Case("blanks only", file_with("table.csv", b"   \t \r\n \n"), "error", "table.csv", "empty"),
        Case("line ends only", file_with("table.csv", b"\n" * 50), "error", "table.csv", "empty"),
        Case("zeros only", file_with("table.csv", bytes(100)), "error", "table.csv"),
        Case("commas only", file_with("table.csv", b",,,,\n" * 30), "error", "table.csv"),
        Case("a mark and nothing", file_with("table.csv", b"\xef\xbb\xbf"), "error", "table.csv"),
        Case("a mark of UTF-16 and nothing", file_with("table.csv", b"\xff\xfe"), "error", "table.csv"),
        Case("prose", file_with("table.csv", "옛날 옛적에 호랑이가 살았습니다.\n떡 하나 주면 안 잡아먹지.\n" * 9), "error", "table.csv"),
        Case("5,000 columns", file_with("table.csv", written(wide)), "loads"),
        Case("a cell of a million letters", table(lambda rows: [*rows[:5], ["가" * 1_000_000, *rows[5][1:]], *rows[6:]]), "loads"),
        Case("a header of a million letters", table(lambda rows: [["나" * 1_000_000, *rows[0][1:]], *rows[1:]]), "loads"),
        Case("a million quotes", file_with("table.csv", b'"' * 1_000_001 + b"\n1,2\n"), "error", "table.csv"),
        Case("old Mac line ends", file_with("table.csv", written(good).replace("\n", "\r")), "loads"),
        Case("mixed line ends", file_with("table.csv", written(good[:9]) + written(good[9:19]).replace("\n", "\r\n") + written(good[19:])), "loads"),
        Case("ANSI in cells and names", table(lambda rows: [["\x1b[31m이름", *rows[0][1:]], *([f"\x1b[2J{row[0]}", *row[1:]] for row in rows[1:])]), "loads"),
        Case("ANSI in the target", table(lambda rows: [rows[0], *([*row[:4], f"\x1b[5m{row[4]}\x07"] for row in rows[1:])]), "loads"),
        Case("ANSI in the name of a bad column", table(lambda rows: [[rows[0][0], "\x1b[31mage\x07", *rows[0][2:]], *([row[0], "33", *row[2:]] for row in rows[1:])]),
             "warning|note", "age"),
        Case("ANSI in the name of the target, one class", table(lambda rows: [[*rows[0][:4], "\x1b[31mgoal\x9b2J"], *([*row[:4], "a"] for row in rows[1:])]), "error", "goal"),
        Case("ANSI in a strange cell", table(lambda rows: [rows[0], *([*row[:2], "\x1b[41mx" if i == 3 else row[2], *row[3:]] for i, row in enumerate(rows[1:]))]), "warning", "키"),
        Case("bidi marks in a bad column's name", table(lambda rows: [[rows[0][0], "\u202eega", *rows[0][2:]], *([row[0], "33", *row[2:]] for row in rows[1:])]), "warning|note", "ega"),
        Case("scripts in cells and names", table(lambda rows: [[script, *rows[0][1:]], *([script, *row[1:]] for row in rows[1:])]), "loads"),
        Case("formulas", table(lambda rows: [rows[0], *([f"=cmd|'/c calc'!A{i}", *row[1:]] for i, row in enumerate(rows[1:]))]), "loads"),
        Case("braces of a format string in a bad column's name", table(lambda rows: [[rows[0][0], "{name.__class__} %s {}", *rows[0][2:]], *([row[0], "33", *row[2:]] for row in rows[1:])]),
             "warning|note", "__class__"),
        Case("two columns named with braces", table(lambda rows: [["{0}", "{0}", *rows[0][2:]], *rows[1:]]), "error", "{0}", "named"),
        Case("rich markup in the target", table(lambda rows: [[*rows[0][:4], "[bold]y[/bold]"], *([*row[:4], "[/]"] for row in rows[1:])]), "error", "[bold]y[/bold]"),
        Case("1e400 in a column", table(lambda rows: [rows[0], *([*row[:2], "1e400" if i == 4 else row[2], *row[3:]] for i, row in enumerate(rows[1:]))]), "warning", "키"),
        Case("numbers beyond float32", table(lambda rows: [rows[0], *([*row[:2], f"{i + 1}e300", *row[3:]] for i, row in enumerate(rows[1:]))]), "warning|error", "키"),
        Case("an infinite target", table(lambda rows: [rows[0], *([*row[:4], "inf" if i == 4 else f"{i}.5"] for i, row in enumerate(rows[1:]))]), "warning|error", "합격"),
        Case("a target beyond float32", table(lambda rows: [rows[0], *([*row[:4], f"{i + 1.5}e300"] for i, row in enumerate(rows[1:]))]), "warning|error", "합격"),
        Case("every column left out", table(lambda rows: rows), "error", "table.csv", "", ("data.drop=이름,나이,키,지역",)),
        Case("a column left out that is not there", table(lambda rows: rows), "error", "없음", "column", ("data.drop=없음",)),
        Case("the target left out", table(lambda rows: rows), "error", "합격", "", ("target=합격", "data.drop=합격")),
        Case("only identifiers and texts", table(lambda rows: [[row[0], f"{row[0]}@mail.kr" if i else "mail", row[4]] for i, row in enumerate(rows)]), "error", "table.csv"),
        Case("shares that leave nothing", table(lambda rows: rows), "error", "", "valid", ("data.valid=0.5", "data.test=0.6")),
        Case("a share above one", table(lambda rows: rows), "error", "data.valid", "", ("data.valid=1.5",)),
        Case("a share that is no number", table(lambda rows: rows), "error", "data.valid", "", ("data.valid=nan",)),
        Case("a setting nobody knows", table(lambda rows: rows), "error", "data.traget", "target", ("data.traget=합격",)),
        Case("a header asked where there is none", file_with("table.csv", written(good[1:])), "loads|error", "", "", ("data.header=yes",)),
        Case("names read as a row", file_with("table.csv", written(good)), "loads", "", "", ("data.header=no",)),
        Case("a test file that is not there", with_test(None), "error", "other.csv", "", other),
        Case("an empty test file", with_test(""), "error", "other.csv", "empty", other),
        Case("a test file without the target", with_test(written([row[:4] for row in lines_of(9)])), "error", "other.csv|합격", "", other),
        Case("a test file of other columns", with_test(written([["a", "b", "c"], *[["1", "2", "x"]] * 9])), "error", "other.csv", "", other),
        Case("a test file with a column less", with_test(written([[row[0], *row[2:]] for row in lines_of(9)])), "error", "나이", "", other),
        Case("a test file with words for numbers", with_test(written([[row[0], "많이" if i else row[1], *row[2:]] for i, row in enumerate(lines_of(9))])), "error|warning", "나이", "", other),
        Case("a test file with classes nobody learned", with_test(written([[*row[:4], "글쎄" if i else row[4]] for i, row in enumerate(lines_of(9))])), "error|warning", "글쎄|합격", "", other),
        Case("a test file with words nobody learned", with_test(written([[*row[:3], "제주" if i else row[3], row[4]] for i, row in enumerate(lines_of(9))])), "warning|note", "지역", "", other),
        Case("a test file with a short row", with_test(written([row if i != 4 else row[:2] for i, row in enumerate(lines_of(9))])), "error", "other.csv", "", other),
        Case("a test file that is a folder", lambda folder: (with_test(None)(folder), (folder / "other.csv").mkdir())[0], "error", "other.csv", "", other),
        Case("the table itself as the test", with_test(None), "error|warning", "table.csv", "", ("data.test=table.csv",)),
        Case("a pipe named csv", lambda folder: (os.mkfifo(folder / "pipe.csv"), folder / "pipe.csv")[1], "error", "pipe.csv"),
        Case("a dangling link named csv", lambda folder: (os.symlink("/nowhere", folder / "link.csv"), folder / "link.csv")[1], "error", "link.csv"),
        Case("a link to itself named csv", lambda folder: (os.symlink("link.csv", folder / "link.csv"), folder / "link.csv")[1], "error", "link.csv"),
        Case("a folder named csv", lambda folder: ((folder / "folder.csv").mkdir(), folder / "folder.csv")[1], "error", "folder.csv"),
        Case("ANSI in the file's name", file_with("evil\x1b[31m\n.csv", b""), "error", "evil"),
        Case("a file nobody may read", lambda folder: (path := file_with("table.csv", written(good))(folder), path.chmod(0))[0], "error", "table.csv")]


def tables() -> list[Case]:
    return [*faults(), *encodings(), *renamed(), *contents()]
