"""The part of a report that looks into a network for pictures: its first windows, where it looked when it was wrong, what
excites its layers, how far they see, and where the time goes."""
from html import escape

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepen.core.kinds import Image, Label
from deepen.core.words import say
from deepen.engine import charts
from deepen.engine.fit import quiet
from deepen.nn import insight

WRONG, SHOWN = 3, 112           # pictures that are explained; pixels of a side they are drawn with
FILTERS, CHANNELS, PATCHES, PATCH = 32, 8, 4, 44
COVERED, EXCITED, TIMED = 0.25, 0.3, 0.04       # seconds: occlusion of a picture, looking for exciting ones, one forward to time
COLOURS = ("#e4572e", "#17bebb", "#ffc914", "#8e6bd8")
HEAT = torch.tensor([255.0, 110.0, 0.0])[:, None, None]


def insights(system, found) -> str:
    """Everything of it, for a network that tells classes of pictures apart; "" for others."""
    kind, target, net = system.data.inputs, system.data.target, system.network()
    if not isinstance(kind, Image) or not isinstance(target, Label) or not isinstance(net, nn.Module) or found.answers is None:
        return ""
    with quiet(system):
        examples = system.data.split(found.split)
        rows = [one.row for one in found.mistakes[:WRONG]] or found.answers.max(1).values.argsort()[:WRONG].tolist()
        x = examples[torch.tensor(rows)][0].to(system.device)
        answer = net(x)
        if not isinstance(answer, Tensor) or answer.shape != (len(rows), len(target.names)):
            return ""                                   # not one net that answers with scores
        fields, each = insight.receptive_fields(net, kind.shape), insight.seconds_of(lambda: net(x[:1]))
        parts = [_filters(net, kind), _wrong(system, net, x, examples, found, rows), _exciting(system, net, fields, each),
                 _fields(net, kind, fields, x), _times(net, x, each)]
    return "".join(f"<h3>{escape(title)}</h3>{inside}" for title, inside in parts if inside)


def _filters(net: nn.Module, kind: Image) -> tuple[str, str]:
    """The windows of the first convolution as small pictures; grey is no weight."""
    windows = insight.first_filters(net)
    if windows is None or windows.shape[-1] < 2:
        return "", ""
    colour = windows.shape[1] == 3 and kind.colour == "rgb"
    shown = windows if colour else windows.mean(1, keepdim=True)
    shown = shown[:FILTERS]
    reach = shown.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-9)
    sheet = charts.grid(((shown / reach + 1) * 127.5).to(torch.uint8))
    note = say("Each square is one window of {size} × {size} pixels: bright where it wants light, dark where it wants none.", size=windows.shape[-1])
    return say("What it looks for first"), f'<div class="seen"><div class=filters>{charts.picture(sheet, 8)}</div><p class=soft>{escape(note)}</p></div>'


def _wrong(system, net, x: Tensor, examples, found, rows) -> tuple[str, str]:
    """Each picture beside where the network looked and what it loses when a place is covered."""
    kind, target, figures = system.data.inputs, system.data.target, []
    squares = insight.affordable(system.predict, x[:1], COVERED)
    for one, row in zip(x, rows, strict=True):
        said = int(found.answers[row].argmax())
        seen, maps = kind.seen(one.cpu()), [(say("the picture"), None), (say("Grad-CAM"), insight.grad_cam(net, one[None], said))]
        if squares:
            maps.append((say("covered"), insight.occlusion(system.predict, one[None], said, *squares).clamp(min=0)))
        shown = "".join(f"<div>{charts.picture(overlaid(seen, heat), 1, name)}<span class=soft>{escape(name)}</span></div>"
                        for name, heat in maps if heat is not None or name == maps[0][0])
        was, told = target.names[int(found.target[row])], target.names[said]
        line = f"{say('was')} {was} · {say('said')} {told} · {float(found.answers[row].max()):.0%}"
        figures.append(f"<figure><div class=looks>{shown}</div><figcaption>{escape(line)}</figcaption></figure>")
    title = say("Where it looked when it was wrong") if found.mistakes else say("Where it looked when it was least sure")
    note = say("Orange: the places that spoke for what was said (Grad-CAM), and the places without which it is less sure of it (covered one "
               "by one with the picture's mean colour).")
    return title, f'<p class=soft>{escape(note)}</p><div class="explained">{"".join(figures)}</div>'


def overlaid(picture: Tensor, heat: Tensor | None, side: int = SHOWN) -> Tensor:
    """A picture (C, H, W) drawn large, dimmed and coloured where `heat` (H, W) is high: uint8 (3, side, …)."""
    scale = max(1, round(side / max(picture.shape[1:])))
    large = tuple(scale * n for n in picture.shape[1:]) if scale > 1 else tuple(picture.shape[1:])
    drawn = F.interpolate(picture[None].float(), large, mode="nearest")[0].expand(3, -1, -1)
    if heat is None:
        return drawn.to(torch.uint8)
    share = heat.cpu() / heat.max().clamp(min=1e-12)
    share = F.interpolate(share[None, None].float(), large, mode="bilinear")[0].clamp(0, 1)
    grey = drawn.mean(0, keepdim=True) * (0.85 - 0.3 * share)
    return (grey * (1 - 0.7 * share) + HEAT * 0.7 * share).clamp(0, 255).to(torch.uint8)


