"""sample, play, nearest: a sheet of pictures, a return that is really earned, and one sentence from systems that cannot."""
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from deepen.app.cli import main
from deepen.app.sample import arranged
from deepen.core.words import speak


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    for name in ("DEEPEN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    yield
    speak("en")


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("painter") / "run"
    assert main(["train", "dcgan", "data=stripes", "epochs=1", "width=8", "--quiet", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def player(tmp_path_factory):
    folder = tmp_path_factory.mktemp("player") / "run"
    assert main(["train", "dqn", "moves=64", "net=dense classes", "episodes=2", "--quiet", "--out", str(folder)]) == 0
    return folder


def test_sample_writes_the_sheet_of_a_seed(painter, tmp_path, capsys):
    files = [tmp_path / f"{i}.png" for i in range(3)]
    for file, seed in zip(files, ("4", "4", "5"), strict=True):
        assert main(["sample", str(painter), "n=6", "--seed", seed, "--out", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["n"] == 6 and told["seed"] == 5 and Path(told["file"]) == files[2]
    same, again, other = (Image.open(file).tobytes() for file in files)
    assert same == again != other
    assert main(["sample", str(painter)]) == 0
    assert Image.open(painter / "shown" / "samples.png").size[0] >= 4 * 64


def test_a_sheet_keeps_every_picture():
    pictures = torch.arange(5 * 3 * 2 * 4, dtype=torch.uint8).reshape(5, 3, 2, 4)
    sheet = arranged(pictures)
    assert sheet.shape == (3, 2 * (32 + 1) + 1, 3 * (64 + 1) + 1)
    assert torch.equal(sheet[:, 1:33:16, 1:65:16], pictures[0])
    assert torch.equal(sheet[:, 34:66:16, 66:130:16], pictures[4])
    assert (sheet[:, 34:, 131:] == 255).all() and (sheet[:, 0] == 255).all()


def test_play_tells_the_return(player, capsys):
    assert main(["play", str(player), "episodes=3", "--seed", "2", "--json"]) == 0
    told = capsys.readouterr()
    first = json.loads(told.out.splitlines()[-1])
    assert len(first["returns"]) == 3 and all(8 <= one <= 500 for one in first["returns"])
    assert first["return"] == pytest.approx(sum(first["returns"]) / 3)
    assert "episode 3: return" in told.err
    assert main(["play", str(player), "episodes=3", "--seed", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == first


def test_the_return_is_what_the_world_paid(player, capsys):
    from deepen.engine.run import Run
    from deepen.engine.validate import with_data
    assert main(["play", str(player), "--seed", "7", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["return"]
    system = with_data(Run.open(player))
    world = system.data.world(1, 7)
    obs, earned, over = world.reset(7), 0.0, torch.zeros(1, dtype=torch.bool)
    while not over.any():
        with torch.no_grad():
            obs, reward, over, cut, _ = world.step(system.predict(obs).argmax(1))
        earned, over = earned + float(reward), over | cut
    assert told == earned


@pytest.mark.parametrize("command, run, said", [
    ("sample", "player", "makes nothing new"), ("play", "painter", "does not act in a world"),
    ("nearest", "painter", "does not embed words")])
def test_others_say_so_in_one_sentence(command, run, said, request, capsys):
    words = [command, str(request.getfixturevalue(run))] + ["king"] * (command == "nearest")
    assert main(words) == 2
    told = capsys.readouterr().err.strip()
    assert said in told and "Traceback" not in told and told.count("\n") == 0


def test_wrong_numbers_are_refused(painter, player):
    assert main(["sample", str(painter), "n=0"]) == 2
    assert main(["sample", str(painter), "m=3"]) == 2
    assert main(["play", str(player), "--seed", "-1"]) == 2
