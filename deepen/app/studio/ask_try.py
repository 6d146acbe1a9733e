"""Questions to a trained model, answered at the desk: what is this, what did each layer see, where did it look."""
import base64
import io
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import torch
from PIL import Image as Pillow
from torch import Tensor, nn

from deepen.app.studio import ask_scene
from deepen.app.studio.ask_runs import png
from deepen.core.kinds import Image, Label, Number, Row, Vector, open_picture
from deepen.core.words import Problem
from deepen.engine.fit import quiet
from deepen.engine.run import Run
from deepen.engine.start import predict, revive
from deepen.nn import insight

PIXELS = 25_000_000                 # of a picture somebody sends
MAPS = 16                           # channels of a layer that are shown
LAYERS = 12
COVERED = 0.5                       # seconds for the map of what is lost where a place is covered
HANDWRITING = 20 / 28               # how much of its picture a digit of MNIST fills


@lru_cache(maxsize=4)
def _revived(path: str, written: float) -> Any:
    return revive(Run(path))


def system_of(run: str) -> Any:
    """The trained system of a run, kept while its model stays the same."""
    model = Path(run) / "model"
    if not model.exists():
        raise Problem("{run} has no model yet; let it learn first", run=Path(run).name)
    return _revived(run, model.lstat().st_mtime)


def card(run: str) -> dict[str, Any]:
    """What the model takes and tells: {takes: picture|row|nothing, …}, enough to draw a form."""
    system = system_of(run)
    inputs, target = system.data.inputs, system.data.target
    told: dict[str, Any] = {"system": Run(run).card()["system"], "asks": type(target).__name__ if target else None,
                            "classes": list(target.names) if isinstance(target, Label) else None,
                            "name": target.name if isinstance(target, Number) else None}
    if (scene := ask_scene.card(system)) is not None:
        return {**told, **scene}
    if not any(issubclass(one, (Label, Number)) for one in get_args(system.goal[1]) or (system.goal[1],)):
        return {**told, "takes": "nothing"}                         # it makes things, whatever its data is labelled with
    if isinstance(inputs, Image) and isinstance(target, (Label, Number)):
        return {**told, "takes": "picture", "shape": list(inputs.shape)}
    if isinstance(inputs, Row) and isinstance(target, (Label, Number)):
        return {**told, "takes": "row", "columns": [{"name": name, "values": list(values[:200]) if values is not None else None}
                                                    for name, values in zip(inputs.names, inputs.values, strict=True)]}
    if isinstance(inputs, Vector) and isinstance(target, (Label, Number)):
        return {**told, "takes": "row", "columns": [{"name": f"x{i + 1}", "values": None} for i in range(inputs.shape[0])]}
    return {**told, "takes": "nothing"}


