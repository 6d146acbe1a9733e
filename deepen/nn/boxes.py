"""Boxes: rows of left, top, right, bottom in pixels; how they overlap, are coded, matched, suppressed and looked into.

RoI pooling and aligning read the pixels of many boxes on many maps in one go; what is gathered is weighted and summed by
`embedding_bag`, the fastest gather that a CPU has here.
"""
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

LARGEST = math.log(1000 / 16)       # a side grows at most so much: e^4.1 = 62.5 times (Detectron's limit)
BLOCK = 1024                        # boxes that are compared at once
TRUTHS = 256                        # truths that all boxes of a picture are compared with at once
BACKGROUND, IGNORED = -1, -2        # in an assignment


# how they lie

def area(boxes: Tensor) -> Tensor:
    """(…, 4) -> (…); 0 where a box is reversed."""
    return (boxes[..., 2:4] - boxes[..., :2]).clamp_min(0).prod(-1)


def shared(a: Tensor, b: Tensor) -> Tensor:
    """Area that each of a (…, n, 4) shares with each of b (…, m, 4): (…, n, m)."""
    a, b = a[..., :, None, :], b[..., None, :, :]
    wide, high = (torch.minimum(a[..., k + 2], b[..., k + 2]) - torch.maximum(a[..., k], b[..., k]) for k in (0, 1))
    return wide.clamp_min(0) * high.clamp_min(0)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Shared area over joint area of each of a (…, n, 4) with each of b (…, m, 4): (…, n, m), 0…1; 0 of empty ones."""
    both = shared(a, b)
    return both / (area(a)[..., :, None] + area(b)[..., None, :] - both).clamp_min(1e-9)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """IoU minus the share of the smallest box round both that neither fills: (n, m), −1…1 (Rezatofighi 2019)."""
    both = shared(a, b)
    union = (area(a)[:, None] + area(b) - both).clamp_min(1e-9)
    low, high = torch.minimum(a[:, None, :2], b[:, :2]), torch.maximum(a[:, None, 2:4], b[:, 2:4])
    hull = (high - low).prod(-1).clamp_min(1e-9)
    return both / union - (hull - union) / hull


def clip(boxes: Tensor, height: float, width: float) -> Tensor:
    """Boxes (…, 4) cut at the edges of the picture."""
    end = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp_min(0), end)


# how they are told from anchors: Girshick et al. 2014, appendix C

def encode(boxes: Tensor, anchors: Tensor, weights: Sequence[float] = (1, 1, 1, 1)) -> Tensor:
    """How boxes (n, 4) differ from their anchors (n, 4): shifts in sides of the anchor, logs of the sides' ratios."""
    size, base = boxes[:, 2:4] - boxes[:, :2], anchors[:, 2:4] - anchors[:, :2]
    size, base = size.clamp_min(1e-3), base.clamp_min(1e-3)
    shift = (boxes[:, :2] + boxes[:, 2:4] - anchors[:, :2] - anchors[:, 2:4]) / 2 / base
    return torch.cat([shift, (size / base).log()], 1) * shift.new_tensor(weights)


def decode(deltas: Tensor, anchors: Tensor, weights: Sequence[float] = (1, 1, 1, 1)) -> Tensor:
    """The boxes that `deltas` (…, 4) tell of their anchors (…, 4); sides grow at most 62.5 times."""
    deltas = deltas / deltas.new_tensor(weights)
    base = anchors[..., 2:4] - anchors[..., :2]
    centre = anchors[..., :2] + base / 2 + deltas[..., :2] * base
    half = base * deltas[..., 2:4].clamp_max(LARGEST).exp() / 2
    return torch.cat([centre - half, centre + half], -1)


def anchors(side: float, ratios: Sequence[float], stride: tuple[int, int], cells: tuple[int, int],
            device=None) -> Tensor:
    """Boxes of area side² with those ratios (height / width) round the corner of every cell: (rows · columns · ratios, 4).
    They begin at 0 and whole pixels, as torchvision's."""
    high = torch.tensor(ratios, device=device).sqrt() * side
    wide = side * side / high
    base = (torch.stack([-wide, -high, wide, high], 1) / 2).round()
    y = torch.arange(cells[0], device=device) * stride[0]
    x = torch.arange(cells[1], device=device) * stride[1]
    y, x = torch.meshgrid(y, x, indexing="ij")
    return (torch.stack([x, y, x, y], -1).reshape(-1, 1, 4) + base).reshape(-1, 4).float()


