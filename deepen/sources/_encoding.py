"""Bytes of somebody's text file -> text, in the encoding it was written in; never a wrong letter in silence."""
import codecs
import re
from itertools import groupby
from pathlib import Path

from deepen.core.words import say
from deepen.sources._finding import Trouble

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF16_BE, "utf-16"))
_NAMES = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
          "utf-32": "UTF-32", "cp949": "CP949", "cp1252": "Windows-1252"}
_SAMPLE = 1 << 18
_FILLED = re.compile("\u3164[ㄱ-ㅎ][ㅏ-ㅣ][ㄱ-ㅎ\u3164]")
# the syllables that Korean text is made of: 98 of 100 in running text, and those of names of people and places
_SYLLABLES = frozenset(
    "가각간갈감갑값갔강갖같개객걍거건걸검겁것게겐겟겠겨격견결겼경계고곡곤골곳공과곽관광괜괴굉교구국군굳굴굿궁권귀규균그극근글금급기긴길김깊까깐깔깝깨꺼께껴꼬꼭꽤꾸꿀꿈끄끌끔끝끼낄낌나낚난날남낫났낭낮내낸냐"
    "냥너널넘넣네녀년념노논놀놈농높놓누눈느는늘능니닌닐님닝다닥단달담답당대더덕던덜데델도독돈돋돌동돼됐되된될됨두둘뒤드득든듣들듯등디딩따딱딴딸때땜떠떤떨떻또똑똥뛰뜨뜻라락란랄람랍랐랑래랜랬량러럭런럴럼럽렇"
    "레려력련렸령례로록론롭료룡루류률륭르른를름릉리릭린릴림립링마막만많말맘맛망맞매맥맨맹머먹먼멋멍메멘멜며면명몇모목몰몸못묘무문물뭐뭔뭘미믹민믿밀밋밌밑바박밖반받발방배백버번벌범법벗베벽변별병보복본볼봄봅"
    "봉봐봣봤부북분불뷰브블비빈빌빙빛빠빨빵빼뻐뻔뿐쁘쁜사산살삶삼상새색생서석선설섭성세섹센셔션셨소속손솔송수숙순술숨쉬쉽슈스슨슬슴습슷승시식신실싫심십싶싸쌍써썸쓰쓴쓸씨씩씬아악안않알암압았앞애액야약양얘어"
    "억언얼엄업없엇었엉에엔여역연열염엽였영예옛오옥온올옴와완왔왕왜왠외요욕용우욱운울움웃웅워원월웠위유육윤율으은을음읍응의이익인일읽임입잇있잊자작잔잖잘잠잡장재잼쟁저적전절점접정제젠젤져졌조족존졸좀종좋죄"
    "죠주죽준줄줌중줘줬즈즌즐즘증지직진질짐집짓징짜짝짱째쩌쩔쪽쯤찌찍차착찬찮찰참창찾채책처척천철첨첫청체쳐쳤초총최추축춘출충취츠측층치친칠침카캐커케켜코콜콩쾌큐크큰클큼키킨킬타탁탄탈태택터턴테텐토통투트특"
    "튼틀티틱팀팅파판팔패팬퍼페편평포폭표풀품풍프픈플픔피픽필하학한할함합항해햇했행향허헌헐험헤혀혁현혈형혜호혹혼홍화확환활황회횟횡효후훈훌훨휘휴흐흑흔흘흡흥희히힘")


def decode(raw: bytes, file: str, encoding: str = "") -> tuple[str, str]:
    """(text, name of its encoding). Tried in order: what is asked, byte order marks, UTF-16 without one, UTF-8, CP949
    (which holds EUC-KR) when it reads as Korean, Windows-1252 when it reads as European; else `Trouble`."""
    if not raw.strip(b"\0 \t\r\n,;|\""):
        raise Trouble(say("the file is empty"), say("check that the right file was given"), file)
    _refuse_what_is_no_text(raw, file)
    if encoding:
        return _as_asked(raw, file, encoding)
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return _marked(raw, file, name), _NAMES[name]
    if b"\0" in raw:
        if name := _wide(raw):
            return _marked(raw, file, name), _NAMES[name]
        line = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise Trouble(say("there is a NUL character, which no text has"),
                      say("open the file in an editor, remove it and save again"), file, say("line {line}", line=line))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        first = error
    else:
        return (_korean(raw), "CP949") if _only_seems_utf8(raw, text) else (text, "UTF-8")
    if _reads_korean(raw):
        return _korean(raw), "CP949"
    line = raw.count(b"\n", 0, first.start) + 1
    if _mixed(raw):
        raise Trouble(say("the encodings are mixed: this line is not UTF-8 (it looks like CP949), others are"),
                      say("save the whole file again as UTF-8"), file, say("line {line}", line=line))
    if _reads_european(raw):
        return raw.decode("cp1252"), _NAMES["cp1252"]
    raise Trouble(say("the letters are neither UTF-8, UTF-16 nor CP949"),
                  say("save the file as UTF-8, or name its encoding, for example data.encoding=shift_jis"), file,
                  say("line {line}", line=line))