def picture(run: str, raw: str, drawn: bool = False, centred: bool = True, maps: bool = True) -> dict[str, Any]:
    """The answer about a picture (bytes in base64). `drawn`: white strokes on black from a pad, `centred` as the
    handwriting it learned from. {answers, seen, layers, saliency, cam, occlusion}."""
    system = system_of(run)
    kind = system.data.inputs
    if not isinstance(kind, Image):
        raise Problem("this model does not take pictures")
    opened = open_picture(base64.b64decode(raw))
    if opened.width * opened.height > PIXELS:
        raise Problem("the picture has more than {most} million pixels; make it smaller", most=PIXELS // 1_000_000)
    if ask_scene.card(system) is not None:
        return ask_scene.picture(system, base64.b64decode(raw))
    if drawn and centred:
        opened = centre(opened.convert("L"), HANDWRITING if kind.height >= 16 else 1)
    told = io.BytesIO()
    opened.save(told, "PNG")
    x = kind.read(told.getvalue())[None]                            # (1, C, H, W) as the data stores it
    answers = predict(system, x)[0]
    return {"answers": named(system.data.target, answers), "seen": png(x[0]), "numbers": x[0, 0].tolist() if max(kind.shape) <= 32 else None,
            **(_inside(system, x) if maps else {})}


def example(run: str, number: int) -> dict[str, Any]:
    """What is said about a picture of the run's own validation data, and its truth."""
    return ask_scene.example(run, number)


def centre(drawn: Pillow.Image, share: float) -> Pillow.Image:
    """White strokes on black, cut out, made `share` of the side large and put into the middle; where there is room, by
    their centre of mass, as MNIST was made."""
    box = drawn.getbbox()
    if box is None:
        raise Problem("there is nothing drawn yet")
    strokes = drawn.crop(box)
    side = max(drawn.size)
    scale = share * side / max(strokes.size)
    strokes = strokes.resize((max(1, round(strokes.width * scale)), max(1, round(strokes.height * scale))), Pillow.Resampling.LANCZOS)
    weight = torch.tensor(list(strokes.tobytes()), dtype=torch.float32).reshape(strokes.height, strokes.width)
    total = weight.sum().clamp(min=1)
    x = (weight.sum(0) * torch.arange(strokes.width)).sum() / total
    y = (weight.sum(1) * torch.arange(strokes.height)).sum() / total
    ground = Pillow.new("L", (side, side))
    if share == 1:
        x, y = torch.tensor(strokes.width / 2), torch.tensor(strokes.height / 2)
    ground.paste(strokes, (round(side / 2 - x.item()), round(side / 2 - y.item())))
    return ground


def row(run: str, values: list[Any]) -> dict[str, Any]:
    """The answer about one row: text or numbers by column, None where missing."""
    system = system_of(run)
    kind = system.data.inputs
    columns = kind.values if isinstance(kind, Row) else (None,) * kind.shape[0]
    names = kind.names if isinstance(kind, Row) else [f"x{i + 1}" for i in range(kind.shape[0])]
    if len(values) != len(columns):
        raise Problem("{given} values were given, the model takes {wanted}", given=len(values), wanted=len(columns))
    return {"answers": named(system.data.target, predict(system, torch.tensor(
        [_cell(value, known, name) for value, known, name in zip(values, columns, names, strict=True)], dtype=torch.float32)))}


def _cell(value: Any, known, name: str) -> float:
    if value in (None, ""):
        return float("nan")
    if known is not None:
        return float(known.index(str(value))) if str(value) in known else float("nan")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Problem("{value} in {name} is not a number", value=str(value)[:40], name=name) from None


def named(kind, answer: Tensor) -> list[dict[str, Any]]:
    """The classes, most probable first; or the number."""
    answer = torch.as_tensor(answer).float()
    if isinstance(kind, Label):
        return [{"name": kind.names[i], "share": answer[i].item()} for i in answer.argsort(descending=True).tolist()]
    return [{"name": kind.name, "value": float(answer)}]


def _inside(system, x: Tensor) -> dict[str, Any]:
    """What each layer made of one picture, and where the network looked: the gradient of its answer by the pixels, Grad-CAM,
    and what it loses when a place is covered."""
    net, x = system.network(), x.to(system.device)
    if not isinstance(net, nn.Module):
        return {}
    with quiet(system):
        seen = list(insight.feature_maps(net, x).items())
        pixels, maps, slopes = insight.gradients(net, x)
        best = int(torch.as_tensor(system.predict(x))[0].argmax()) if isinstance(system.data.target, Label) else None
        told: dict[str, Any] = {"layers": [_layer(name, value[0]) for name, value in seen[1:LAYERS + 1] if value.ndim in (2, 4)]}
        if best is not None and (squares := insight.affordable(system.predict, x, COVERED)):
            told["occlusion"] = png(_heat(insight.occlusion(system.predict, x, best, *squares).clamp(min=0)))
    if pixels is not None:
        told["saliency"] = png(_heat(pixels.abs().amax(0)))
    if (cam := insight.cam_of(maps, slopes, x.shape[-2:])) is not None:
        told["cam"] = png(_heat(cam))
    return told


def _layer(name: str, value: Tensor) -> dict[str, Any]:
    if value.ndim == 3 and value.shape[-1] > 1:
        return {"name": name, "shape": list(value.shape), "maps": [png(_grey(part)) for part in value[:MAPS]]}
    return {"name": name, "shape": list(value.shape), "values": [round(one, 3) for one in value.flatten()[:64].tolist()]}


def _grey(part: Tensor) -> Tensor:
    part = part.float()
    least, most = part.min(), part.max()
    return ((part - least) / (most - least).clamp(min=1e-9) * 255).to(torch.uint8)[None]


def _heat(share: Tensor) -> Tensor:
    """Black through orange to white."""
    share = (share / share.max().clamp(min=1e-12)).clamp(0, 1).float()
    return (torch.stack([(2 * share).clamp(max=1), share, (2 * share - 1).clamp(min=0)]) * 255).to(torch.uint8)


@lru_cache(maxsize=1)
def weights() -> dict[str, Any]:
    """A softmax layer on digits of 4×4 numbers, for the page that does the sums by hand: {w (10, 16), b (10,), accuracy}."""
    from deepen.engine.start import open_data
    data, _ = open_data({"source": "digits"})

    def small(split: str):
        x, y = data.split(split)[:]
        return nn.functional.avg_pool2d(x.float() / 255, 2).flatten(1), y           # 8×8 -> 4×4
    x, y = small("train")
    torch.manual_seed(0)
    layer = nn.Linear(16, 10)
    rule = torch.optim.LBFGS(layer.parameters(), max_iter=200)

    def closure():
        rule.zero_grad()
        loss = nn.functional.cross_entropy(layer(x), y) + 1e-3 * layer.weight.square().sum()
        loss.backward()
        return loss
    rule.step(closure)
    x, y = small("valid")
    with torch.no_grad():
        right = (layer(x).argmax(1) == y).float().mean().item()
    return {"w": layer.weight.detach().tolist(), "b": layer.bias.detach().tolist(), "accuracy": right}


def pairs(run: str, seed: int, count: int = 12) -> list[dict[str, Any]]:
    """For the game "real or fake?": pictures of the data and pictures the run's system made, mixed."""
    from deepen.engine.validate import with_data
    system = with_data(Run(run))
    if not hasattr(system, "sample"):
        raise Problem("{run} makes no pictures; choose a run of dcgan, for example", run=Path(run).name)
    real = system.data.split("train")
    chance = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(real), generator=chance)[:count]
    with quiet(system):
        made = system.sample(count, seed=seed)
    told = [{"picture": png(one.cpu()), "real": True} for one in real[rows][0]] + [{"picture": png(one.cpu()), "real": False} for one in made]
    order = torch.randperm(len(told), generator=chance)[:count]
    return [told[i] for i in order.tolist()]
