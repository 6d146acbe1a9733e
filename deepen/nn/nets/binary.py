"""A network of signs: every weight and every hidden value is -1 or +1."""


def binary(kind, classes: int | None = None, width: float = 1.0, depth: int = 3, drop: float = 0.0) -> str:
    """`depth` hidden layers of 1024 * `width` units whose weights are one bit, each with batch norm and sign.

    The inputs stay as they are stored and the scores are real; all between is additions. Courbariaux et al.
    2016, section 2.1. `drop` is the share of hidden values left out while learning.
    """
    hidden = f"binary dense {max(1, round(1024 * width))}; norm; sign; " + f"dropout {drop}; " * (drop > 0)
    return hidden * depth + "binary dense classes; norm"