def chosen(net: nn.Module, x: Tensor, fields: dict[str, int], count: int) -> list[str]:
    """Layers with places, from the first convolution to the last, at most `count` with growing fields."""
    maps = insight.feature_maps(net, x[:1], deep=True)
    kinds = {name: part for name, part in net.named_modules()}
    first = next((name for name, part in kinds.items() if isinstance(part, nn.Conv2d)), "")
    known = [name for name, value in maps.items() if (value.ndim == 4 and value.shape[2:].numel() > 1 and "." not in name) or name == first]
    known = [name for name in known if name in maps and fields[name] > 1]
    growing: dict[int, str] = {}
    for name in known:                                  # of equal fields the last: after its norm and activation
        growing[fields[name]] = name
    names = [growing[field] for field in sorted(growing)]
    if len(names) <= count:
        return names
    return [names[round(i * (len(names) - 1) / (count - 1))] for i in range(count)]


def _exciting(system, net, fields: dict[str, int], each: float) -> tuple[str, str]:
    """For an early, a middle and a late layer the patches of training pictures that excite its channels most."""
    kind, train = system.data.inputs, system.data.splits.get("train", ())
    if len(train) < 20 or min(kind.shape[1:]) < 16:
        return "", ""                                   # in 8×8 pixels a patch is a picture
    count = int(min(len(train), 600, EXCITED / each))
    if count < 30:
        return "", ""
    rows = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:count]
    x, figures = train[rows][0].to(system.device), []
    for name, found in insight.exciting(net, x, chosen(net, x, fields, 3), CHANNELS, PATCHES).items():
        if found:
            patches = [[_patch(kind, x[row].cpu(), y, z, fields[name]) for row, y, z in channel] for channel in found]
            sheet = torch.cat([torch.cat(channel, 1) for channel in patches], 2)
            line = say("{name}: sees {field} × {field} pixels", name=name, field=fields[name])
            figures.append(f"<figure>{charts.picture(sheet, 1, line, most=512)}<figcaption>{escape(line)}</figcaption></figure>")
    note = say("Each column is one channel: the patches of {count} training pictures that excite it most. Early layers like edges and colours, later "
               "ones textures, the last ones parts of things.", count=count)
    return say("What excites it, layer by layer"), f'<p class=soft>{escape(note)}</p><div class="excited">{"".join(figures)}</div>' if figures else ""


def _patch(kind: Image, picture: Tensor, y: float, x: float, field: int) -> Tensor:
    """What one value saw, cut out and made PATCH pixels large with a border: uint8 (3, …)."""
    _, height, width = picture.shape
    tall, wide = min(height, max(5, field)), min(width, max(5, field))
    top = min(max(0, round(y * height - tall / 2)), height - tall)
    left = min(max(0, round(x * width - wide / 2)), width - wide)
    cut = kind.seen(picture[:, top: top + tall, left: left + wide].contiguous())
    large = F.interpolate(cut[None].float(), (PATCH, PATCH), mode="nearest" if field < 12 else "bilinear")[0].expand(3, -1, -1)
    return F.pad(large, (1, 1, 1, 1), value=255).to(torch.uint8)


def _fields(net, kind: Image, fields: dict[str, int], x: Tensor) -> tuple[str, str]:
    """How much of a picture one value of some layers sees, drawn on one."""
    names = chosen(net, x, fields, len(COLOURS))
    if not names:
        return "", ""
    _, height, width = kind.shape
    image = charts.picture(overlaid(kind.seen(x[0].cpu()), None, 224), 1, say("the picture"))
    boxes = "".join(
        f'<rect x="{max(0, (width - field) / 2):.1f}" y="{max(0, (height - field) / 2):.1f}" width="{min(width, field)}" '
        f'height="{min(height, field)}" stroke="{colour}"/>'
        for colour, field in zip(COLOURS, (fields[name] for name in names), strict=False))
    key = "".join(f'<span><i style="background:{colour}"></i>{escape(name)}: {fields[name]} × {fields[name]}</span>'
                  for colour, name in zip(COLOURS, names, strict=False))
    drawn = f'<div class=field>{image}<svg viewBox="0 0 {width} {height}" aria-hidden="true">{boxes}</svg></div>'
    note = say("One value in the middle of each layer's maps sees so many pixels.")
    return say("How far its layers see"), f'<div class="seen">{drawn}<div><p class=soft>{escape(note)}</p><p class="key">{key}</p></div></div>'


def _times(net, x: Tensor, each: float) -> tuple[str, str]:
    """The time of each layer forward and backward, as bars of two colours."""
    batch, turns = max(1, min(32, int(TIMED / each))), 2 if each < TIMED else 1
    told: dict[str, list[float]] = {}
    for name, forward, backward in insight.layer_times(net, x[:1].repeat(batch, 1, 1, 1), turns):
        own = told.setdefault(name.partition(".")[0], [0.0, 0.0])
        own[0], own[1] = own[0] + forward, own[1] + backward
    whole, longest = sum(map(sum, told.values())), max(map(sum, told.values()), default=0.0)
    if not whole:
        return "", ""
    rows = [(name, ahead, back) for name, (ahead, back) in told.items() if ahead + back >= 0.01 * whole]
    body = "".join(f'<tr><th scope=row>{escape(name)}</th><td><div><span style="--share:{forward / longest:.4f}"></span>'
                   f'<span class=back style="--share:{backward / longest:.4f}"></span></div></td>'
                   f"<td>{1000 * forward:.2f} + {1000 * backward:.2f} ms</td></tr>" for name, forward, backward in rows)
    legend = (f"<p class=legend><span><i></i>{escape(say('forward'))}</span><span><i class=valid></i>{escape(say('backward'))}</span></p>")
    ahead = sum(times[0] for times in told.values())
    note = say("A batch of {batch} on this computer, each layer alone: backward takes {times} times as long as forward. Layers under 1 % are left out.",
               batch=batch, times=f"{(whole - ahead) / max(1e-12, ahead):.1f}")
    return say("Where the time goes"), f'<p class=soft>{escape(note)}</p>{legend}<table class="bars pairs">{body}</table>'
