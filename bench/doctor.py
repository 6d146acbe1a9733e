"""How fast, how sure and how safe the doctor of pictures is, on real photos of $DEEPEN_DATA made small.

    .venv/bin/python bench/doctor.py [speed] [copies] [bombs]
"""
import contextlib
import gc
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))
DATA = Path(os.environ["DEEPEN_DATA"])
SETS = {"hymenoptera": "hymenoptera/*/*/*.jpg", "flickr8k": "captions-flickr8k-1000/images/*.jpg",
        "coco128": "detection-coco128/**/*.jpg", "bccd": "detection-bccd/**/*.jpg", "pennfudan": "detection-pennfudan/JPEGImages/*"}
SAMPLE = 100            # photos of a set that are transformed


def photos(names=SETS) -> list[Path]:
    return [file for name in names for file in sorted(DATA.glob(SETS[name]))]


def told(claim, ours, peer, name, unit, runs, spread, ratio=None):
    print(json.dumps({"claim": claim, "ours": ours, "peer": peer, "peer_name": name,
                      "ratio": round(ours / peer if ratio is None else ratio, 3), "unit": unit, "runs": runs, "spread": spread}), flush=True)


def made(folder: Path, side: int, count: int) -> None:
    """`count` photos of a longer side of `side` pixels, in four classes: real photos, some of them mirrored or turned."""
    from PIL import Image, ImageOps
    files = photos(("hymenoptera", "flickr8k", "coco128"))
    for at in range(count):
        picture = Image.open(files[at % len(files)]).convert("RGB")
        picture = ImageOps.contain(picture, (side, side))
        turn = at // len(files)
        picture = ImageOps.mirror(picture) if turn % 2 else picture
        picture = picture.transpose(Image.Transpose.ROTATE_90) if turn // 2 else picture
        place = folder / f"class{at % 4}"
        place.mkdir(parents=True, exist_ok=True)
        picture.save(place / f"{at:05}.jpg", quality=90)


def speed() -> None:
    from deepen.engine.check import check
    for side, count, goal in ((128, 6000, 1500), (500, 1500, 300)):
        with tempfile.TemporaryDirectory() as folder:
            made(Path(folder) / "data", side, count)
            time.sleep(2.1)         # a file younger than two seconds is not known by its place
            first, second, effort = [], [], []
            for turn in range(3):
                os.environ["DEEPEN_CACHE"] = f"{folder}/cache{turn}"
                for walls in (first, second):
                    gc.collect()            # what bench left behind is not the doctor's
                    began, used = time.perf_counter(), time.process_time()
                    found = check(f"{folder}/data")
                    walls.append(time.perf_counter() - began)
                    effort.append(time.process_time() - used)
                    assert found.summary["readable"] == count
        rates = [count / wall for wall in first]
        told(f"check of {count} photos of {side} px, the first time", round(statistics.median(rates)), goal, "goal", "photos/s", 3,
             [round(min(rates)), round(max(rates))])
        rates = [count / used for used in effort[::2]]
        told(f"check of {count} photos of {side} px, the first time, a second of one core", round(statistics.median(rates)), goal / 2,
             "half the goal for two cores", "photos/s", 3, [round(min(rates)), round(max(rates))])
        gains = [before / after for before, after in zip(first, second, strict=True)]
        told(f"check of {count} photos of {side} px, the second time", round(statistics.median(gains), 1), 10, "goal", "times faster", 3,
             [round(min(gains), 1), round(max(gains), 1)])


def changes():
    """name -> a change of a picture that leaves it the same to an eye."""
    from PIL import Image, ImageChops, ImageEnhance

    def jpeg(picture, quality):
        raw = io.BytesIO()
        picture.save(raw, "JPEG", quality=quality)
        return Image.open(raw)

    def webp(picture):
        raw = io.BytesIO()
        picture.save(raw, "WEBP", quality=50)
        return Image.open(raw)

    def bright(picture, factor):
        return ImageEnhance.Brightness(picture).enhance(factor)

    def cut(picture, by):
        return picture.crop((by, by, picture.width, picture.height))

    def scaled(picture, by):
        return picture.resize((round(picture.width * by), round(picture.height * by)), Image.Resampling.BICUBIC)

    return {"half the size": lambda picture: scaled(picture, 0.5), "a quarter of the size": lambda picture: scaled(picture, 0.25),
            "twice the size": lambda picture: scaled(picture, 2), "square of 64": lambda picture: picture.resize((64, 64)),
            "JPEG of quality 30": lambda picture: jpeg(picture, 30), "JPEG of quality 10": lambda picture: jpeg(picture, 10),
            "WebP of quality 50": webp, "shifted by 1 pixel": lambda picture: ImageChops.offset(picture, 1, 1),
            "cut by 2 pixels": lambda picture: cut(picture, 2), "brighter by 0.3": lambda picture: bright(picture, 1.3),
            "darker by 0.3": lambda picture: bright(picture, 0.7), "contrast 1.3": lambda picture: ImageEnhance.Contrast(picture).enhance(1.3),
            "grey": lambda picture: picture.convert("L"),
            "all at once": lambda picture: jpeg(bright(scaled(cut(picture, 1), 0.67), 1.2), 50)}


