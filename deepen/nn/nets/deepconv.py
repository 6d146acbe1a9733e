"""The textbook's deep convolutional network for digits."""


def deepconv(kind, classes: int | None = None, width: float = 1.0, drop: float = 0.5) -> str:
    """Six 3x3 convolutions in three pairs, each pair followed by a pool, then two dense layers: 123,552
    parameters on 28x28 grey pictures and 10 classes. Saito, Deep Learning from Scratch, chapter 8. `width`
    multiplies the channels, `drop` is the share left out while learning.
    """
    c16, c32, c64, c50 = (max(1, round(width * n)) for n in (16, 32, 64, 50))
    return f"""
        conv {c16} 3; relu
        conv {c16} 3; relu; pool 2
        conv {c32} 3; relu
        conv {c32} 3 pad=2; relu; pool 2
        conv {c64} 3; relu
        conv {c64} 3; relu; pool 2
        dense {c50}; relu; dropout {drop}
        dense classes; dropout {drop}           # the book drops scores too
    """
