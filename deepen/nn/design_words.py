"""The words of a Design: each is one function that answers with a module and the shape that flows out.

It gets where it stands (`here`) and the numbers of its line; its signature is the grammar of the line. To add
a word, add a function and name it in WORDS. Shapes are of one example, without the batch: a picture is
(channels, height, width), a sequence (steps, values), a row (values,).
"""
import math
from dataclasses import dataclass
from typing import NamedTuple

from torch import nn

from deepen.core.words import Problem
from deepen.nn import fast, layers
from deepen.nn.lines import Count, Flag, Pad, Share, Size, Window


@dataclass
class Here:
    """Where a line stands: what flows in, and what the data and a dropconnect on the line above have said."""
    shape: tuple[int, ...]
    classes: int | None = None
    vocabulary: int | None = None
    dropconnect: tuple[float, int] | None = None

    def picture(self) -> tuple[int, int, int]:
        if len(self.shape) != 3:
            raise Problem("it wants a picture (channels, height, width), but here the shape is {shape}",
                          shape=self.shape)
        return self.shape[0], self.shape[1], self.shape[2]

    def steps(self) -> tuple[int, int]:
        if len(self.shape) != 2:
            raise Problem("it wants a sequence (steps, values), but here the shape is {shape}",
                          shape=self.shape)
        return self.shape[0], self.shape[1]


class Layer(NamedTuple):
    """What a line becomes. One output sees `window` x `window` inputs, `stride` apart; window 0: all."""
    module: nn.Module
    shape: tuple[int, ...]
    window: int = 1
    stride: int = 1


def conv(here: Here, channels: Size, window: Window = 3, *, stride: Window = 1, pad: Pad = None,
         groups: Size = 1, bias: Flag = True) -> Layer:
    return convolution(fast.Conv, here, channels, window, stride, pad, groups, bias)


def binary_conv(here: Here, channels: Size, window: Window = 3, *, stride: Window = 1, pad: Pad = None,
                groups: Size = 1, bias: Flag = False) -> Layer:
    return convolution(layers.BinaryConv, here, channels, window, stride, pad, groups, bias)


def convolution(make: type[nn.Conv2d], here: Here, channels: int, window: int, stride: int, pad: int | None,
                groups: int, bias: bool) -> Layer:
    inputs, _, _ = here.picture()
    if inputs % groups or channels % groups:
        raise Problem("{groups} groups do not divide both {inputs} channels in and {channels} out",
                      groups=groups, inputs=inputs, channels=channels)
    if pad is None:                                     # same: as large as the input, divided by the stride
        if stride == 1 and window % 2 == 0:
            raise Problem("an even window of {window} has no middle; write pad=0 or take an odd window",
                          window=window)
        pad = max(window - stride + 1, 0) // 2 if window % 2 == 0 else window // 2
    shape = slide(here, channels, window, stride, pad)
    return Layer(make(inputs, channels, window, stride, pad, groups=groups, bias=bias), shape, window, stride)


def slide(here: Here, channels: int, window: int, stride: int, pad: int) -> tuple[int, int, int]:
    """The shape after a window went over a picture; refused when it does not fit even once."""
    _, height, width = here.picture()
    if min(height, width) + 2 * pad < window:
        raise Problem("a window of {window} does not fit into {height}×{width}, so nothing is left of the "
                      "picture; leave out a pool or take a smaller window",
                      window=window, height=height, width=width)
    return channels, (height + 2 * pad - window) // stride + 1, (width + 2 * pad - window) // stride + 1


def pool(here: Here, window: Window = 2, *, stride: Window | None = None, pad: Count = 0) -> Layer:
    return pooling(nn.MaxPool2d, here, window, stride or window, pad)


def meanpool(here: Here, window: Window = 2, *, stride: Window | None = None, pad: Count = 0) -> Layer:
    return pooling(nn.AvgPool2d, here, window, stride or window, pad)


def pooling(make: type[nn.Module], here: Here, window: int, stride: int, pad: int) -> Layer:
    if 2 * pad > window:
        raise Problem("a pad of {pad} is more than half the window of {window}", pad=pad, window=window)
    channels, _, _ = here.picture()
    return Layer(make(window, stride, pad), slide(here, channels, window, stride, pad), window, stride)


def globalpool(here: Here) -> Layer:
    return Layer(layers.GlobalMean(), (channels_of(here),), 0)


def globalmaxmean(here: Here) -> Layer:
    return Layer(layers.GlobalMaxMean(), (2 * channels_of(here),), 0)


def channels_of(here: Here) -> int:
    return here.steps()[1] if len(here.shape) == 2 else here.picture()[0]


