"""Export: one ONNX file that takes inputs as they are stored and answers what `predict` answers; proved before it counts."""
import json
import logging
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from deepen.core.words import Failure
from deepen.engine.fit import quiet
from deepen.engine.run import Run, write_text
from deepen.engine.start import open_data, revive

TOLERANCE = 1e-4        # the largest difference a passed parity gate allows; of answers above 1, relative to the largest
SAMPLES = 512           # inputs the gate compares


class Answer(nn.Module):
    """A trained system as one module: stored inputs in, `predict`'s answers out."""

    def __init__(self, system):
        super().__init__()
        self.network, self.system = system.network(), [system]      # in a list: not a submodule

    def forward(self, inputs):
        return self.system[0].predict(inputs)


def export(run: Run, out: str | Path | None = None) -> dict[str, Any]:
    """Write RUN/export/ (or `out`): model.onnx and card.json, or model.skops where the learner is no network.

    Returns {"files", "parity", "compared", "bytes", "milliseconds"}. `Failure` when the exported model differs from
    the trained one by more than `TOLERANCE` anywhere: then no file is left behind.
    """
    folder = Path(out) if out is not None else run.path / "export"
    folder.mkdir(parents=True, exist_ok=True)
    system, card = revive(run), run.card()
    if isinstance(system.network(), nn.Module):
        file, answer = folder / "model.onnx", _onnx
    else:
        file, answer = folder / "model.skops", _skops
    inputs = _inputs(run, system)
    with quiet(system):
        wanted = np.asarray(system.predict(inputs))
    got, milliseconds = answer(system, inputs, file, card)
    parity = float(np.abs(got - wanted).max() / max(1.0, np.abs(wanted).max()))
    if not parity <= TOLERANCE:
        file.unlink()
        raise Failure("the exported model answers differently: {parity}, and at most {limit} is allowed; nothing was exported",
                      parity=f"{parity:.2g}", limit=TOLERANCE)
    card |= {"parity": parity, "compared": len(wanted), "input": list(inputs.shape[1:]), "input_type": str(inputs.dtype)[6:]}
    write_text(folder / "card.json", json.dumps(card, ensure_ascii=False, indent=1))
    return {"files": [str(file), str(folder / "card.json")], "parity": parity, "compared": len(wanted),
            "bytes": file.stat().st_size, "milliseconds": milliseconds}


def _inputs(run: Run, system) -> torch.Tensor:
    """Inputs for the gate: the validation examples where `predict` takes them, else the system's own (noise)."""
    own = getattr(system, "example", None)
    if own is not None:
        return own(SAMPLES)
    asked = {key: value for key, value in run.asked().get("data", {}).items() if key != "origin"}
    data = open_data(asked)[0] if asked else None
    if data is None or "valid" not in data.splits:
        return system.data.inputs.blank(SAMPLES)
    valid = data.splits["valid"]
    return valid[torch.arange(min(SAMPLES, len(valid)))][0]


def _onnx(system, inputs: torch.Tensor, file: Path, card: dict) -> tuple[np.ndarray, float]:
    answer = Answer(system).eval()
    batch = torch.export.Dim("batch", min=1, max=65536)
    with quiet(system), _silent():
        program = torch.onnx.export(answer, (inputs[:2],), dynamo=True, dynamic_shapes={"inputs": {0: batch}},
                                    input_names=["inputs"], output_names=["answers"], verbose=False)
    assert program is not None
    program.model.metadata_props["deepen"] = json.dumps(card, ensure_ascii=False)
    program.save(file, external_data=False)
    import onnxruntime
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    got = session.run(None, {"inputs": inputs.numpy()})[0]
    one = {"inputs": inputs[:1].numpy()}
    times = []
    for _ in range(20):
        began = time.perf_counter()
        session.run(None, one)
        times.append(time.perf_counter() - began)
    return got, float(np.median(times) * 1e3)


def _skops(system, inputs, file: Path, card: dict) -> tuple[np.ndarray, float]:
    """A classical learner: its skops bytes as they are, read back through the whitelist before they count."""
    learner = system.network()
    file.write_bytes(learner.state_dict()["skops"].numpy().tobytes())
    learner.load_state_dict({"skops": torch.frombuffer(bytearray(file.read_bytes()), dtype=torch.uint8)})
    began = time.perf_counter()
    got = np.asarray(system.predict(inputs))
    return got, (time.perf_counter() - began) / len(inputs) * 1e3


@contextmanager
def _silent():
    """The exporter's own remarks are for its developers."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(before)