# which truth each is for

def assigned(boxes: Tensor, truth: Tensor, low: float, high: float, least: bool = False) -> Tensor:
    """For each of boxes (n, 4) the row of truth (m, 6) that it shall find: (n,); −1: background, −2: not asked.

    Above `high` IoU it finds, below `low` it is background. With `least` every truth keeps the boxes that fit it best,
    however badly (Ren et al. 2015, 3.1.2). A truth that is not counted takes boxes out of the background."""
    counted = truth[:, 5] == 0
    found = torch.full((len(boxes),), BACKGROUND, device=boxes.device)
    if counted.any():
        best, which, kept = boxes.new_full((len(boxes),), -1.0), torch.zeros_like(found), torch.zeros_like(found, dtype=torch.bool)
        for rows in counted.nonzero()[:, 0].split(TRUTHS):                  # a picture may have thousands
            overlap = iou(truth[rows], boxes)                               # (rows, n)
            near, row = overlap.max(0)
            best, which = torch.maximum(best, near), torch.where(near > best, rows[row], which)
            if least:
                top = overlap.max(1, keepdim=True).values
                kept |= ((overlap == top) & (top > 0)).any(0)
        found = torch.where((best >= high) | kept, which, torch.where(best < low, BACKGROUND, IGNORED))
    if not counted.all():
        inside = shared(boxes, truth[~counted]) / area(boxes)[:, None].clamp_min(1e-9)
        found[(found == BACKGROUND) & (inside > 0.5).any(1)] = IGNORED
    return found


def sampled(found: Tensor, count: int, share: float) -> tuple[Tensor, Tensor]:
    """Rows of an assignment to learn from: at most `share` of `count` that find something, the rest background."""
    yes, no = (found >= 0).nonzero()[:, 0], (found == BACKGROUND).nonzero()[:, 0]
    yes = yes[torch.randperm(len(yes), device=yes.device)[: int(share * count)]]
    return yes, no[torch.randperm(len(no), device=no.device)[: count - len(yes)]]


# which of many that see the same thing stay

def nms(boxes: Tensor, scores: Tensor, overlap: float, groups: Tensor | None = None, most: int | None = None) -> Tensor:
    """Rows of boxes (n, 4) that stay, best first: whoever overlaps a better one that stays by more than `overlap` goes.
    Only boxes of one group (n,) compete. Exact: the greedy choice of Girshick et al. 2014, 2.2, by blocks."""
    order = scores.argsort(descending=True, stable=True)
    boxes = boxes[order]
    groups = torch.zeros_like(order) if groups is None else groups[order]
    kept = order.new_empty(0)
    for start in range(0, len(order), BLOCK):
        rows = torch.arange(start, min(start + BLOCK, len(order)), device=order.device)
        if len(kept):
            free = ~rivals(boxes[rows], boxes[kept], groups[rows], groups[kept], overlap).any(1)
            rows = rows[free]
        rows = rows[survivors(rivals(boxes[rows], boxes[rows], groups[rows], groups[rows], overlap).triu(1))]
        kept = torch.cat([kept, rows])
        if most is not None and len(kept) >= most:
            break
    return order[kept[:most]]


def rivals(a: Tensor, b: Tensor, group_a: Tensor, group_b: Tensor, overlap: float) -> Tensor:
    """Which of a and b, of one group, overlap too much: bool (n, m)."""
    return (iou(a, b) > overlap) & (group_a[:, None] == group_b)


def survivors(over: Tensor, rounds: int | None = None) -> Tensor:
    """Who stays where over[…, i, j] says that i, if it stays, drives out the worse j: bool (…, n).

    Whoever nobody who stays drives out. To ask again settles one more link of the longest chain of rivals, so it ends
    with the greedy answer; `rounds` fixes how often, for a graph that may not loop."""
    stays, drives = over.new_ones(over.shape[:-1]), over.float()
    for _ in range(over.shape[-1] if rounds is None else rounds):
        now = (stays[..., None, :].float() @ drives)[..., 0, :] == 0        # a product is quicker than to ask for any
        if rounds is None and torch.equal(now, stays):
            break
        stays = now
    return stays


