"""A maker leaves a picture at every judgement, of the same noise; what it learns stays what it was."""
import numpy as np
from PIL import Image

from deepen.engine.shown import COUNT
from deepen.engine.start import start


def test_the_same_noise_through_training(tmp_path):
    run = start("dcgan", {"epochs": "0.3"}, root=tmp_path)
    files = sorted((run.path / "shown").glob("samples-*.png"))
    steps = [event.step for event in run.events() if event.event == "evaluated"]
    assert [int(file.stem.partition("-")[2]) for file in files] == steps and len(files) >= 2
    sheets = [np.asarray(Image.open(file)) for file in files]
    assert all(sheet.shape == (6 * 9 - 1, 6 * 9 - 1) for sheet in sheets) and COUNT == 36        # 8×8 digits, one pixel apart
    assert (sheets[0] != sheets[-1]).any()
    again = start("dcgan", {"epochs": "0.3"}, root=tmp_path)
    assert (again.path / "shown" / files[-1].name).read_bytes() == files[-1].read_bytes()
    assert not list((run.path / "shown").glob(".*"))
