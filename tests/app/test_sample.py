"""sample: what a system can be asked is read from it, and every way of making leaves the file it says."""
import json
from pathlib import Path

import pytest
from PIL import Image

from deepen.app.cli import main
from deepen.core.words import speak

MAKER = '''
"""A maker for tests."""
from dataclasses import dataclass
import torch
from torch import nn
from deepen.core.kinds import Image
from deepen.core.recipe import Amount, Count
from deepen.core.system import System

@dataclass
class Maker(System):
    """Makes grey squares."""
    goal = (Image, Image)
    default_data = "stripes"
    score = "loss"
    turns: int = 2      # steps

    def build(self, data):
        self.model, self.made = self.place(nn.Linear(1, 1)), 0

    planned = property(lambda self: self.turns)

    def steps(self):
        while self.made < self.turns:
            self.made += 1
            yield {"loss": 1 / self.made}

    def evaluate(self, split="valid"):
        return {"loss": 1.0}

    def predict(self, inputs):
        return 1 - inputs.float() / 255
'''
PAINTS = '''
    def sample(self, count: int, seed: int = 0,
               class_: str = "",            # name of the class
               guidance: Amount = 2.0):     # pull towards it
        """Squares as bright as guidance says."""
        level = 10 * seed + guidance + (100 if class_ == "7" else 0)
        return torch.full((count, 3, 6, 4), level).to(torch.uint8)

    def unfolds(self, count: int, seed: int = 0, class_: str = "", guidance: Amount = 2.0):
        for step in range(5):
            yield self.sample(count, seed, class_, guidance) * step

    def walk(self, count: int, seed: int = 0,
             stops: Count = 2):             # pictures on the way
        return torch.arange(count).mul(20).add(seed)[:, None, None, None].expand(count, 3, 6, 4).to(torch.uint8)
'''
TELLS = '''
    def sample(self, count: int, seed: int = 0,
               heat: Amount = 1.0):         # how daring
        return [f"text {seed + i} <{heat:g}>" for i in range(count)]
'''


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    for name in ("DEEPEN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    yield
    speak("en")


def learned(folder: Path, name: str, text: str) -> Path:
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    assert main(["train", str(folder / f"{name}.py"), "--quiet", "--out", str(folder / name)]) == 0
    return folder / name


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    return learned(tmp_path_factory.mktemp("made"), "maker", MAKER + PAINTS)


@pytest.fixture(scope="module")
def teller(tmp_path_factory):
    return learned(tmp_path_factory.mktemp("told"), "teller", MAKER + TELLS)


@pytest.fixture(scope="module")
def stroke(tmp_path_factory):
    """A maker that paints at one stroke: it knows no way."""
    return learned(tmp_path_factory.mktemp("stroke"), "stroke", MAKER + PAINTS[: PAINTS.index("    def unfolds")])


def asked(capsys, *words) -> dict:
    capsys.readouterr()
    assert main(["sample", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_systems_own_options_reach_it(maker, tmp_path, capsys):
    told = asked(capsys, maker, "n=3", "class=7", "guidance=5", "--seed", 2, "--out", tmp_path / "a.png")
    assert (told["n"], told["seed"], told["class"], told["guidance"]) == (3, 2, "7", 5.0)
    sheet = Image.open(tmp_path / "a.png")
    assert sheet.size == (2 * (44 + 1) + 1, 2 * (66 + 1) + 1) and sheet.getpixel((1, 1)) == (125, 125, 125)     # 20 + 5 + 100


def test_a_film_of_how_pictures_come_to_be(maker, tmp_path, capsys):
    told = asked(capsys, maker, "n=2", "film=true", "guidance=30", "--out", tmp_path / "a.gif")
    film = Image.open(tmp_path / "a.gif")
    assert told["frames"] == film.n_frames == 5
    for frame in range(5):
        film.seek(frame)
        assert film.convert("RGB").getpixel((5, 5)) == (30 * frame,) * 3
    assert asked(capsys, maker, "film=true")["file"] == str(maker / "shown" / "film.gif")


def test_without_a_way_the_film_is_of_training(stroke, tmp_path, capsys):
    told = asked(capsys, stroke, "film=true", "--out", tmp_path / "a.gif")
    assert told["frames"] == len(told["steps"]) == 2 and Image.open(tmp_path / "a.gif").format == "GIF"
    assert main(["sample", str(stroke), "film=true", "n=3", "--seed", "1"]) == 2
    assert "come at one stroke" in (said := capsys.readouterr().err) and "takes no n, --seed" in said


def test_ways_from_one_picture_to_another(maker, tmp_path, capsys):
    told = asked(capsys, maker, "interpolate=8", "stops=3", "n=16", "--out", tmp_path / "a.png")
    assert told["n"] == 16
    sheet = Image.open(tmp_path / "a.png")
    assert sheet.size == (8 * 45 + 1, 2 * 67 + 1)
    assert [sheet.getpixel((1 + 45 * i, 1))[0] for i in range(8)] == [20 * i for i in range(8)]
    assert sheet.getpixel((1, 68))[0] == 1, "the second row is the way of the next seed"
    assert asked(capsys, maker, "interpolate=8")["n"] == 32


def test_a_file_each(maker, tmp_path, capsys):
    told = asked(capsys, maker, "n=3", "--out", f"{tmp_path}/many/")
    assert [Path(file).name for file in told["files"]] == ["000.png", "001.png", "002.png"]
    assert Image.open(told["files"][2]).size == (4, 6)
    assert Path(asked(capsys, maker, "n=2", "each=true")["folder"]) == maker / "shown" / "samples"


def test_texts_are_printed_and_written(teller, tmp_path, capsys):
    assert main(["sample", str(teller), "n=2", "heat=0.5", "--out", str(tmp_path / "a.txt")]) == 0
    assert "text 1 <0.5>" in capsys.readouterr().out
    assert (tmp_path / "a.txt").read_text() == "text 0 <0.5>\n\ntext 1 <0.5>\n"
    told = asked(capsys, teller, "n=2", "each=true", "--out", tmp_path / "each")
    assert told["texts"] == ["text 0 <1>", "text 1 <1>"] and Path(told["files"][1]).read_text() == "text 1 <1>\n"
    assert (teller / "shown" / "samples-0000002.txt").read_text().startswith("text 0 <1>\n\n")
    assert "text 3 &lt;1&gt;" in (teller / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("words, said", [
    (["flim=true"], "there is no setting flim; did you mean film?"),
    (["guidence=3"], "there is no setting guidence; did you mean guidance?"),
    (["psi=1"], "maker cannot be asked for psi=…, as stylegan can; it can be asked for: class, guidance, n, film, interpolate, each"),
    (["guidance=-1"], "guidance=-1 is not possible: it must be at least 0"),
    (["film=true", "interpolate=3"], "ask for one of them"), (["film=true", "each=true"], "ask for one of them"),
    (["film=true", "--out", "a.png"], "must end in .gif"), (["interpolate=0"], "it must be at least 1")])
def test_one_sentence_for_what_cannot_be(maker, words, said, capsys):
    capsys.readouterr()
    assert main(["sample", str(maker), *words]) == 2
    told = capsys.readouterr().err.strip()
    assert said in told and told.count("\n") == 0


def test_who_knows_no_way_says_so(stroke, teller, capsys):
    assert main(["sample", str(stroke), "interpolate=4"]) == 2
    assert "stroke knows no way from one picture to another, so it cannot interpolate; these do: " in capsys.readouterr().err
    assert main(["sample", str(teller), "film=true"]) == 2
    assert "painted nothing while it learned" in capsys.readouterr().err


def test_help_lists_what_this_run_can_be_asked(maker, stroke, capsys):
    assert main(["sample", str(maker), "--help"]) == 0
    told = capsys.readouterr().out
    assert "What maker can be asked" in told.replace(str(maker), "maker")
    for words in ("guidance=2.0", "pull towards it", "class=…", "name of the class", "interpolate=…"):
        assert words in told
    assert main(["sample", str(stroke), "--help"]) == 0
    assert "interpolate=…" not in capsys.readouterr().out
    assert main(["sample", "--help"]) == 0
    assert "interpolate=…" in capsys.readouterr().out


def test_a_picture_that_comes_back_is_written(maker, tmp_path, capsys):
    Image.new("RGB", (8, 8), (200, 200, 200)).save(tmp_path / "a.png")
    assert main(["predict", str(maker), str(tmp_path / "a.png"), "--out", str(tmp_path / "back"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["width"], told["height"]) == Image.open(told["drawn"]).size and not (tmp_path / "back" / "captions.csv").exists()
    assert Image.open(told["drawn"]).convert("L").getpixel((0, 0)) == 55
