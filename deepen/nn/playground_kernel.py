"""The one implementation of a Playground epoch: forward, its own backward and the update, in float64, compiled.

A net is flat: `widths` (features, hidden layers…, outputs), `kinds` (an activation a layer) and `w`, layer by layer
its weights (out, in) row by row, then its biases (out). Points are columns: x (features, N), t (outputs, N). A batch
is worked on row by row, a row being one neuron's values for all its points, so that loops over points are vectors.
"""
import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid", "leaky", "elu", "gelu", "softplus", "sine", "step")
LOSSES = ("squared", "logistic", "softmax")
OPTIMIZERS = ("sgd", "momentum", "adam")
PENALTIES = ("none", "l1", "l2")
LOSS, OPTIMIZER, PENALTY, BATCH, SHUFFLE, CARRY = range(6)      # places in `rules`
EPOCH, AT, WAITING, UPDATES, BATCHES = range(5)                 # places in `counts`
MOMENTUM, BETA1, BETA2, EPS = 0.9, 0.9, 0.999, 1e-8
LOG2E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
MAGIC = 6755399441055744.0              # 1.5 · 2⁵²: adding it leaves a whole number in the low bits
SENSE = 1e15                            # weights whose sizes add up to more make no sense
WHOLE, REAL, GRID = types.int64[::1], types.float64[::1], types.float64[:, ::1]
FAST = {"contract", "nsz"}              # no nnan or ninf: the guard must see them; no reassoc: `grown` would lose MAGIC
SUMS = {"contract", "nsz", "reassoc"}   # sums over points become vectors
INSIDE: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}   # sooner compiled


@intrinsic
def bits_of(typing, value):
    """The 64 bits of a float as an integer."""
    def build(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))
    return types.int64(types.float64), build


@intrinsic
def float_of(typing, bits):
    """The float that has these 64 bits."""
    def build(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())
    return types.float64(types.int64), build


@njit(**INSIDE)
def grown(x):
    """(2ᵏ, eᶠ − 1) with eˣ = 2ᵏ eᶠ and |f| ≤ ln 2 / 2, for |x| < 700; no branch, so that loops of it are vectors."""
    whole = x * LOG2E + MAGIC
    k = whole - MAGIC
    f = (x - k * LN2_HIGH) - k * LN2_LOW
    p = 1 / 479001600 + f / 6227020800
    p = 1 / 3628800 + f * (1 / 39916800 + f * p)
    p = 1 / 40320 + f * (1 / 362880 + f * p)
    p = 1 / 720 + f * (1 / 5040 + f * p)
    p = 1 / 24 + f * (1 / 120 + f * p)
    p = 1 / 2 + f * (1 / 6 + f * p)
    p = f + f * f * p
    return float_of((bits_of(whole) << 52) + 0x3FF0000000000000), p


@njit(**INSIDE)
def tanh(x):
    scale, p = grown(min(max(2 * x, -40.0), 40.0))
    less = scale * p + (scale - 1)                              # e²ˣ − 1
    return less / (less + 2)


@njit(**INSIDE)
def exp(x):
    scale, p = grown(min(max(x, -700.0), 700.0))
    return scale * p + scale


@njit(fastmath=FAST, error_model="numpy", **INSIDE)
def bend(kind, a, slope, n):
    """Activations of a row in place, and their slopes. The slope of relu and step at 0 is 0."""
    if kind == 0:
        for s in range(n):
            slope[s] = 1.0
    elif kind == 1:
        for s in range(n):
            slope[s] = 1.0 if a[s] > 0 else 0.0
            a[s] = max(a[s], 0.0)
    elif kind == 2:
        for s in range(n):
            a[s] = tanh(a[s])
            slope[s] = 1 - a[s] * a[s]
    elif kind == 3:
        for s in range(n):
            a[s] = 0.5 + 0.5 * tanh(0.5 * a[s])
            slope[s] = a[s] * (1 - a[s])
    elif kind == 4:
        for s in range(n):
            slope[s] = 1.0 if a[s] > 0 else 0.01
            a[s] *= slope[s]
    elif kind == 5:
        for s in range(n):
            e = exp(min(a[s], 0.0))
            slope[s] = 1.0 if a[s] > 0 else e
            a[s] = a[s] if a[s] > 0 else e - 1
    elif kind == 6:                                             # x Φ(x)
        for s in range(n):
            x = a[s]
            below = 0.5 + 0.5 * math.erf(x * 0.7071067811865476)
            slope[s] = below + x * 0.3989422804014327 * exp(-0.5 * x * x)
            a[s] = x * below
    elif kind == 7:
        for s in range(n):
            x = a[s]
            a[s] = max(x, 0.0) + np.log1p(exp(-abs(x)))
            slope[s] = 0.5 + 0.5 * tanh(0.5 * x)
    elif kind == 8:
        for s in range(n):
            slope[s] = np.cos(a[s])
            a[s] = np.sin(a[s])
    else:
        for s in range(n):
            slope[s] = 0.0
            a[s] = 1.0 if a[s] > 0 else 0.0


