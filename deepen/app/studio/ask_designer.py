"""Questions about a design, answered at the desk: its table, what a line may hold, what flows through it, how fast it learns."""
import inspect
import time
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from deepen.app.studio.ask_runs import png
from deepen.core.words import Problem
from deepen.engine import find
from deepen.engine.start import open_data
from deepen.nn.design import Design, Table, net_function
from deepen.nn.design_words import WORDS

SOURCES = ("digits", "mnist", "fashion", "stripes")     # pictures a design can be tried on; one that is not here says so
BATCH, SECONDS = 32, 0.15
HEAVY = 400_000_000                     # multiplications an example: beyond, nothing is run to show it
MAPS = 8                                # channels of a layer that are shown


@lru_cache(maxsize=8)
def _data(source: str) -> Any:
    if source not in find.sources() or source not in SOURCES:
        raise Problem("there are no pictures called {name}; choose one of {names}", name=source[:40], names=", ".join(SOURCES))
    data, _ = open_data({"source": source})
    return data


def source(name: str) -> dict[str, Any]:
    """What a source holds: {shape, classes, examples, sample}."""
    data = _data(name)
    return {"shape": list(data.inputs.shape), "classes": list(data.target.names), "examples": len(data.splits["train"]),
            "sample": png(_first(data))}


def words() -> list[dict[str, Any]]:
    """Every word of a design with its grammar, in the order of the book."""
    told = []
    for word, make in WORDS.items():
        numbers = list(inspect.signature(make).parameters.values())[1:]
        told.append({"word": word, "numbers": [{"name": one.name, "needed": one.default is one.empty, "option": one.kind is one.KEYWORD_ONLY,
                                                "default": None if one.default is one.empty else one.default} for one in numbers]})
    return told


def nets(name: str) -> dict[str, str]:
    """The zoo's nets that are designs, as lines for a source's pictures; those that its pictures are large enough for."""
    data = _data(name)
    told = {}
    for net in find.nets():
        make = net_function(net)
        if inspect.signature(make).return_annotation not in (str, Design):          # a large net is not built to be told
            continue
        made = make(data.inputs, len(data.target.names))
        lines = "\n".join(Design((made,)).lines if isinstance(made, str) else made.lines)
        if table(lines, name)["problem"] is None:
            told[net] = lines
    return told


def table(lines: str, name: str, batch: int = 128) -> dict[str, Any]:
    """The rows of a design on a source's pictures; a wrong line ends them and is told with its number and what would
    mend it. Nothing is allocated."""
    data = _data(name)
    rows, problem, mend = Table(), None, None
    try:
        design = Design((lines,))
        design.table(data.inputs, len(data.target.names), rows)
    except Problem as wrong:
        problem = str(wrong)
        ends = rows and rows[-1].shape != (len(data.target.names),)
        if "line" not in wrong.values or (rows and wrong.values["line"] == len(design.lines) and ends):
            mend = f"{lines.rstrip()}\ndense classes"
            try:
                Design((mend,)).table(data.inputs, len(data.target.names))
            except Problem:
                mend = None
        line = wrong.values.get("line")
        return {**_told(rows, batch), "problem": problem, "line": line, "mend": mend}
    return {**_told(rows, batch), "problem": None}


def _told(rows: Table, batch: int) -> dict[str, Any]:
    flowing = sum(torch.Size(row.shape).numel() for row in rows)
    parameters = sum(row.parameters for row in rows)
    return {"rows": [{"line": row.line, "text": row.text, "shape": list(row.shape), "parameters": row.parameters, "macs": row.macs,
                      "field": row.field} for row in rows],
            "parameters": parameters, "macs": sum(row.macs for row in rows), "weights": 4 * parameters,
            "learning": 16 * parameters + 4 * batch * flowing}


def flow(lines: str, name: str, index: int = 0) -> dict[str, Any]:
    """What an untrained network of these lines makes of one picture, layer by layer, and how long a picture takes to
    learn from here: {input, label, layers: [{line, text, maps: [picture], values}], microseconds}."""
    data = _data(name)
    classes = len(data.target.names)
    design = Design((lines,))
    rows = design.table(data.inputs, classes)
    if sum(row.macs for row in rows) > HEAVY:
        raise Problem("this network is too large to show what flows through it here")
    torch.manual_seed(0)
    net = design.build(data.inputs, classes, fast=False)
    examples = data.splits["train"]
    x, y = examples[torch.tensor([index % len(examples)])]
    seen: dict[str, torch.Tensor] = {}
    for part, module in net.named_children():
        module.register_forward_hook(lambda module, inputs, output, part=part: seen.__setitem__(part, output.detach()))
    with torch.no_grad():
        net.eval()(x)
    layers = [{"line": row.line, "text": row.text, **_shown(seen[row.name][0])} for row in rows if row.name in seen]
    return {"input": png(x[0]), "label": data.target.show(y[0]), "layers": layers, "microseconds": _pace(net, data)}


def _shown(value: torch.Tensor) -> dict[str, Any]:
    if value.ndim == 3:
        return {"maps": [png(_grey(part)) for part in value[:MAPS]], "of": value.shape[0]}
    return {"values": [round(one, 4) for one in value.flatten()[:64].tolist()], "of": value.numel()}


def _grey(part: torch.Tensor) -> torch.Tensor:
    """One channel as a grey picture, its least black and its most white."""
    least, most = part.min(), part.max()
    return ((part - least) / (most - least).clamp(min=1e-9) * 255).to(torch.uint8)[None]


def _pace(net: nn.Module, data) -> float:
    """Microseconds an example takes to learn from, on this machine with one thread."""
    examples = data.splits["train"]
    x, y = examples[torch.arange(min(BATCH, len(examples)))]
    rule = torch.optim.SGD(net.train().parameters(), 1e-6)
    turns, began = 0, time.perf_counter()
    while turns < 2 or time.perf_counter() - began < SECONDS:
        rule.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        rule.step()
        turns += 1
        if turns == 1:
            began = time.perf_counter()         # the first one warms up
    return (time.perf_counter() - began) / (turns - 1) / len(x) * 1e6


def _first(data) -> torch.Tensor:
    return data.splits["train"][torch.tensor([0])][0][0]
