"""Export: one ONNX file that takes inputs as they are stored and answers what `predict` answers; proved before it counts.

A system whose answers are lists (boxes, sentences) says with `exported(inputs)` what is written instead: a module, its inputs
by name, and the names of its outputs. The card tells what finishes them.
"""
import json
import logging
import math
import time
import warnings
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from deepen.core.data import VALUES
from deepen.core.things import Boxes, Mask, Text
from deepen.core.words import Failure, Problem
from deepen.engine import bits
from deepen.engine.fit import quiet
from deepen.engine.run import Run, write_text
from deepen.engine.start import open_data, revive

TOLERANCE = 1e-4        # the largest difference a passed parity gate allows; of answers above 1, relative to the largest
SAMPLES = 512           # inputs the gate compares, fewer where one is large
FINISHED_BY = {Boxes: "deepen.nn.boxes.suppress"}       # what makes the answers of raw outputs


class Answer(nn.Module):
    """A trained system as one module: stored inputs in, `predict`'s answers out."""

    def __init__(self, system):
        super().__init__()
        self.network, self.system = system.network(), [system]      # in a list: not a submodule

    def forward(self, inputs):
        return self.system[0].predict(inputs)


def export(run: Run, out: str | Path | None = None) -> dict[str, Any]:
    """Write RUN/export/ (or `out`): model.onnx and card.json, or model.skops where the learner is no network; of a network
    of signs also model.bits, packed (`engine.bits.load` reads it).

    Returns {"files", "parity", "compared", "bytes", "milliseconds"}, and "bits" of the packed file. `Failure` when the exported model differs from
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
    if hasattr(system, "exported"):
        wanted, got, milliseconds = _exported(system, inputs, file, card)
    else:
        if isinstance(system.data.target, (Boxes, Text)):
            raise Problem("{system} has no exported(inputs), which says what of it is written", system=type(system).__name__.lower())
        with quiet(system):
            wanted = [np.asarray(system.predict(inputs))]
        one, milliseconds = answer(system, inputs, file, card)
        got = [one]
    parity = max(_apart(one, other) for one, other in zip(got, wanted, strict=True))
    if not parity <= TOLERANCE:
        file.unlink()
        raise Failure("the exported model answers differently: {parity}, and at most {limit} is allowed; nothing was exported",
                      parity=f"{parity:.2g}", limit=TOLERANCE)
    card |= {"parity": parity, "compared": len(wanted[0]), "input": list(inputs.shape[1:]), "input_type": str(inputs.dtype)[6:]}
    write_text(folder / "card.json", json.dumps(card, ensure_ascii=False, indent=1))
    made: dict[str, Any] = {"files": [str(file), str(folder / "card.json")], "parity": parity, "compared": len(wanted[0]),
                            "bytes": file.stat().st_size, "milliseconds": milliseconds}
    if bits.packable(system):
        made["bits"] = bits.save(system, _inputs(run, system, None), folder / "model.bits", card)
        made["files"].append(made["bits"].pop("file"))
    return made


def _apart(got: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference, of values above 1 relative to the largest; of classes the share that differs."""
    if got.shape != wanted.shape:
        return np.inf
    if not np.issubdtype(wanted.dtype, np.floating):
        return float((got != wanted).mean())
    return float(np.abs(got - wanted).max() / max(1.0, np.abs(wanted).max()))


def _inputs(run: Run, system, most: int | None = SAMPLES) -> torch.Tensor:
    """Inputs for the gate: the first validation examples where `predict` takes them, else the system's own (noise)."""
    own = getattr(system, "example", None)
    if most is not None and isinstance(system.data.target, (Boxes, Mask, Text)):
        most = max(2, min(most, VALUES // max(1, math.prod(system.data.inputs.shape))))
    if own is not None:
        return own(most or SAMPLES)
    asked = {key: value for key, value in run.asked().get("data", {}).items() if key != "origin"}
    data = open_data(asked)[0] if asked else None
    if data is None or "valid" not in data.splits:
        return system.data.inputs.blank(most or SAMPLES)
    valid = data.splits["valid"]
    return valid[torch.arange(len(valid))[:most]][0]


def _onnx(system, inputs: torch.Tensor, file: Path, card: dict) -> tuple[np.ndarray, float]:
    batch = torch.export.Dim("batch", min=1, max=65536)
    with quiet(system):
        sides = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC} if system.any_size else {}
        session = _written(Answer(system).eval(), {"inputs": inputs[:2]}, ["answers"], ({0: batch, **sides},), file, card)
    return session.run(None, {"inputs": inputs.numpy()})[0], _milliseconds(session, {"inputs": inputs[:1].numpy()})


def _exported(system, inputs: torch.Tensor, file: Path, card: dict) -> tuple[list[np.ndarray], list[np.ndarray], float]:
    """(wanted, got, milliseconds) of what the system itself says is written; the card tells its inputs, outputs and what
    finishes them."""
    with quiet(system):
        module, given, outputs = system.exported(inputs)
        module = module.eval()
        wanted = module(*given.values())
        wanted = [one.numpy() for one in (wanted if isinstance(wanted, (tuple, list)) else [wanted])]
        finish = FINISHED_BY.get(type(system.data.target))
        card |= {"takes": {name: [str(value.dtype)[6:], *value.shape[1:]] for name, value in given.items()}, "gives": list(outputs),
                 **({"finish": finish} if finish else {})}
        free = tuple({0: torch.export.Dim.AUTO} if value.ndim else None for value in given.values())
        session = _written(module, given, outputs, free, file, card)
    told = {name: value.numpy() for name, value in given.items()}
    return wanted, list(session.run(None, told)), _milliseconds(session, told) / len(inputs)


def _written(module: nn.Module, given: dict[str, torch.Tensor], outputs: Sequence[str], free: Sequence, file: Path, card: dict):
    """The module as an ONNX file with its card inside, opened again."""
    with _silent():
        program = torch.onnx.export(module, tuple(given.values()), dynamo=True, dynamic_shapes=tuple(free),
                                    input_names=list(given), output_names=list(outputs), verbose=False)
    assert program is not None
    program.model.metadata_props["deepen"] = json.dumps(card, ensure_ascii=False)
    program.save(file, external_data=False)
    import onnxruntime
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def _milliseconds(session, given: dict[str, np.ndarray], turns: int = 20, most: float = 4.0) -> float:
    """The median time of a call, of 20 or as many as there is time for."""
    times: list[float] = []
    while len(times) < turns and sum(times) < most:
        began = time.perf_counter()
        session.run(None, given)
        times.append(time.perf_counter() - began)
    return float(np.median(times) * 1e3)


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