def bytes_of(path: Path) -> bytes:
    """All of a user's file; `Trouble` when it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        beside = sorted(file.name for file in path.parent.glob("*.csv")) if path.parent.is_dir() else []
        raise Trouble(say("there is no such file"), say("in that folder there are: {names}", names=", ".join(beside[:5]))
                      if beside else say("check the spelling or give the full path"), str(path)) from None
    except OSError as error:
        raise Trouble(say("the file cannot be read ({reason})", reason=error.strerror or error),
                      say("check its permissions"), str(path)) from None


def _refuse_what_is_no_text(raw: bytes, file: str) -> None:
    start = raw[:512].lstrip().lower()
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Trouble(say("this is an Excel workbook (or a ZIP archive), not text"),
                      say("in Excel choose Save As, CSV UTF-8"), file)
    if start.startswith((b"<!doctype html", b"<html")):
        raise Trouble(say("this is a web page, not a table"), say("download the file itself"), file)
    if raw.startswith((b"\x1f\x8b", b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BZh", b"\xfd7zXZ", b"SQLite",
                       b"PAR1", b"\x93NUMPY", b"\x80\x02", b"\x80\x04", b"\x80\x05")):
        raise Trouble(say("this is not text (it begins with {start})", start=raw[:6]),
                      say("give a CSV file, saved as UTF-8"), file)


def _as_asked(raw: bytes, file: str, encoding: str) -> tuple[str, str]:
    try:
        return raw.decode(encoding).removeprefix("\ufeff"), encoding
    except LookupError:
        raise Trouble(say("there is no encoding {name}", name=encoding),
                      say("common ones are utf-8, cp949, utf-16, cp1252"), file) from None
    except UnicodeDecodeError as error:
        raise Trouble(say("the letters are not {name}", name=encoding), say("leave data.encoding out and it will be found"),
                      file, say("line {line}", line=raw.count(b"\n", 0, error.start) + 1)) from None


def _marked(raw: bytes, file: str, name: str) -> str:
    try:
        return raw.decode(name)
    except UnicodeDecodeError as error:
        raise Trouble(say("the file says it is {name}, but byte {byte} is not", name=_NAMES[name], byte=error.start),
                      say("save the file again as UTF-8"), file) from None


def _wide(raw: bytes) -> str:
    """UTF-16 without a mark: the plain letters of one byte order (there are commas and line ends in every table) are
    many, and nothing is a control character."""
    start = raw[:_SAMPLE & ~1]
    if start.count(0) < 0.1 * len(start) and _is_utf8(start.replace(b"\0", b"")):
        return ""                                           # plain text with a NUL in it
    best, most = "", 0.02
    for name in ("utf-16-le", "utf-16-be"):
        text = start.decode(name, "replace")
        plain = sum(letter in "\t\r\n" or " " <= letter <= "~" for letter in text)
        wrong = sum(letter < "\t" or "\x0e" <= letter < " " or letter in "\ufffd\uffff\ufffe" for letter in text)
        if wrong <= 1 and plain / len(text) > most:         # (a pair cut in two at the end of the sample)
            best, most = name, plain / len(text)
    return best


def _korean(raw: bytes) -> str:
    """CP949. Some programs write a syllable that EUC-KR has not as a filler and three letters (KS X 1001, annex 3)."""
    return _FILLED.sub(lambda found: found[0].encode("cp949").decode("euc_kr"), raw.decode("cp949"))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(raw) - 3                  # a letter cut in two at the end of the sample
    return True


def _reads_korean(raw: bytes) -> bool:
    """Is this CP949? Then its letters are mostly common Korean syllables, or none is one (Chinese characters and signs)."""
    try:
        letters = [letter for letter in raw.decode("cp949")[:_SAMPLE] if letter > "\x7f"]
    except UnicodeDecodeError:
        return False
    syllables = [letter for letter in letters if "가" <= letter <= "힣"]
    common = sum(letter in _SYLLABLES for letter in syllables)
    words = len(syllables) + sum("一" <= letter <= "鿿" or "豈" <= letter <= "﫿" for letter in letters)
    laughs = sum(letter in "ㅋㅎㅠㅜㅡㅇㄴㄱㅅㄷ\u3164" for letter in letters) if syllables else 0
    others = len(letters) - words - laughs - sum(letter in "·…—‘’“”〈〉《》「」『』【】±×÷≠≤≥∞∴°′″℃￦￡￥☆★○●◎◇◆□■△▲▽▼→←↑↓↔〓※㈜№㎏㎡㎝㎜㎞㎎㎖ℓ㏄½¼¾、。～〔〕§" for letter in letters)
    if others > 0.3 * len(letters):
        return False
    return not syllables or common >= 0.6 * len(syllables)


def _only_seems_utf8(raw: bytes, text: str) -> bool:
    """Some Korean words in CP949 (홍천호) happen to be valid UTF-8: letters of two bytes each, which stand for nothing
    there but are whole Korean words in CP949."""
    sample = text[:_SAMPLE]
    odd = [letter for letter in sample if letter > "\x7f"]
    if not odd or max(odd) > "\u07ff" or max(odd) <= "\xff" or len(text) > _SAMPLE:      # é ° ² are no Korean words
        return False
    if re.search(r"[A-Za-z][\x80-\u07ff]|[\x80-\u07ff][A-Za-z]", sample):
        return False                                        # café
    try:
        korean = [letter for letter in raw.decode("cp949") if letter > "\x7f"]
    except UnicodeDecodeError:
        return False
    return all(letter in _SYLLABLES for letter in korean)


def _mixed(raw: bytes) -> bool:
    """Is every line Korean in UTF-8 or in CP949, and are there both?"""
    seen = set()
    for line in raw.splitlines():
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            seen.add("utf-8")
        except UnicodeDecodeError:
            if not _reads_korean(line):
                return False
            seen.add("cp949")
    return len(seen) == 2


def _reads_european(raw: bytes) -> bool:
    """Accented letters stand alone, or in twos, between plain ones."""
    try:
        raw.decode("cp1252")
    except UnicodeDecodeError:
        return False
    runs = [bytes(run) for high, run in groupby(raw[:_SAMPLE], lambda byte: byte > 127) if high]
    return sum(len(run) == 1 or (len(run) == 2 and min(run) >= 0xC0) for run in runs) >= 0.9 * len(runs)
