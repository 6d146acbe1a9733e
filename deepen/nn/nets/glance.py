"""A small network for regions cut out of a picture, the default of `rcnn`."""


def glance(kind, classes: int | None = None, width: float = 1.0) -> str:
    """Three convolutions with batch norm and pools, and a dense layer that still knows where in the region things lie.

    `width` multiplies the channels.
    """
    c32, c64, c96, c256 = (max(1, round(width * n)) for n in (32, 64, 96, 256))
    return f"""
        conv {c32} 3 bias=no; norm; relu; pool 2
        conv {c64} 3 bias=no; norm; relu; pool 2
        conv {c96} 3 bias=no; norm; relu; pool 2
        dense {c256}; relu; dense classes
    """