@njit(**INSIDE)
def mixed(x):
    """A 64-bit number scrambled (splitmix64; Steele, Lea & Flood 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(**INSIDE)
def chance(key, place):
    """The uniform number in [0, 1) that belongs to a place, always the same one."""
    return np.float64(mixed(mixed(key) + np.uint64(place)) >> np.uint64(11)) * 2.0**-53


@njit(fastmath=FAST, error_model="numpy", **INSIDE)
def forward(widths, kinds, drops, w, a, slope, n, key, place):
    """Fill the rows of `a` (neurons, points) above the features, and their slopes. A neuron of a layer with dropout
    is silent for a point with that chance, else louder; which, hangs on `key` and the point's `place` alone."""
    below, here, at, units = 0, widths[0], 0, len(a)
    for layer in range(1, len(widths)):
        inputs, outputs, drop = widths[layer - 1], widths[layer], drops[layer]
        for i in range(outputs):
            row, bias = a[here + i], w[at + inputs * outputs + i]
            for s in range(n):
                row[s] = bias
            for j in range(inputs):
                weight, source = w[at + i * inputs + j], a[below + j]
                for s in range(n):
                    row[s] += weight * source[s]
            bend(kinds[layer], row, slope[here + i], n)
            if drop > 0:
                for s in range(n):
                    keep = 1 / (1 - drop) if chance(key, (place + s) * units + here + i) >= drop else 0.0
                    row[s] *= keep
                    slope[here + i, s] *= keep
        at += (inputs + 1) * outputs
        below, here = here, here + outputs


@njit(fastmath=FAST, error_model="numpy", **INSIDE)
def blame(loss, outputs, a, slope, t, order, start, d, n):
    """The loss's slope at what enters the outputs, the last rows of `d`; t (outputs, N) are the targets."""
    first = len(a) - outputs
    for s in range(n):
        most = total = 0.0
        if loss == 2:
            for k in range(first, len(a)):
                most = max(most, a[k, s])
            for k in range(first, len(a)):
                d[k, s] = exp(a[k, s] - most)
                total += d[k, s]
        for k in range(outputs):
            z, wanted = a[first + k, s], t[k, order[start + s]]
            if loss == 0:
                d[first + k, s] = (z - wanted) * slope[first + k, s]
            elif loss == 1:                                     # log(1 + e^−tz), t is ±1
                d[first + k, s] = 0.5 * (tanh(0.5 * z) - wanted)
            else:
                d[first + k, s] = d[first + k, s] / total - wanted


@njit(fastmath=SUMS, error_model="numpy", **INSIDE)
def backward(widths, w, g, a, slope, d, n):
    """Add the gradients of a batch, summed over its points, to `g`; the outputs' rows of `d` are filled."""
    here, at = len(a) - widths[-1], len(w)
    for layer in range(len(widths) - 1, 0, -1):
        inputs, outputs = widths[layer - 1], widths[layer]
        at -= (inputs + 1) * outputs
        below = here - inputs
        for i in range(outputs):
            row, total = d[here + i], 0.0
            for s in range(n):
                total += row[s]
            g[at + inputs * outputs + i] += total
            for j in range(inputs):
                source, total = a[below + j], 0.0
                for s in range(n):
                    total += row[s] * source[s]
                g[at + i * inputs + j] += total
        if layer > 1:
            for j in range(inputs):
                row = d[below + j]
                for s in range(n):
                    row[s] = 0.0
                for i in range(outputs):
                    weight, source = w[at + i * inputs + j], d[here + i]
                    for s in range(n):
                        row[s] += weight * source[s]
                for s in range(n):
                    row[s] *= slope[below + j, s]
        here = below


