"""Products of signs, compiled: 64 of them are one XOR and one count of bits, and LLVM makes vectors of both.

Rows come as words: uint64 (N, planes, words), the first value in the lowest bit, what is left over 0, an even number
of words. One plane is signs (bit 1: +1); eight planes are bytes, the highest bit first. Weights come in blocks of 64
units, one unit a lane: (blocks, words, 64), so that no sum has to be taken across a vector.
"""
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

LANES, ROWS = 64, 4
WORDS, BLOCKS, COUNTS = types.uint64[:, :, ::1], types.uint64[:, :, ::1], types.uint64[:, ::1]
WHOLE, SUMS = types.int64[::1], types.float32[:, ::1]
HOW: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
INSIDE: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}


@intrinsic
def ones(typing, word):
    """How many of the 64 bits are 1: LLVM's ctpop, `vpopcntq` where the CPU has it."""
    def build(context, builder, signature, args):
        return builder.ctpop(args[0])
    return types.uint64(types.uint64), build


@njit(**INSIDE)
def count(a, m, weights, room):
    """room[r, j]: in how many bits row m + r and unit j of the block differ, a plane twice as much as the next.
    Four rows share what is read of the weights, two words what is written: 20 times torch's float32 product, where
    one row and four words are 12 to 17 times, and an unrolled kernel of vectors in registers is 22."""
    last = len(a) - 1
    a0, a1, a2, a3 = a[m], a[min(m + 1, last)], a[min(m + 2, last)], a[min(m + 3, last)]
    for r in range(ROWS):
        for j in range(LANES):
            room[r, j] = 0
    for plane in range(a.shape[1]):
        if plane > 0:
            for r in range(ROWS):
                for j in range(LANES):
                    room[r, j] *= np.uint64(2)
        for w in range(0, a.shape[2], 2):
            a00, a01, a10, a11 = a0[plane, w], a0[plane, w + 1], a1[plane, w], a1[plane, w + 1]
            a20, a21, a30, a31 = a2[plane, w], a2[plane, w + 1], a3[plane, w], a3[plane, w + 1]
            for j in range(LANES):
                b0, b1 = weights[w, j], weights[w + 1, j]
                room[0, j] += ones(a00 ^ b0) + ones(a01 ^ b1)
                room[1, j] += ones(a10 ^ b0) + ones(a11 ^ b1)
                room[2, j] += ones(a20 ^ b0) + ones(a21 ^ b1)
                room[3, j] += ones(a30 ^ b0) + ones(a31 ^ b1)


@njit(types.void(WORDS, BLOCKS, WHOLE, types.int64, COUNTS, SUMS), **HOW)
def sums(a, weights, base, each, room, out):
    """out (N, units) = base of the unit - each · what differs."""
    for m in range(0, len(a), ROWS):
        for block in range(len(weights)):
            count(a, m, weights[block], room)
            start = block * LANES
            for r in range(min(ROWS, len(a) - m)):
                for j in range(min(LANES, out.shape[1] - start)):
                    out[m + r, start + j] = base[start + j] - each * np.int64(room[r, j])


@njit(types.void(WORDS, BLOCKS, WHOLE, COUNTS, WORDS), **HOW)
def signs(a, weights, most, room, out):
    """out (N, 1, words): bit 1 where at most `most` of the unit differs. A block of units is one word."""
    for m in range(0, len(a), ROWS):
        for block in range(len(weights)):
            count(a, m, weights[block], room)
            for r in range(min(ROWS, len(a) - m)):
                word = np.uint64(0)
                for j in range(LANES):
                    word |= np.uint64(np.int64(room[r, j]) <= most[block * LANES + j]) << np.uint64(j)
                out[m + r, 0, block] = word


@njit(types.void(types.float32[:, ::1], WORDS), **HOW)
def pack_signs(x, out):
    """(N, K) -> (N, 1, words): bit 1 where x >= 0."""
    for n in range(len(x)):
        for w in range(-(-x.shape[1] // LANES)):
            word, row = np.uint64(0), x[n, w * LANES:(w + 1) * LANES]
            for j in range(len(row)):
                word |= np.uint64(row[j] >= 0) << np.uint64(j)
            out[n, 0, w] = word


@njit(types.void(types.uint8[:, ::1], WORDS), **HOW)
def pack_bytes(x, out):
    """(N, K) -> (N, 8, words), the highest bit first."""
    for n in range(len(x)):
        for w in range(-(-x.shape[1] // LANES)):
            row = x[n, w * LANES:(w + 1) * LANES]
            for plane in range(8):
                word = np.uint64(0)
                for j in range(len(row)):
                    word |= np.uint64((row[j] >> (7 - plane)) & 1) << np.uint64(j)
                out[n, plane, w] = word
