"""Draw docs/making.jpg: what trained runs make, side by side, each under the name of its system.

    .venv/bin/python docs/making.py RUN [RUN …]

A run with one picture to show (style) shows it; others a sheet of 8 × 8 samples of seed 0, none chosen.
"""
import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw

import deepen as dp
from deepen.engine.charts import grid
from deepen.engine.drawn import font

SIDE, GAP, TITLE, ACROSS = 300, 12, 26, 4


def panel(run: str) -> Image.Image:
    trained = dp.load(run)
    with torch.no_grad():
        made = trained.system().sample(64, seed=0)
    sheet = grid(made.cpu()).numpy()
    picture = Image.fromarray(sheet[0] if len(sheet) == 1 else sheet.transpose(1, 2, 0)).convert("RGB")
    times = SIDE / max(picture.size)
    picture = picture.resize([round(side * times) for side in picture.size], Image.Resampling.LANCZOS)
    ground = Image.new("RGB", (SIDE, SIDE + TITLE), "white")
    ground.paste(picture, ((SIDE - picture.width) // 2, TITLE + (SIDE - picture.height) // 2))
    source = trained.asked()["data"].get("source", "…")
    ImageDraw.Draw(ground).text((4, 4), f"deepen train {trained.card()['system']} data={source}", "black", font(14))
    return ground


panels = [panel(run) for run in sys.argv[1:]]
down = -(-len(panels) // ACROSS)
sheet = Image.new("RGB", (ACROSS * (SIDE + GAP) + GAP, down * (SIDE + TITLE + GAP) + GAP), "white")
for i, one in enumerate(panels):
    sheet.paste(one, (GAP + i % ACROSS * (SIDE + GAP), GAP + i // ACROSS * (SIDE + TITLE + GAP)))
sheet.save(Path(__file__).parent / "making.jpg", quality=88, optimize=True)
