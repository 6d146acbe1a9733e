"""A film comes back frame for frame, and fits where it must."""
import io

import pytest
import torch
from PIL import Image

from deepen.engine.animation import LEAST, REST, evenly, gif
from deepen.engine.charts import film


def opened(raw):
    return Image.open(io.BytesIO(raw))


def test_grey_frames_are_exact_and_the_last_one_rests():
    frames = [torch.randint(0, 256, (1, 9, 7), dtype=torch.uint8) for _ in range(5)]
    back = opened(gif(frames, 70))
    assert back.n_frames == 5 and back.info["loop"] == 0
    for place, frame in enumerate(frames):
        back.seek(place)
        assert list(back.convert("L").tobytes()) == frame.flatten().tolist()
        assert back.info["duration"] == (REST if place == 4 else 70)


def test_colours_stay_near():
    frames = [torch.zeros(3, 8, 8, dtype=torch.uint8) for _ in range(3)]
    for place, frame in enumerate(frames):
        frame[place] = 200
    back = opened(gif(frames))
    for place in range(3):
        back.seek(place)
        pixel = back.convert("RGB").getpixel((4, 4))
        assert all(abs(value - 200 * (i == place)) <= 8 for i, value in enumerate(pixel))


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_made_to_fit(channels):
    frames = [torch.randint(0, 256, (channels, 48, 48), dtype=torch.uint8) for _ in range(20)]
    assert len(gif(frames)) > 40_000
    small = gif(frames, most=30_000)
    back = opened(small)
    assert len(small) <= 30_000 and back.n_frames >= LEAST
    tiny = gif(frames, most=7_000)
    assert len(tiny) <= 7_000 and opened(tiny).n_frames == LEAST and opened(tiny).size[0] < 48
    back.seek(0)
    assert back.info["duration"] > 100, "fewer frames stand longer"


def test_even_steps_keep_both_ends():
    assert evenly(list(range(10)), 4) == [0, 3, 6, 9] and evenly([1, 2], 9) == [1, 2] and evenly([1, 2], 1) == [2]


def test_one_frame_is_a_film_too():
    assert opened(gif([torch.zeros(1, 4, 4, dtype=torch.uint8)])).n_frames == 1
    assert film([torch.zeros(1, 4, 4, dtype=torch.uint8)], "<a>").startswith('<img class="film" alt="&lt;a&gt;" style="width:360px"')
