"""A maker leaves a picture at every judgement, of the same noise; what it learns stays what it was."""
import numpy as np
import torch
from PIL import Image

from deepen.engine.shown import COUNTS
from deepen.engine.start import start

MAKER = '''
"""A maker whose pictures follow its one weight."""
from dataclasses import dataclass
import torch
from torch import nn
from deepen.core.kinds import Image
from deepen.core.system import System

@dataclass
class Maker(System):
    """Paints one level of grey with noise on it."""
    goal = (Image, Image)
    default_data = "stripes"
    score = "loss"
    turns: int = 20     # steps

    def build(self, data):
        self.model, self.made = self.place(nn.Linear(1, 1)), 0

    planned = property(lambda self: self.turns)

    def steps(self):
        while self.made < self.turns:
            self.made += 1
            with torch.no_grad():
                self.model.weight.fill_(self.made / self.turns + 0.01 * torch.rand(()))
            yield {"loss": 1 / self.made}

    def evaluate(self, split="valid"):
        return {"loss": 1 - float(self.model.weight)}

    def sample(self, count, seed=0):
        torch.manual_seed(seed)                         # fit fences the random numbers that are drawn here
        return (torch.rand(count, 1, 8, 8) * self.model.weight.item() * 255).to(torch.uint8)
'''


def test_the_same_noise_through_training(tmp_path):
    (tmp_path / "mine.py").write_text(MAKER)
    run = start(str(tmp_path / "mine.py"), {}, out=tmp_path / "one")
    files = sorted((run.path / "shown").glob("samples-*.png"))
    steps = [event.step for event in run.events() if event.event == "evaluated"]
    assert [int(file.stem.partition("-")[2]) for file in files] == steps and len(files) == 10
    sheets = [np.asarray(Image.open(file)) for file in files]
    assert all(sheet.shape == (6 * 9 - 1, 6 * 9 - 1) for sheet in sheets) and COUNTS[0] == 36        # 8×8 pictures, one pixel apart
    assert np.corrcoef(sheets[0].ravel(), sheets[-1].ravel())[0, 1] > 0.95 and sheets[-1].mean() > 5 * sheets[0].mean()
    again = start(str(tmp_path / "mine.py"), {}, out=tmp_path / "two")
    assert (again.path / "shown" / files[-1].name).read_bytes() == files[-1].read_bytes()
    assert not list((run.path / "shown").glob(".*"))


def test_painting_changes_nothing_that_is_learned(tmp_path):
    (tmp_path / "mine.py").write_text(MAKER)
    (tmp_path / "shy.py").write_text(MAKER.partition("    def sample")[0])
    paints, shy = (start(str(tmp_path / f"{name}.py"), {}, out=tmp_path / name) for name in ("mine", "shy"))
    assert torch.equal(paints.system().model.weight, shy.system().model.weight) and not (shy.path / "shown").exists()
