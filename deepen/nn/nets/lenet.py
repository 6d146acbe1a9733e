"""LeNet-5, the first convolutional network at work."""


def lenet(kind, classes: int | None = None, width: float = 1.0) -> str:
    """Two 5x5 convolutions with mean pools, three dense layers: 61,706 parameters on 28x28 grey pictures and
    10 classes.

    LeCun et al. 1998, section II.B, with every map of the second convolution joined to all of the first and a
    plain dense layer at the end. `width` multiplies the sizes.
    """
    c6, c16, c120, c84 = (max(1, round(width * n)) for n in (6, 16, 120, 84))
    return f"""
        conv {c6} 5; tanh; meanpool 2
        conv {c16} 5 pad=0; tanh; meanpool 2
        dense {c120}; tanh
        dense {c84}; tanh
        dense classes
    """
