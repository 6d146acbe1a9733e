"""Korean CSV files as people have them, made from a seed: the same rows in many encodings, delimiters and quotings."""
import random
import unicodedata
from dataclasses import dataclass

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp949", "euc-kr")
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
LINE_ENDS = ("\n", "\r\n", "\r")
SURNAMES, GIVEN = "김이박최정강조윤장임한오서신권황안송류홍", "민서지도하준윤우원현수영진혜경은주연태호성재"
PLACES = ("서울특별시 강남구 테헤란로", "부산광역시 해운대구 우동", "제주특별자치도 서귀포시", "경기도 성남시 분당구 판교로", "대구 수성구")
WORDS = ("정말 좋아요", "별로였습니다", "그냥 그래요", "배송이 빨랐어요", "다시는 안 삽니다", "사진과 색이 다릅니다", "강추", "재구매 의사 있음")
RARE = ("뷁", "똠방각하", "쌓였다", "펲시맨", "햏햏", "쑛", "믜")              # syllables that EUC-KR has not
HANJA = ("大韓民國", "漢字", "金氏", "學校", "東西南北", "株式會社")
JAMO = ("ㅋㅋㅋㅋ", "ㅠㅠ", "ㅇㅇ", "ㄱㄴㄷ", "ㅎㅎ 네")
EMOJI = ("😀", "👍🏽 굿", "❤️", "👨‍👩‍👧 가족", "🐝")
ENGLISH = ("ok", "very good", "n/a", "refund please", "size M", "see attachment", "late delivery", "as described")
HEADERS = ("번호", "이름", "주소", "가격", "날짜", "평가", "비고", "수량", "전화", "분류")


@dataclass(frozen=True)
class Made:
    """A file, and what must be read from it."""
    what: str
    raw: bytes
    names: list[str]
    rows: list[list[str]]
    header: bool


def can(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def cell(draw: random.Random, name: str, row: int, style: str, encoding: str) -> str:
    if name == "번호":
        return str(row + 1)
    if name == "이름":
        return draw.choice(SURNAMES) + draw.choice(GIVEN) + draw.choice(GIVEN)
    if name == "주소":
        return f"{draw.choice(PLACES)} {draw.randint(1, 300)}" + (f", {draw.randint(1, 30)}층" if draw.random() < 0.3 else "")
    if name == "가격":
        amount = f"{draw.randint(1, 99_000) * 10:,}"
        return draw.choice([amount, f"₩{amount}", f"{amount}원", amount.replace(",", "")])
    if name == "날짜":
        year, month, day = draw.randint(1990, 2026), draw.randint(1, 12), draw.randint(1, 28)
        return draw.choice([f"{year}-{month:02}-{day:02}", f"{year}. {month}. {day}.", f"{year}년 {month}월 {day}일", f"{year}/{month}/{day}"])
    if name == "수량":
        return "" if draw.random() < 0.1 else str(draw.randint(0, 40))
    if name == "전화":
        return f"010-{draw.randint(0, 9999):04}-{draw.randint(0, 9999):04}"
    if name == "분류":
        return draw.choice(["책", "옷", "식품", "가전"])
    if style == "english" and draw.random() < 0.9:
        return draw.choice(ENGLISH)
    special = {"hanja": HANJA, "jamo": JAMO, "emoji": EMOJI, "rare": RARE}.get(style, ())
    text = draw.choice(special) if special and draw.random() < 0.5 else draw.choice(WORDS)
    if draw.random() < 0.1:
        text += draw.choice([", 그리고 끝", '; 그래서 "인용"', " | 막대", "\n둘째 줄", "\t탭"])
    if style == "decomposed" and draw.random() < 0.3:
        text = unicodedata.normalize("NFD", text)
    return text


def quoted(text: str, mark: str, how: str) -> str:
    must = mark in text or '"' in text or "\n" in text or "\r" in text
    if (not must and how == "least") or (how == "mixed" and not must and len(text) % 2):
        return text
    return '"' + text.replace('"', '""') + '"'


def make(seed: int) -> Made:
    """File number `seed`: encodings go round, everything else is drawn."""
    draw = random.Random(seed)
    encoding = ENCODINGS[seed % len(ENCODINGS)]
    delimiter = list(DELIMITERS)[seed // len(ENCODINGS) % len(DELIMITERS)]
    mark, end = DELIMITERS[delimiter], draw.choice(LINE_ENDS)
    how = draw.choice(["least", "least", "mixed", "all"])
    style = draw.choice(["plain", "plain", "hanja", "jamo", "emoji", "rare", "english", "decomposed"])
    count = draw.choice([3, 5, 10, 30, 100, 300])
    names = draw.sample(HEADERS, draw.randint(2, len(HEADERS)))
    header = draw.random() < 0.9 or not ({"번호", "수량", "전화"} & set(names))
    if style == "english":
        names = [{"번호": "no", "이름": "이름", "주소": "address", "가격": "price", "날짜": "date", "평가": "review", "비고": "note",
                  "수량": "count", "전화": "phone", "분류": "kind"}[name] for name in names]
    keys = dict(zip(["no", "address", "price", "date", "review", "note", "count", "phone", "kind"],
                    ["번호", "주소", "가격", "날짜", "평가", "비고", "수량", "전화", "분류"], strict=True))
    rows = []
    for i in range(count):
        row = [cell(draw, keys.get(name, name), i, style, encoding) for name in names]
        rows.append([text if can(text, encoding) else draw.choice(["보통", "좋음"]) for text in row])
    if end == "\r":
        rows = [[text.replace("\n", " ") for text in row] for row in rows]
    if not header and "번호" not in names:
        header = True                                   # without a number in its first row a table cannot show that it has no names
    lines = [mark.join(quoted(text, mark, how) for text in row) for row in ([names] if header else []) + rows]
    text = end.join(lines) + (end if draw.random() < 0.8 else "")
    what = f"{seed}: {encoding}, {delimiter}, {end!r}, quotes {how}, {style}, {count} rows, {len(names)} columns" + ("" if header else ", no header")
    return Made(what, text.encode(encoding), names if header else [f"c{i + 1}" for i in range(len(names))], rows, header)
