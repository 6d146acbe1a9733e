"""A painting of ours: a night sky of brush strokes that follow whirls. Drawn, so that style needs no picture from anybody."""
import numpy as np

WHIRLS = ((0.30, 0.34, 0.24), (0.62, 0.42, 0.16), (0.84, 0.20, 0.13), (0.12, 0.14, 0.09), (0.47, 0.10, 0.07))    # x, y, reach
NIGHT = ((12, 22, 66), (24, 58, 132), (52, 108, 178), (104, 164, 204), (182, 208, 206))
LIGHT = ((250, 236, 170), (246, 206, 84), (232, 158, 44))
LAND = ((14, 26, 34), (26, 50, 56), (44, 78, 62), (92, 110, 60))
LAYERS = ((0.075, 0.018, 2600), (0.05, 0.011, 5200), (0.03, 0.006, 5200))   # length, width, strokes: coarse ones first
JOINTS = 8                      # points of a stroke


def strokes(width: int = 640, height: int = 480, seed: int = 0):
    """The painting as a Pillow picture, RGB."""
    from PIL import Image, ImageDraw, ImageFilter
    draw = np.random.default_rng(seed)
    picture = Image.new("RGB", (2 * width, 2 * height), NIGHT[1])               # drawn at twice its size, then smoothed
    pen, scale, ratio = ImageDraw.Draw(picture), 2 * width, height / width
    for length, thick, count in LAYERS:
        x, y = draw.random((2, count)) * [[1.06], [1.06 * ratio]] - 0.03
        wide = np.maximum(2, np.rint(thick * scale * draw.uniform(0.7, 1.3, count))).astype(int)
        ways = np.rint(_ways(x, y, length / (JOINTS - 1), ratio) * scale).astype(int).reshape(count, -1)
        for way, colour, one in zip(ways.tolist(), _colours(x, y, ratio, draw).tolist(), wide.tolist(), strict=True):
            pen.line(way, tuple(colour), one, joint="curve")
    return picture.filter(ImageFilter.GaussianBlur(1)).resize((width, height), Image.Resampling.LANCZOS)


def _ways(x, y, step: float, ratio: float) -> np.ndarray:
    """Points along the flow from (x, y): (N, JOINTS, 2)."""
    points = []
    for _ in range(JOINTS):
        points.append(np.stack([x, y], 1))
        across, down = _flow(x, y, ratio)
        x, y = x + across * step, y + down * step
    return np.stack(points, 1)


def _flow(x, y, ratio: float):
    """The direction of the strokes: level, bent about the whirls; on the land along the hills."""
    across, down = np.ones_like(x), 0.35 * np.sin(7 * x + 2)
    for place, (a, b, reach) in enumerate(WHIRLS):
        dx, dy = x - a, y - b * ratio / 0.75
        pull = 7 * np.exp(-(dx * dx + dy * dy) / reach**2) / reach * (1 if place % 2 else -1)
        across, down = across - dy * pull, down + dx * pull
    land = y > _hill(x) * ratio
    across, down = np.where(land, 1.0, across), np.where(land, 0.5 * np.cos(9 * x), down)
    size = np.hypot(across, down) + 1e-9
    return across / size, down / size


def _hill(x):
    return 0.72 + 0.06 * np.sin(5 * x) + 0.03 * np.sin(13 * x + 1)


def _colours(x, y, ratio: float, draw: np.random.Generator) -> np.ndarray:
    """Of strokes (N,): rings of light and night about each whirl, land below; each a little other than its place. (N, 3)"""
    far = np.stack([np.hypot(x - a, y - b * ratio / 0.75) / reach for a, b, reach in WHIRLS])       # (whirls, N)
    glow = np.exp(-((far / 0.42) ** 2)).max(0) > draw.uniform(0.35, 0.75, len(x))
    ring = (np.cos(9 * far) * np.exp(-(far**2))).sum(0)
    sky = np.clip(0.38 + 0.3 * ring + 0.16 * np.sin(17 * y + 6 * x) + draw.normal(0, 0.14, len(x)), 0, 1)
    night, light, land = _among(NIGHT, sky), _among(LIGHT, draw.random(len(x))), _among(LAND, draw.beta(1.2, 2.2, len(x)))
    mixed = np.where((y > _hill(x) * ratio)[:, None], land, np.where(glow[:, None], light, night))
    return np.clip(mixed + draw.normal(0, 7, mixed.shape), 0, 255).astype(int)


def _among(colours, where) -> np.ndarray:
    """Colours (N, 3) at places 0…1 along a row of them."""
    row = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(where, row, channel) for channel in np.array(colours).T], 1)
