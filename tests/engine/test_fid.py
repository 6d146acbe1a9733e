"""`deepen validate RUN --inception FILE`: FID with its file and number told; wrong files in one sentence; nothing else is called FID."""
import hashlib
import json

import pytest
import safetensors.torch
import torch

from deepen.app.cli import main
from deepen.core.words import Problem
from deepen.engine import fid
from deepen.engine.run import Run
from deepen.engine.validate import validate, validations
from deepen.nn.nets.inception import Inception


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "inception.safetensors"
    safetensors.torch.save_file(Inception().state_dict(), file)
    return file


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("painter") / "run"
    assert main(["train", "dcgan", "data=stripes", "epochs=1", "width=8", "--quiet", "--out", str(folder)]) == 0
    return folder


def test_the_file_is_told_and_the_number_of_pictures(painter, weights):
    found = validate(Run.open(painter), inception=str(weights), samples=3)
    told = " ".join(found.said)
    assert found.metrics["fid"] >= 0 and "3 painted pictures" in told and "frechet_own" in found.metrics
    assert weights.name in told and hashlib.sha256(weights.read_bytes()).hexdigest() in told
    assert validations(Run.open(painter))[-1]["metrics"]["fid"] == found.metrics["fid"]


def test_by_the_command(painter, weights, capsys):
    assert main(["validate", str(painter), "--inception", str(weights), "--samples", "2", "--json"]) == 0
    assert "fid" in json.loads(capsys.readouterr().out.splitlines()[-1])["metrics"]["test"]
    assert main(["validate", str(painter), "--json"]) == 0
    assert "fid" not in json.loads(capsys.readouterr().out.splitlines()[-1])["metrics"]["test"]
    assert main(["validate", str(painter), "--samples", "3"]) == 2 and "--inception" in capsys.readouterr().err
    assert main(["validate", str(painter), "--inception", str(weights), "--samples", "none"]) == 2


@pytest.mark.parametrize("change, why", [
    (lambda state: state.pop("Mixed_6b.branch1x1.conv.weight"), "Mixed_6b.branch1x1.conv.weight"),
    (lambda state: state.update({"Mixed_5b.branch_pool.conv.weight": torch.zeros(64, 192, 1, 1)}), "Mixed_5b.branch_pool.conv.weight"),
    (lambda state: state.update({"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}), "other classes"),
    (lambda state: state.update({"Conv2d_1a_3x3.conv.weight": torch.full((32, 3, 3, 3), torch.nan)}), "not a number")])
def test_other_weights_are_refused_in_a_sentence(tmp_path, change, why):
    state = Inception().state_dict()
    change(state)
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(Problem) as caught:
        fid.inception(tmp_path / "w.safetensors")
    assert "FID Inception of 2015" in str(caught.value) and why in str(caught.value)


def test_what_is_no_safetensors_is_refused(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"x")
    (tmp_path / "w.safetensors").write_bytes(b"x")
    for name, why in (("w.pth", "no safetensors file"), ("none.safetensors", "no safetensors file"), ("w.safetensors", "cannot be read")):
        with pytest.raises(Problem, match=why):
            fid.inception(tmp_path / name)


def test_a_system_that_makes_no_pictures_has_none(tmp_path, weights):
    assert main(["train", "digits", "epochs=1", "--quiet", "--out", str(tmp_path / "run")]) == 0
    with pytest.raises(Problem, match="makes none"):
        validate(Run.open(tmp_path / "run"), inception=str(weights))