def copies() -> None:
    """Each changed photo among all originals: is it found with its own, and only with its own?"""
    import numpy as np
    from PIL import Image

    from deepen.sources._copies import PRINT, alike, fingerprint
    from deepen.sources._looked import look

    def prints(pictures):
        return np.frombuffer(b"".join(map(fingerprint, pictures)), np.uint8).reshape(-1, PRINT)

    files = photos()
    rows: dict[str, list[int]] = {}
    for name in SETS:
        start = sum(map(len, rows.values()))
        rows[name] = list(range(start, start + len(photos([name]))))
    opened = (Image.open(file).convert("RGB") for file in files)
    own = prints(opened)
    alarms = {row for group in alike(own) for row in group}
    for name in SETS:
        mine = rows[name]
        share = len(alarms & set(mine)) / len(mine)
        told(f"false alarms of near copies among {len(mine)} photos of {name} (in {len(files)})", round(share, 4), 0.01, "limit", "share", 1,
             [round(share, 4)] * 2)
    found = {}
    for change, make in changes().items():
        shares = []
        for name in SETS:
            mine = rows[name]
            some = mine[::max(1, len(mine) // SAMPLE)][:SAMPLE]
            changed = prints(make(Image.open(files[row]).convert("RGB")) for row in some)
            groups = alike(np.concatenate([own, changed]))
            of = {row: number for number, group in enumerate(groups) for row in group}
            shares.append(statistics.mean(of.get(row, -1) == of.get(len(own) + at, -2) for at, row in enumerate(some)))
        found[change] = statistics.mean(shares)
        told(f"near copies found: {change}", round(found[change], 4), 0.95, "goal", "share", len(SETS), [round(min(shares), 4), round(max(shares), 4)])
    mean = statistics.mean(found.values())
    told("near copies found: mean of all changes", round(mean, 4), 0.95, "goal", "share", len(found),
         [round(min(found.values()), 4), round(max(found.values()), 4)])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DEEPEN_CACHE"] = f"{folder}/cache"
        pairs = []
        for at, file in enumerate(files[::10]):
            (Path(folder) / f"{at}-a.jpg").write_bytes(file.read_bytes())
            if at % 2:
                Image.open(file).save(Path(folder) / f"{at}-b.png")         # the same pixels in another form
            else:
                (Path(folder) / f"{at}-b.jpg").write_bytes(file.read_bytes())
            pairs.append((Path(folder) / f"{at}-a.jpg", next(Path(folder).glob(f"{at}-b.*"))))
        keys = look([file for pair in pairs for file in pair]).pixels()
        share = statistics.mean(keys[2 * at] == keys[2 * at + 1] for at in range(len(pairs)))
        told("exact copies found (the same bytes, or the same pixels as PNG)", share, 1, "goal", "share", len(pairs), [share, share])
    many = np.random.default_rng(0).integers(0, 256, (100_000, PRINT), dtype=np.uint8)
    many[50_000:60_000] = many[:10_000]
    began = time.perf_counter()
    assert len(alike(many)) == 10_000
    wall = time.perf_counter() - began
    told("copies among 100,000 pictures, their prints known", round(wall, 2), 60, "limit", "s", 1, [round(wall, 2)] * 2)


def bombs() -> None:
    code = ("import sys, time, resource; from pathlib import Path; from deepen.sources._looked import look\n"
            "look([Path(sys.argv[1])])\n"                       # a good picture first: modules, decoders, the cache
            "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; began = time.perf_counter()\n"
            "found = look([Path(sys.argv[2])])\n"
            "print(1000 * (time.perf_counter() - began), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,"
            " found.problem(0) != '')")
    good = photos(("hymenoptera",))[0]
    for bomb in sorted((DATA / "nasty" / "image-bombs").glob("*.png")):
        tries = []
        for _ in range(5):
            with tempfile.TemporaryDirectory() as folder:
                out = subprocess.run([sys.executable, "-c", code, str(good), str(bomb)], capture_output=True, text=True, check=True,
                                     env={**os.environ, "DEEPEN_CACHE": folder}).stdout.split()
                assert out[2] == "True"
                tries.append((float(out[0]), float(out[1])))
        for at, (unit, what) in enumerate((("ms", "time"), ("MB", "memory"))):
            values = [one[at] for one in tries]
            told(f"{bomb.name} refused: {what}", round(statistics.median(values), 2), 50, "limit", unit, 5,
                 [round(min(values), 2), round(max(values), 2)])


if __name__ == "__main__":
    parts = {"speed": speed, "copies": copies, "bombs": bombs}
    with contextlib.suppress(BrokenPipeError):
        for part in sys.argv[1:] or parts:
            parts[part]()