@njit(error_model="numpy", **INSIDE)
def update(widths, w, g, m, v, dead, rules, rates, counts):
    """One step along the mean gradient; then, apart from it, λ·lr along the penalty's slope at the old weight.
    Under l1 a weight whom the second step would carry over 0 becomes 0 and is dead for ever."""
    lr, pull, n = rates[0], rates[0] * rates[1], counts[WAITING]
    counts[UPDATES] += 1
    even1, even2 = 1 - BETA1 ** counts[UPDATES], math.sqrt(1 - BETA2 ** counts[UPDATES])
    at = 0
    for layer in range(1, len(widths)):
        weights = widths[layer] * widths[layer - 1]
        for i in range(at, at + weights + widths[layer]):
            old, slope, g[i] = w[i], g[i] / n, 0.0
            if dead[i]:
                continue
            if rules[OPTIMIZER] == 1:
                m[i] = MOMENTUM * m[i] + slope
                slope = m[i]
            elif rules[OPTIMIZER] == 2:
                m[i] = BETA1 * m[i] + (1 - BETA1) * slope
                v[i] = BETA2 * v[i] + (1 - BETA2) * slope * slope
                slope = m[i] / even1 / (math.sqrt(v[i]) / even2 + EPS)
            w[i] = old - lr * slope
            if i < at + weights and rules[PENALTY] > 0:
                moved = w[i] - pull * (np.sign(old) if rules[PENALTY] == 1 else old)
                dead[i] = rules[PENALTY] == 1 and w[i] * moved < 0
                w[i] = 0.0 if dead[i] else moved
        at += weights + widths[layer]
    counts[WAITING] = 0


@njit(**INSIDE)
def shuffle(order, key, epoch):
    """The order of an epoch: Fisher and Yates, from the same key always the same."""
    for i in range(len(order)):
        order[i] = i
    for i in range(len(order) - 1, 0, -1):
        j = int(chance(key ^ np.uint64(0x5DEECE66D), epoch * len(order) + i) * (i + 1))
        order[i], order[j] = order[j], order[i]


@njit(types.boolean(WHOLE, WHOLE, REAL, GRID, GRID, REAL, REAL, REAL, REAL, types.uint8[::1], WHOLE, WHOLE, REAL, WHOLE,
                    types.uint64, WHOLE.dtype, WHOLE.dtype, GRID, GRID, GRID, REAL, GRID), cache=True, nogil=True)
def work(widths, kinds, drops, x, t, w, g, m, v, dead, order, rules, rates, counts, key, epochs, batches,
         a, slope, d, good, out):
    """Go through so many `batches`, at most to the end of the `epochs`-th epoch from here. Either learn from them; false
    comes back when weights lose all sense: then `w` is as before that update, and the optimizer has forgotten all. Or,
    where `out` (neurons, N) has rows, write what every neuron answers. a, slope, d (neurons, batch), good: room."""
    points, batch, last = x.shape[1], rules[BATCH], counts[EPOCH] + epochs
    total = 0.0
    while counts[EPOCH] < last and batches > 0 and total <= SENSE:
        if counts[AT] == 0 and rules[SHUFFLE]:
            shuffle(order, key, counts[EPOCH])
        start = counts[AT]
        n = min(batch, points - start)
        for s in range(n):
            for i in range(len(x)):
                a[i, s] = x[i, order[start + s]]
        forward(widths, kinds, drops, w, a, slope, n, key, counts[EPOCH] * points + start)
        counts[AT] = start + n
        for i in range(len(out)):
            for s in range(n):
                out[i, start + s] = a[i, s]
        if not len(out):
            blame(rules[LOSS], widths[-1], a, slope, t, order, start, d, n)
            backward(widths, w, g, a, slope, d, n)
            counts[WAITING] += n
            if n == batch or (counts[AT] == points and not rules[CARRY]):
                for i in range(len(w)):
                    good[i] = w[i]
                update(widths, w, g, m, v, dead, rules, rates, counts)
                total = 0.0
                for i in range(len(w)):
                    total += abs(w[i])
                if not total <= SENSE:
                    for i in range(len(w)):
                        w[i], g[i], m[i], v[i] = good[i], 0.0, 0.0, 0.0
                    counts[UPDATES] = 0
        if counts[AT] == points:
            counts[AT] = 0
            counts[EPOCH] += 1
        batches -= 1
        counts[BATCHES] += 1
    return total <= SENSE