def suppress(boxes: Tensor, scores: Tensor, least: float = 0.05, overlap: float = 0.5, most: int = 100) -> Tensor:
    """What a detector answers, from its raw boxes (n, classes, 4) and scores (n, classes) of one picture: (k, 6) left, top,
    right, bottom, class, score, best first. Scores up to `least` and boxes without area go, then `nms` for each class."""
    row, kind = ((scores > least) & (area(boxes) > 0)).nonzero(as_tuple=True)
    boxes, scores = boxes[row, kind].float(), scores[row, kind].float()
    kept = nms(boxes, scores, overlap, kind, most)
    return torch.cat([boxes[kept], kind[kept, None].float(), scores[kept, None]], 1)


# what is inside

def roi_align(maps: Sequence[Tensor] | Tensor, boxes: Tensor, image: Tensor, scales: Sequence[float] | float, size: int = 7,
              samples: int = 2, aligned: bool = False, level: Tensor | None = None) -> Tensor:
    """The pixels inside boxes (n, 4), at even points between them: (n, C, size, size) (He et al. 2017, section 3).

    maps: one (B, C, H, W) or several of other sizes, each with its scale (map / picture); `image` (n,) and `level` (n,) say
    where a box looks. Each answer is the mean of samples² points (0: as many as the box has pixels there), read bilinearly.
    `aligned` puts pixel centres at halves; torchvision's detectors do without. Gradients reach the maps, not the boxes."""
    maps = [maps] if isinstance(maps, Tensor) else list(maps)
    scales = [scales] if isinstance(scales, (int, float)) else list(scales)
    level = torch.zeros_like(image) if level is None else level
    device = boxes.device
    sizes = torch.tensor([m.shape[2:] for m in maps], device=device)                    # (levels, 2)
    pixels = sizes.prod(1) * maps[0].shape[0]
    starts = pixels.cumsum(0) - pixels
    table = torch.cat([m.permute(0, 2, 3, 1).reshape(-1, m.shape[1]) for m in maps]).float()
    high, wide = sizes[level].T
    first = starts[level] + image * high * wide                                         # where its picture begins
    boxes = boxes.detach().float() * torch.tensor(scales, device=device)[level][:, None] - 0.5 * aligned
    span = boxes[:, 2:4] - boxes[:, :2]
    span = span if aligned else span.clamp_min(1)                                       # at least a pixel
    found = table.new_zeros(boxes.shape[0], size * size, table.shape[1])
    if samples:
        found = _read(table, boxes, span, high, wide, first, size, samples, samples)
    counts = (span / size).ceil().clamp_min(1).long()
    for across, down in counts.unique(dim=0).tolist() if samples == 0 else ():
        rows = (counts == counts.new_tensor([across, down])).all(1).nonzero()[:, 0]
        found = found.index_copy(0, rows, _read(table, boxes[rows], span[rows], high[rows], wide[rows], first[rows], size,
                                                across, down))
    return found.transpose(1, 2).unflatten(2, (size, size))


def _read(table: Tensor, boxes: Tensor, span: Tensor, high: Tensor, wide: Tensor, first: Tensor, size: int, across: int,
          down: int) -> Tensor:
    """Means over down × across points a part, from rows of pixels (P, C): (n, size², C)."""
    y, weight_y = _between(boxes[:, 1], span[:, 1], size, down, high)                   # (n, size, down, 2)
    x, weight_x = _between(boxes[:, 0], span[:, 0], size, across, wide)
    y = y * wide[:, None, None, None] + first[:, None, None, None]
    place = y.flatten(1)[:, :, None] + x.flatten(1)[:, None]                            # (n, size · down · 2, size · across · 2)
    weight = weight_y.flatten(1)[:, :, None] * weight_x.flatten(1)[:, None] / (across * down)
    place, weight = (part.unflatten(2, (size, 2 * across)).unflatten(1, (size, 2 * down)).transpose(2, 3).reshape(-1, across * down * 4)
                     for part in (place, weight))
    gather = _Sums.apply if table.requires_grad and table.device.type == "cpu" else _sums
    return gather(table, place, weight).unflatten(0, (-1, size * size))


