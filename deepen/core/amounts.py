"""Text that stands for a day or an amount -> a number: one definition for tables, test files and single rows.

A form says how the cells of a column are read, in a word or two: "date:ymd" (days since 1970-01-01), "month:ymd:DAY"
(a part of the day in the column DAY), "unit:kg" (3.5kg is 3.5); "" is a plain number.
"""
import datetime
import re

EPOCH = datetime.date(1970, 1, 1).toordinal()
TIME = (r"(?:[T\s]+(오전|오후|AM|PM|am|pm)?\s*(\d{1,2})(?::(\d{2})(?::(\d{2}(?:\.\d+)?))?|시(?:\s*(\d{1,2})분)?(?:\s*(\d{1,2})초)?)"
        r"\s*(AM|PM|am|pm)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?)?")
WEEKDAY = r"(?:\s*\(?(?:[월화수목금토일](?:요일)?|Mon|Tue|Wed|Thu|Fri|Sat|Sun)\)?)?"
BETWEEN = r"\s*[-/.]\s*"
DATES = {
    "ymd": re.compile(rf"(?P<y>\d{{4}})(?:{BETWEEN}|\s*년\s*)(?P<m>\d{{1,2}})(?:(?:{BETWEEN}|\s*월\s*)(?P<d>\d{{1,2}})(?:\s*일|\.)?|\s*월)?"
                      rf"{WEEKDAY}{TIME}"),
    "compact": re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?P<H>\d{2})?(?P<M>\d{2})?(?P<S>\d{2})?"),
    "dmy": re.compile(rf"(?P<d>\d{{1,2}}){BETWEEN}(?P<m>\d{{1,2}}){BETWEEN}(?P<y>\d{{4}}|\d{{2}}){TIME}"),
    "mdy": re.compile(rf"(?P<m>\d{{1,2}}){BETWEEN}(?P<d>\d{{1,2}}){BETWEEN}(?P<y>\d{{4}}|\d{{2}}){TIME}"),
    "ym": re.compile(r"(?P<y>\d{1,4})[-/.](?P<m>\d{2})"),
}
UNIT = re.compile(r"([+-]?)\s*[₩$€£¥]?\s*([+-]?[0-9][0-9.,]*)\s*([^\W\d_][^\d\s.,;|]{0,7}|[℃℉㎏㎡㎢㎥㎜㎝㎞㎖ℓ°]C?|%)?")
MANY = {"백": 100, "천": 1000}
KOREAN = re.compile(r"([+-]?)\s*₩?\s*(?:([0-9.,]+)(천|백)?\s*억)?\s*(?:([0-9.,]+)(천|백)?\s*만)?\s*(?:([0-9.,]+)(천|백)?)?\s*(원|명|개|대)?")


def days(text: str, form: str = "ymd") -> float | None:
    """A date, with or without a time of day -> days since 1970-01-01, as it is written (no time zone is applied);
    None when it is none. `form` is the order of its parts: ymd, compact (20240102), dmy, mdy, ym."""
    found = DATES[form].fullmatch(text.strip())
    if not found:
        return None
    part = found.groupdict()
    year, day = int(part["y"]), int(part.get("d") or 1)
    if len(part["y"]) == 2 and form != "ym":
        year += 1900 if year >= 70 else 2000
    try:
        whole = datetime.date(year, int(part["m"]), day).toordinal() - EPOCH
    except ValueError:
        return None
    written = form not in ("compact", "ym")
    clock = found.groups()[-7:] if written else (None, part.get("H"), part.get("M"), part.get("S"), None, None, None)
    return None if (share := _of_a_day(clock)) is None else whole + share


def _of_a_day(clock: tuple[str | None, ...]) -> float | None:
    half, hour, minute, second, minutes, seconds, after = clock
    if hour is None:
        return 0.0
    hours, half = int(hour), (half or after or "").lower()
    if half and hours > 12:
        return None
    hours = hours % 12 + 12 * (half in ("pm", "오후")) if half else hours
    past, seconds_past = int(minute or minutes or 0), float(second or seconds or 0)
    return None if hours > 24 or past > 59 or seconds_past >= 61 else (hours + past / 60 + seconds_past / 3600) / 24


def day(value: float) -> str:
    """Days since 1970-01-01 -> 2024-01-02, or 2024-01-02 13:30 where there is a time of day."""
    seconds = round(value * 86400)
    try:
        when = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    except OverflowError:
        return f"{value:g}"
    date = f"{when.year:04d}-{when:%m-%d}"
    return date if seconds % 86400 == 0 else f"{date} {when:%H:%M}"


def part_of_day(value: float, part: str) -> float:
    """month 1…12, weekday 0 (Monday) … 6, hour 0…24 of days since 1970-01-01."""
    date = datetime.date.fromordinal(int(value // 1) + EPOCH)
    return {"month": date.month, "weekday": date.weekday(), "hour": value % 1 * 24}[part]


def amount(text: str) -> tuple[float, str] | None:
    """₩1,234 · 1,234원 · 3.5kg · 12% · 1만 · 3억 2천만원 -> (number, unit); None when it is no amount."""
    text = text.strip()
    if found := UNIT.fullmatch(text):
        unit = found[3] or ""
        if unit[:1] not in ("만", "억", "천", "백") and (value := _number(found[1] + found[2])) is not None:
            return value, unit
    found = KOREAN.fullmatch(text)
    if not found or not any(found.group(2, 4, 6)):
        return None
    total = 0.0
    for digits, many, times in ((found[2], found[3], 1e8), (found[4], found[5], 1e4), (found[6], found[7], 1)):
        if digits:
            value = _number(digits)
            if value is None:
                return None
            total += value * MANY.get(many, 1) * times
    return (-total if found[1] == "-" else total), found[8] or ""


def _number(digits: str) -> float | None:
    """1234 · 1,234 · 1,234.5; None for 1,23 and 1.2.3."""
    if "," in digits and not re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", digits):
        return None
    try:
        return float(digits.replace(",", ""))
    except ValueError:
        return None