def dense(here: Here, size: Size | None = None, *, bias: Flag = True) -> Layer:
    inputs, outputs = here.shape[-1], size or class_count(here)
    shape = (*here.shape[:-1], outputs)
    if here.dropconnect is None:
        return Layer(nn.Linear(inputs, outputs, bias), shape, 0)
    (p, masks), here.dropconnect = here.dropconnect, None
    return Layer(layers.DropConnect(inputs, outputs, p, masks, bias), shape, 0)


def binary_dense(here: Here, size: Size | None = None, *, bias: Flag = False) -> Layer:
    outputs = size or class_count(here)
    return Layer(layers.BinaryDense(here.shape[-1], outputs, bias), (*here.shape[:-1], outputs), 0)


def class_count(here: Here) -> int:
    if here.classes is None:
        raise Problem("this data has no classes; write how many numbers come out, for example: dense 10")
    return here.classes


def dropconnect(here: Here, p: Share = 0.5, *, masks: Count = 8) -> Layer:
    here.dropconnect = (p, masks)                       # the dense layer on the next line does the work
    return Layer(nn.Identity(), here.shape)


def dropout(here: Here, p: Share = 0.5) -> Layer:
    return Layer(nn.Dropout(p), here.shape)


def flatten(here: Here) -> Layer:
    return Layer(nn.Flatten(), (math.prod(here.shape),))


def norm(here: Here) -> Layer:
    if len(here.shape) == 2:
        raise Problem("norm wants a picture or a row, but here the shape is {shape}; use layernorm",
                      shape=here.shape)
    return Layer((nn.BatchNorm2d if len(here.shape) == 3 else nn.BatchNorm1d)(here.shape[0]), here.shape)


def layernorm(here: Here) -> Layer:
    if len(here.shape) == 3:                            # one mean and variance a picture, one scale a channel
        return Layer(nn.GroupNorm(1, here.shape[0]), here.shape, 0)
    return Layer(nn.LayerNorm(here.shape[-1]), here.shape, 0)


def softmax(here: Here) -> Layer:
    return Layer(nn.Softmax(1 if len(here.shape) == 3 else -1), here.shape)


def leakyrelu(here: Here, slope: Share = 0.01) -> Layer:
    return Layer(nn.LeakyReLU(slope), here.shape)


def residual(here: Here, channels: Size, *, stride: Window = 1) -> Layer:
    inputs, height, width = here.picture()
    shape = (channels, -(-height // stride), -(-width // stride))
    return Layer(layers.Residual(inputs, channels, stride), shape, 3 + 2 * stride, stride)


def inception(here: Here, one: Size, reduce3: Size, three: Size, reduce5: Size, five: Size,
              project: Size) -> Layer:
    inputs, height, width = here.picture()
    block = layers.Inception(inputs, one, reduce3, three, reduce5, five, project)
    return Layer(block, (one + three + five + project, height, width), 5)


def embed(here: Here, size: Size, *, words: Size | None = None) -> Layer:
    if len(here.shape) != 1:
        raise Problem("embed wants the numbers of words (steps,), but here the shape is {shape}",
                      shape=here.shape)
    known = words or here.vocabulary
    if not known:
        raise Problem("this data does not say how many words there are; write: embed {size} words=10000",
                      size=size)
    return Layer(nn.Embedding(known, size), (*here.shape, size))


def last(here: Here) -> Layer:
    return Layer(layers.Last(), here.steps()[1:], 0)


def recurrent(cell: type[nn.RNNBase]):
    def word(here: Here, size: Size) -> Layer:
        return Layer(layers.Recurrent(cell, here.steps()[1], size), (here.shape[0], size), 0)
    return word


def plain(make: type[nn.Module]):
    def word(here: Here) -> Layer:
        return Layer(make(), here.shape)
    return word


WORDS = {
    "conv": conv, "pool": pool, "meanpool": meanpool,
    "globalpool": globalpool, "globalmaxmean": globalmaxmean,
    "dense": dense, "flatten": flatten, "dropout": dropout, "dropconnect": dropconnect, "last": last,
    "norm": norm, "layernorm": layernorm, "residual": residual, "inception": inception,
    "relu": plain(nn.ReLU), "leakyrelu": leakyrelu, "tanh": plain(nn.Tanh), "sigmoid": plain(nn.Sigmoid),
    "gelu": plain(nn.GELU), "softmax": softmax, "linear": plain(nn.Identity), "embed": embed,
    "lstm": recurrent(nn.LSTM), "gru": recurrent(nn.GRU), "rnn": recurrent(nn.RNN),
    "sign": plain(layers.Sign), "binary dense": binary_dense, "binary conv": binary_conv,
}
