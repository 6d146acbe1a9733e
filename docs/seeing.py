"""Draw docs/seeing.jpg: what trained runs say about pictures, side by side, each under the name of its system.

    .venv/bin/python docs/seeing.py RUN PICTURE [RUN PICTURE …]
"""
import sys
from pathlib import Path

from PIL import Image, ImageDraw

import deepen as dp
from deepen.engine.drawn import font

WIDE, HIGH, GAP, TITLE, ACROSS = 340, 300, 12, 26, 3


def panel(run: str, file: str) -> Image.Image:
    trained = dp.load(run)
    made = trained.predict(file).drawn(640)
    made.thumbnail((WIDE, HIGH))
    ground = Image.new("RGB", (WIDE, HIGH + TITLE), "white")
    ground.paste(made, ((WIDE - made.width) // 2, TITLE + (HIGH - made.height) // 2))
    ImageDraw.Draw(ground).text((4, 4), f"deepen train {trained.card()['system']}", "black", font(15))
    return ground


panels = [panel(run, file) for run, file in zip(sys.argv[1::2], sys.argv[2::2], strict=True)]
down = -(-len(panels) // ACROSS)
sheet = Image.new("RGB", (ACROSS * (WIDE + GAP) + GAP, down * (HIGH + TITLE + GAP) + GAP), "white")
for i, one in enumerate(panels):
    sheet.paste(one, (GAP + i % ACROSS * (WIDE + GAP), GAP + i // ACROSS * (HIGH + TITLE + GAP)))
sheet.save(Path(__file__).parent / "seeing.jpg", quality=88, optimize=True)
