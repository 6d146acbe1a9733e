"""Tables read from disk: Korean files in every encoding and delimiter, and a file of a million rows.

    .venv/bin/python bench/tables_read.py                 # all claims
    .venv/bin/python bench/tables_read.py --only korean --count 1000 --seed 0

One JSON line a claim. `korean`: made-up tables of names, places, texts, numbers, dates, Chinese characters and signs, 3 to
60 rows; read exactly means every cell and every name of a column is what was written. `million`: `deepen check` of
1,000,000 rows and ten columns in a fresh process, seconds and peak memory with everything it imports.
"""
import argparse
import csv
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SURNAMES = "김이박최정강조윤장임한오서신권황안송류홍남궁제갈"
GIVEN = "민준서연지후하은도윤예진시우수아주원지민현건채호철희영숙자미경혜선규태범찬혁석천탁훈솔빛나래봄샘늘별뷁똠믜"
PLACES = ("서울", "부산 해운대구", "대구", "인천", "광주", "대전", "울산", "세종", "제주시", "전주", "홍천", "춘천", "여수", "강릉", "평창군")
WORDS = ("오늘", "날씨가", "참", "좋네요", "배송이", "빨라요", "최고", "별로", "재구매", "의사", "있음", "정말", "감사합니다", "쏠쏠해요", "ㅋㅋ", "ㅠㅠ",
         "가격은", "비싸지만", "맛있어요", "펼쳐서", "앉아", "넓고", "깨끗함", "뚫어요", "읽다", "값", "외곬", "닭갈비", "삶")
HANJA = ("金", "李", "朴", "大韓民國", "漢字", "東", "西", "南", "北", "年", "月", "日", "上", "下", "男", "女", "春川", "價格")
SIGNS = ("℃", "㎡", "※", "★", "·", "→", "①", "~")
HEADS = {"name": ("이름", "성명", "name", "고객명"), "place": ("지역", "주소", "city", "시군구"), "text": ("리뷰", "내용", "text", "비고(특이사항)"),
         "whole": ("나이", "age", "수량", "인원(명)"), "money": ("금액", "매출액", "price", "금액(원)"), "date": ("날짜", "가입일", "date"),
         "hanja": ("한자", "姓名", "漢字名"), "yes": ("구매", "여부", "label", "결과"), "part": ("부서", "등급", "group")}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp949", "euc-kr")


def cell(kind, draw):
    if kind == "name":
        return draw.choice(SURNAMES) + "".join(draw.choices(GIVEN, k=draw.choice((1, 2, 2, 2, 2))))
    if kind == "place":
        return draw.choice(PLACES)
    if kind == "text":
        words = draw.choices(WORDS, k=draw.randint(1, 8))
        if draw.random() < 0.1:
            words.append(draw.choice(SIGNS))
        return draw.choice((" ", " ", ", ", "; ")).join(words) + draw.choice(("", ".", "!", '"', "\n둘째 줄"))
    if kind == "whole":
        return str(draw.randint(1, 99))
    if kind == "money":
        return draw.choice(("{:,}", "₩{:,}", "{}", "{:,}원")).format(draw.randint(1000, 9_999_999)) if draw.random() < 0.9 else ""
    if kind == "date":
        return f"{draw.randint(1990, 2025)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}"
    if kind == "hanja":
        return draw.choice(HANJA) + draw.choice(("", draw.choice(HANJA)))
    return draw.choice(("예", "아니오") if kind == "yes" else ("영업", "개발", "인사", "A", "B"))


def made_up(draw):
    """(names, rows, encoding, delimiter) of one file."""
    kinds = draw.sample(list(HEADS), draw.randint(2, 7))
    if draw.random() < 0.15:                                # names of people under plain English heads
        kinds = ["name", "whole"]
    names = [draw.choice(HEADS[kind]) for kind in kinds]
    if draw.random() < 0.2:
        names = [f"x{i}" for i in range(len(kinds))]
    rows = [[cell(kind, draw) for kind in kinds] for _ in range(draw.choice((3, 3, 4, 5, 8, 20, 60)))]
    return names, rows, draw.choice(ENCODINGS), draw.choice((",", ",", ";", "\t", "|"))


