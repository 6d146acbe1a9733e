"""Export: the file answers alone, for any batch, and a model that answers differently is not exported."""
import json

import numpy as np
import onnxruntime
import pytest
import torch

from deepen.core.words import Failure
from deepen.engine import export as exporting
from deepen.engine.start import predict, start


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return start("classify", {"data": "stripes", "net": "conv 4 3; norm; relu; globalpool; dense classes", "epochs": 1},
                 out=tmp_path_factory.mktemp("run") / "run")


def test_the_file_answers_alone_for_any_batch(run, tmp_path):
    made = exporting.export(run, tmp_path)
    session = onnxruntime.InferenceSession(made["files"][0], providers=["CPUExecutionProvider"])
    for count in (1, 2, 7):
        x = torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8)
        got = session.run(None, {"inputs": x.numpy()})[0]
        assert np.abs(got - predict(run.system(), x).numpy()).max() < 1e-5
        assert np.allclose(got.sum(1), 1, atol=1e-5)


def test_the_card_travels_inside_and_beside(run, tmp_path):
    made = exporting.export(run, tmp_path)
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    inside = json.loads(onnxruntime.InferenceSession(made["files"][0]).get_modelmeta().custom_metadata_map["deepen"])
    assert card["target"]["names"] == inside["target"]["names"] == ["horizontal", "vertical"]
    assert card["parity"] == made["parity"] and card["input"] == [1, 8, 8] and card["input_type"] == "uint8"


def test_a_model_that_answers_differently_is_not_exported(run, tmp_path, monkeypatch):
    honest = exporting._onnx
    monkeypatch.setattr(exporting, "_onnx", lambda *words: (honest(*words)[0] + 0.01, 1.0))
    with pytest.raises(Failure, match="answers differently"):
        exporting.export(run, tmp_path)
    assert list(tmp_path.iterdir()) == []
