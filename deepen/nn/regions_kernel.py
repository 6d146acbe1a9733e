"""Pieces of a picture and how they grow together, compiled: the two loops of selective search.

`segment` is Felzenszwalb and Huttenlocher's (2004): pixels join along the weakest borders first, as long as a border is no
stronger than what is inside both sides. `grow` joins the most alike neighbours until one is left (Uijlings et al. 2013).
"""
from typing import Any

import numpy as np
from numba import njit

HOW: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
INSIDE: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}


@njit(**INSIDE)
def root(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(**HOW)
def segment(first, second, weight, pixels, k, least):
    """Borders from the weakest to the strongest, between pixels `first` and `second` -> (piece of each pixel, how many).
    A larger `k` makes larger pieces; those below `least` pixels join a neighbour."""
    parent, size = np.arange(pixels), np.ones(pixels, np.int64)
    limit = np.full(pixels, k)                                  # strongest border inside + k / size
    for turn in range(2):
        for e in range(len(first)):
            a, b = root(parent, first[e]), root(parent, second[e])
            if a != b:
                if turn == 0:
                    join = weight[e] <= limit[a] and weight[e] <= limit[b]
                else:
                    join = size[a] < least or size[b] < least
                if join:
                    parent[b] = a
                    size[a] += size[b]
                    limit[a] = weight[e] + k / size[a]
    number, piece, count = np.full(pixels, -1), np.empty(pixels, np.int64), 0
    for i in range(pixels):
        a = root(parent, i)
        if number[a] < 0:
            number[a] = count
            count += 1
        piece[i] = number[a]
    return piece, count


@njit(**INSIDE)
def alike(a, b, shares, size, box, pixels):
    """Likeness of two pieces: shared colours and textures, small ones first, and how well one fills the other's gaps."""
    total = 0.0
    for j in range(shares.shape[1]):
        total += min(shares[a, j], shares[b, j])
    wide = max(box[a, 2], box[b, 2]) - min(box[a, 0], box[b, 0])
    high = max(box[a, 3], box[b, 3]) - min(box[a, 1], box[b, 1])
    return total + 2 - wide * high / pixels                    # size and fill: 1 − (a + b), 1 − (hull − a − b)


@njit(**HOW)
def grow(piece, count, bins, width, total):
    """Pieces (H · W,) of a picture and the bins (H · W, kinds) that its pixels fall into, of `total` -> boxes (2 · count − 1, 4):
    those of the pieces, then of what they grow to, the whole picture last."""
    pixels, kinds = bins.shape
    shares = np.zeros((2 * count, total), np.float32)
    size, box = np.zeros(2 * count, np.int64), np.empty((2 * count, 4), np.int64)
    box[:, :2], box[:, 2:] = pixels, 0
    near = np.zeros((count, count), np.bool_)
    for i in range(pixels):
        p, y, x = piece[i], i // width, i % width
        size[p] += 1
        box[p, 0], box[p, 1] = min(box[p, 0], x), min(box[p, 1], y)
        box[p, 2], box[p, 3] = max(box[p, 2], x + 1), max(box[p, 3], y + 1)
        for j in range(kinds):
            shares[p, bins[i, j]] += 1
        if x + 1 < width:
            near[min(p, piece[i + 1]), max(p, piece[i + 1])] = True
        if i + width < pixels:
            near[min(p, piece[i + width]), max(p, piece[i + width])] = True
    for p in range(count):
        shares[p] /= size[p]
    first, second, like, pairs = np.empty(count * 8, np.int64), np.empty(count * 8, np.int64), np.empty(count * 8), 0
    for p in range(count):
        for q in range(p + 1, count):
            if near[p, q] and pairs < len(first):
                first[pairs], second[pairs], like[pairs] = p, q, alike(p, q, shares, size, box, pixels)
                pairs += 1
    made, beside = count, np.zeros(2 * count, np.bool_)
    while pairs > 0:
        best = 0
        for e in range(1, pairs):
            if like[e] > like[best]:
                best = e
        a, b, new = first[best], second[best], made
        made += 1
        size[new] = size[a] + size[b]
        for j in range(total):
            shares[new, j] = (size[a] * shares[a, j] + size[b] * shares[b, j]) / size[new]
        for j in range(2):
            box[new, j], box[new, j + 2] = min(box[a, j], box[b, j]), max(box[a, j + 2], box[b, j + 2])
        beside[:] = False
        kept = 0
        for e in range(pairs):                                  # pairs of either become pairs of the new one
            p, q = first[e], second[e]
            if p in (a, b):
                p, q = q, p
            if q in (a, b):
                if p not in (a, b):
                    beside[p] = True
            else:
                first[kept], second[kept], like[kept] = p, q, like[e]
                kept += 1
        for p in range(new):
            if beside[p]:
                first[kept], second[kept], like[kept] = p, new, alike(p, new, shares, size, box, pixels)
                kept += 1
        pairs = kept
    return box[:made]