def written(names, rows, encoding, mark, end):
    out = io.StringIO()
    csv.writer(out, delimiter=mark, lineterminator=end).writerows([names, *rows])
    text = out.getvalue()
    if encoding in ("cp949", "euc-kr"):                     # what that encoding cannot hold is not written in it
        text = "".join(letter if letter.encode(encoding, "ignore") else "가" for letter in text)
    return text


def korean(count, seed):
    from deepen.core.words import Problem
    from deepen.sources._sheet import read
    exact = refused = wrong = 0
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t.csv"
        for i in range(count):
            names, rows, encoding, mark = made_up(draw)
            text = written(names, rows, encoding, mark, draw.choice(("\n", "\r\n", "\r\n")))
            wanted = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark)]
            file.write_bytes(text.encode(encoding))
            try:
                sheet = read(file)
            except Problem as problem:
                refused += 1
                print(i, encoding, repr(mark), problem, text[:200], file=sys.stderr)
                continue
            columns = [[cell.strip() for cell in column.to_pylist()] for column in sheet.columns]
            told = [sheet.names, *map(list, zip(*columns, strict=True))]
            if told == wanted:
                exact += 1
                continue
            letters = {letter for row in wanted for word in row for letter in word}
            lost = {letter for row in told for word in row for letter in word} - letters - set("c0123456789")
            wrong += bool(lost)
            print(i, encoding, repr(mark), "other letters" if lost else "other cells", told[:3], wanted[:3], file=sys.stderr)
    claim("Korean tables read exactly", exact / count, 0.995, "share", count)
    claim("Korean tables read with a wrong letter, in silence", wrong, 0, "files", count)
    claim("Korean tables refused in a sentence", refused, 0.005 * count, "files", count)


def million(rows=1_000_000):
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "million.csv"
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["번호", "나이", "지역", "가입일", "금액", "점수", "기기", "비고", "비율", "구매"])
            for i in range(rows):
                writer.writerow([i * 7919 % 10_000_019, draw.randint(18, 90) if i % 50 else "", draw.choice(PLACES),
                                 f"20{i % 24:02d}-{i % 12 + 1:02d}-{i % 28 + 1:02d}", f"{draw.randint(1000, 10**6):,}",
                                 f"{draw.gauss(50, 10):.3f}", draw.choice(("폰", "태블릿", "컴퓨터")),
                                 'a "quoted" word' if i % 1000 == 0 else draw.choice(WORDS), f"{draw.randint(0, 100)}%",
                                 draw.choice(("예", "아니오"))])
        began = time.perf_counter()
        asked = [sys.executable, "-m", "deepen", "check", str(file), "target=구매", "--json"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        if told.returncode:
            sys.exit(told.stderr)
        found = json.loads(told.stdout.splitlines()[-1])
        if found["summary"]["rows"] != rows:
            sys.exit(f"read {found['summary']['rows']} rows of {rows}")
        claim("deepen check of a million rows", seconds, 20, "s", 1)
        claim("deepen check of a million rows, peak memory", peak, 1536, "MB", 1)


def claim(name, ours, limit, unit, runs):
    print(json.dumps({"claim": name, "ours": round(ours, 4), "peer": limit, "peer_name": "limit",
                      "ratio": round(ours / limit, 3) if limit else None, "unit": unit, "runs": runs, "spread": [ours, ours]}),
          flush=True)


if __name__ == "__main__":
    asked = argparse.ArgumentParser()
    asked.add_argument("--only", choices=("korean", "million"))
    asked.add_argument("--count", type=int, default=1000)
    asked.add_argument("--seed", type=int, default=0)
    asked = asked.parse_args()
    if asked.only != "million":
        korean(asked.count, asked.seed)
    if asked.only != "korean":
        million()
