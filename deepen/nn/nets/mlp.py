"""The multi-layer perceptron."""


def mlp(kind, classes: int | None = None, width: float = 1.0, depth: int = 2, drop: float = 0.0) -> str:
    """`depth` hidden layers of 100 * `width` units with relu, `drop` of them left out while learning."""
    hidden = f"dense {max(1, round(100 * width))}; relu; " + f"dropout {drop}; " * (drop > 0)
    return hidden * depth + "dense classes"
