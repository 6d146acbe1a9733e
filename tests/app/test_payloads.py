"""What somebody else wrote (names, cells, classes) is text: it never runs and never steers, neither in the report's page
nor on the terminal."""
import csv
import random
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepen.core.words import speak

sys.path.insert(0, str(Path(__file__).parent))
from pack_judge import LOUD, ask

SCRIPT = "<script>alert(1)</script>"
PAYLOADS = (SCRIPT, "<img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>", "'><iframe src=javascript:alert(1)>", "</style><script>alert(2)</script>",
            "</title><body onload=alert(3)>", "&lt;script&gt;", "\x1b[31mred\x1b[2J", "\x9b31mred\x07", "\u202egnp.exe", "{name} {0} %s", "[bold red]markup[/bold red]")
QUICK = ("--device", "cpu", "--quiet", "--out", "run")


class Page(HTMLParser):
    """Everything in a page that could run or load something."""

    def __init__(self, text: str):
        super().__init__()
        self.runs: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag in ("script", "iframe", "object", "embed", "base", "link", "form", "foreignobject", "animate", "set"):
            self.runs.append(tag)
        for name, value in attributes:
            value = (value or "").strip().lower()
            if name.startswith("on") or "javascript:" in value or (name in ("src", "href", "xlink:href") and not value.startswith(("data:image/", "#"))):
                self.runs.append(f"{tag} {name}={value[:40]}")

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    for name in ("DEEPEN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    speak("en")


def table(path: Path) -> None:
    """Payloads as names of columns, as words of a category, as classes and as the target's name."""
    draw = random.Random(2)
    lines = [[PAYLOADS[0], PAYLOADS[1], PAYLOADS[7], PAYLOADS[2]]]
    for _ in range(160):
        number = draw.random()
        lines.append([f"{number:.3f}", draw.choice(PAYLOADS[:6]), draw.choice(PAYLOADS[6:]), PAYLOADS[3] if number + 0.6 * draw.random() > 0.8 else PAYLOADS[8]])
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows(lines)


def photos(root: Path) -> None:
    """Payloads as classes and as names of pictures."""
    draw = np.random.default_rng(1)
    for name, light in ((PAYLOADS[1], 60), (PAYLOADS[7], 150), (PAYLOADS[9], 210)):
        (root / name).mkdir(parents=True)
        for i in range(20):
            name_of = f"{PAYLOADS[i % len(PAYLOADS)].replace('/', '⁄')} {i}.png"
            Image.fromarray(draw.integers(light - 60, light + 45, (8, 8, 3), dtype=np.uint8)).resize((32, 32), 0).save(root / name / name_of)


@pytest.mark.parametrize("what", ["table", "pictures"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_payloads_stay_text(what, language):
    if what == "table":
        path, recipe = Path("표<b>.tsv"), ["learner=tree"]
        table(path)
    else:
        path, recipe = Path("<b>photos"), ["data.size=8", "net=flatten; dense classes", "epochs=1"]
        photos(path)
    ask_for = str(path) if what == "table" else str(next(path.rglob("*2.png")))
    commands = [["check", f"./{path}"], ["train", f"./{path}", *recipe, *QUICK], ["validate", "run"], ["predict", "run", ask_for], ["report", "run"],
                ["runs"], ["export", "run"]]
    for command in commands:
        told = ask(*command, "--lang", language)
        assert told.code == 0, (command, told.err[-2000:])
        raw = LOUD.search(told.out + told.err)
        assert not raw, (command, raw[0], (told.out + told.err)[max(0, raw.start() - 60):][:160])
    text = Path("run/report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.runs == []
    assert not LOUD.search(text.replace("\t", " ")), repr(text[LOUD.search(text).start() - 60:][:140])
    whole = "".join(page.texts)
    assert PAYLOADS[1] in whole or PAYLOADS[2] in whole or PAYLOADS[3] in whole, "the names are shown, as text"
    assert PAYLOADS[1] not in text, "and escaped in the source"


def test_the_page_reader_sees_what_runs():
    bad = Page("<p onclick=x>a</p><script>1</script><img src=http://a.b/c><a href='javascript:x'>b</a><img src='data:image/png;base64,aa'>")
    assert len(bad.runs) == 4