def _sums(table: Tensor, place: Tensor, weight: Tensor) -> Tensor:
    """Sums of rows of a table, by weight: (P, C), (n, k), (n, k) -> (n, C)."""
    if torch.compiler.is_exporting():               # the bag would become a loop
        return (table[place] * weight[..., None]).sum(1)
    return F.embedding_bag(place, table, mode="sum", per_sample_weights=weight)


class _Sums(torch.autograd.Function):
    """The same with another way back: torch's own sorts the places first, which costs more than all the rest."""

    @staticmethod
    def forward(ctx, table, place, weight):
        ctx.save_for_backward(place, weight)
        ctx.rows = len(table)
        return _sums(table, place, weight)

    @staticmethod
    def backward(ctx, gradient):
        place, weight = ctx.saved_tensors
        owner = torch.arange(len(place)).repeat_interleave(place.shape[1])
        spread = torch.sparse_coo_tensor(torch.stack([place.view(-1), owner]), weight.view(-1), (ctx.rows, len(place)),
                                         check_invariants=False)
        return torch.sparse.mm(spread, gradient.contiguous()), None, None


def _between(start: Tensor, span: Tensor, size: int, samples: int, end: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels and weights (n, size, samples, 2) of the points at even steps along one side; weight 0 far outside."""
    step = (torch.arange(size * samples, device=start.device) + 0.5) / (size * samples)
    at = start[:, None] + span[:, None] * step                                          # (n, size · samples)
    last = (end[:, None] - 1).float()
    there = (at >= -1) & (at <= last + 1)
    at = torch.minimum(at.clamp_min(0), last)
    low = at.floor()
    part = at - low
    place = torch.stack([low, torch.minimum(low + 1, last)], 2).long()
    weight = torch.stack([1 - part, part], 2) * there[:, :, None]
    return place.view(-1, size, samples, 2), weight.view(-1, size, samples, 2)


def roi_pool(features: Tensor, boxes: Tensor, image: Tensor, scale: float, size: int = 7) -> Tensor:
    """The largest value in each of size × size parts of boxes (n, 4) on a map (B, C, H, W): (n, C, size, size).

    Fast R-CNN's (Girshick 2015, 2.1): corners and parts are rounded to whole pixels; an empty part gives 0."""
    high, wide = features.shape[2:]
    corner = (boxes.detach().float() * scale + 0.5).floor()                             # half up, as C's round
    y, empty_y = _parts(corner[:, 1], corner[:, 3], size, high)                         # (n, size, most), (n, size)
    x, empty_x = _parts(corner[:, 0], corner[:, 2], size, wide)
    table = features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])                 # (B · H · W, C)
    first = (image * high * wide)[:, None, None]
    with torch.no_grad():
        best = table.new_full((len(boxes) * size * size, table.shape[1]), -math.inf)
        which = torch.zeros_like(best, dtype=torch.long)                                # (n · size · size, C)
        for down in y.unbind(2):
            for across in x.unbind(2):
                place = (first + down[:, :, None] * wide + across[:, None]).reshape(-1)
                pixels = table[place]
                larger = pixels > best
                best, which = torch.where(larger, pixels, best), torch.where(larger, place[:, None], which)
    result = table.gather(0, which).view(len(boxes), size, size, -1)
    empty = (empty_y[:, :, None] | empty_x[:, None])[..., None]
    return torch.where(empty, 0, result).permute(0, 3, 1, 2)


def _parts(low: Tensor, high: Tensor, size: int, end: int) -> tuple[Tensor, Tensor]:
    """Pixels of the parts of low…high, the last repeated (n, size, most), and which parts are empty (n, size)."""
    step = (high - low + 1).clamp_min(1)[:, None] / size
    part = torch.arange(size, device=low.device)
    first = ((part * step).floor() + low[:, None]).clamp(0, end)
    last = (((part + 1) * step).ceil() + low[:, None]).clamp(0, end)
    most = int((last - first).max()) if len(low) else 1
    place = first[..., None] + torch.arange(max(1, most), device=low.device)
    return torch.minimum(place, last[..., None] - 1).clamp(0, end - 1).long(), last <= first
