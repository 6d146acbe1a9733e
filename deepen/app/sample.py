"""sample: what a system that makes things makes, as a sheet, a film, a way from one to another, or one file each."""
import json
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.core.recipe import Count, checked, convert, fields_of, pairs, unknown
from deepen.core.words import Failure, Problem, say
from deepen.sources._progress import show

SIDE, WIDE = 64, 2048           # least pixels of a picture on a sheet; widest sheet of enlarged ones
GIF = 12_000_000                # bytes of a film at most
SECONDS = 6                     # that a film takes
ROWS = 4                        # ways from one picture to another, where n is not said
DOES = {"film": "unfolds", "interpolate": "walk"}       # what one asks -> the system's method that answers


def sample(asked: Asked) -> int:
    """`deepen sample RUN [n=16] [film=true] [interpolate=8] [each=true] [key=value …] [--seed N] [--out FILE]`"""
    show(say("starting …"))
    from deepen.app.make import seed_of, trained
    run, system = trained(asked)
    words, seed = pairs(asked.words[1:]), seed_of(asked)
    ours = checked(wanted, {key: value for key, value in words.items() if key in fields_of(wanted)})
    told = dict(run=str(run.path), n=ours.get("n", 16), seed=seed)
    if ours.get("film") and not hasattr(system, "unfolds") and hasattr(system, "sample"):
        told |= _training(run, words, asked)
    else:
        does, own = _understood(run, system, ours, {key: value for key, value in words.items() if key not in fields_of(wanted)})
        told |= own
        from deepen.engine.fit import quiet
        with quiet(system), _waiting():
            made = _made(system, does, ours, {_written(system, does, key): value for key, value in own.items()}, seed)
        told |= _kept(made, run, ours, asked, seed)
    show()
    drawn = told.pop("sheet", None)
    screen = terminal.screen(asked.json)
    if screen.is_terminal and drawn is not None:
        for row in terminal.picture(drawn, min(screen.width - 4, 96), screen.color_system is not None):
            screen.print("  ", row, sep="")
    for text in told.get("texts", ()):
        terminal.tell(screen, text)
    screen.print(told.pop("sentence"))
    if asked.json:
        print(json.dumps(told, ensure_ascii=False))
    return 0


def wanted(n: Count = 16, film: bool = False, interpolate: Count = 1, each: bool = False) -> None:
    """What the command itself understands; all else goes to the system."""


def offers() -> list[tuple[str, str, str]]:
    """(name, a value, help) of what the command itself understands."""
    return [("n", "16", say("how many; with interpolate, all pictures of all rows")),
            ("film", "true", say("a GIF of how they come to be; where there is no such way, of what it made through training")),
            ("interpolate", "…", say("so many even steps on the way from one picture to another, a row each")),
            ("each", "true", say("one file for each picture (or give --out FOLDER/)"))]


def answers(word: str) -> list[tuple[str, str, str]]:
    """(name, default, help) of all that `sample` of this run can be asked; nothing is imported that learns."""
    from deepen.engine import find
    from deepen.engine.run import Run
    run = Run.open(word)
    name = run.asked()["asked"]["system"]
    known = find.systems()
    file = known[name].file if name in known else Path(name.partition(":")[0])
    own = find.asks(file, "sample") if file.is_file() else None
    if own is None:
        raise _cannot(Path(name).stem, "sample")
    general = [one for one in offers() if one[0] != "interpolate" or find.asks(file, "walk") is not None]
    return general + [(one.name, "…" if one.default in ("''", "None") else one.default.strip("'"), say(one.help) if one.help else "") for one in own]


def _understood(run, system, ours: dict, words: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """(the method that answers, the system's own options as their types); a `Problem` says what it cannot be asked."""
    name = Path(run.card()["system"]).stem
    if ours.get("film") and "interpolate" in ours:
        raise Problem("film and interpolate are two things; ask for one of them")
    if ours.get("film") and ours.get("each"):
        raise Problem("film and each are two things; ask for one of them")
    does = next((does for key, does in DOES.items() if ours.get(key)), "sample")
    for needed in ("sample", does):
        if not hasattr(system, needed):
            raise _cannot(name, needed)
    known = {key.rstrip("_"): field for key, field in fields_of(getattr(system, does)).items() if key not in ("count", "seed")}
    for key in words:
        if key not in known:
            raise _unknown(name, key, [*known, *fields_of(wanted)])
    return does, {key: convert(known[key], value, key) for key, value in words.items()}


def _written(system, does: str, key: str) -> str:
    """The name of the parameter that a person writes as `key`: `class_` for class."""
    return next(name for name in fields_of(getattr(system, does)) if name.rstrip("_") == key)


def _unknown(name: str, key: str, known: list[str]) -> Problem:
    """One sentence on an option that this system has not: the nearest that it has; or that another system has it."""
    from deepen.engine import find
    others = [other for other, entry in find.systems().items()
              if any(one.name == key for does in ("sample", *DOES.values()) for one in find.asks(entry.file, does) or ())]
    if others:
        return Problem("{system} cannot be asked for {key}={wanted}, as {others} can; it can be asked for: {names}", system=name, key=key,
                       wanted="…", others=", ".join(others), names=", ".join(known))
    return unknown("setting", key, known)


def _cannot(name: str, does: str) -> Problem:
    """One sentence on a system that has no such method, with those that have."""
    from deepen.engine import find
    others = ", ".join(other for other, entry in find.systems().items() if find.asks(entry.file, does) is not None) or "–"
    if does == "walk":
        return Problem("{system} knows no way from one picture to another, so it cannot interpolate; these do: {others}",
                       system=name, others=others)
    return Problem("{system} makes nothing new, so it has no samples; these do: {others}", system=name, others=others)


def _made(system, does: str, ours: dict, own: dict, seed: int):
    """What the system answers: pictures (N, C, H, W) or texts; of a film, its frames; of ways, all rows."""
    n = ours.get("n", 16)
    if does == "sample":
        return system.sample(n, seed=seed, **own)
    if does == "unfolds":
        return [frame.cpu() for frame in system.unfolds(n, seed=seed, **own)]
    import torch
    steps = ours["interpolate"]
    rows = max(1, round(n / steps)) if "n" in ours else ROWS
    return torch.cat([system.walk(steps, seed=seed + row, **own).cpu() for row in range(rows)])


def _kept(made, run, ours: dict, asked: Asked, seed: int) -> dict[str, Any]:
    """Write what was made; what is told of it, for programs and people."""
    from deepen.engine.shown import png, whole
    given = asked.text("out")
    folder = Path(given) if given and (given.endswith("/") or Path(given).is_dir()) else None
    if isinstance(made, list) and made and isinstance(made[0], str):
        return _texts(made, run, ours, folder, given, seed)
    if ours.get("film"):
        return _film([arranged(frame) for frame in made], run, asked, say("a film of {n} pictures coming to be: {file}",
                                                                         n=len(made[0]), file="{file}"))
    if len(made) == 0 or made.ndim != 4:
        raise Failure("the system made no pictures")
    sheet = arranged(made, ours.get("interpolate", 0))
    if ours.get("each") or folder is not None:
        folder = folder or Path(given or run.path / "shown" / "samples")
        width = max(3, len(str(len(made) - 1)))
        files = [whole(folder / f"{place:0{width}d}.png", png(one)) for place, one in enumerate(made)]
        return {"n": len(made), "folder": str(folder), "files": list(map(str, files)), "sheet": sheet, "sentence": say(
            "{n} pictures from seed {seed}, a file each: {folder}", n=len(made), seed=seed, folder=terminal.here(folder))}
    file = Path(given or run.path / "shown" / "samples.png")
    _write(sheet, file)
    sentence = say("{n} samples from seed {seed}: {file}", n=len(made), seed=seed, file=terminal.here(file))
    if len(made) < ours.get("n", 16):
        sentence = say("all that it makes, {n}, however many are asked for: {file}", n=len(made), file=terminal.here(file))
    if "interpolate" in ours:
        sentence = say("{rows} ways of {steps} steps from one picture to another: {file}", rows=len(made) // ours["interpolate"],
                       steps=ours["interpolate"], file=terminal.here(file))
    return {"n": len(made), "file": str(file), "sheet": sheet, "sentence": sentence}


def _texts(made: list[str], run, ours: dict, folder: Path | None, given: str | None, seed: int) -> dict[str, Any]:
    from deepen.engine.shown import whole
    told: dict[str, Any] = {"n": len(made), "texts": made}
    if ours.get("each") or folder is not None:
        folder = folder or Path(given or run.path / "shown" / "samples")
        files = [whole(folder / f"{place:03d}.txt", f"{text}\n".encode()) for place, text in enumerate(made)]
        return told | {"folder": str(folder), "files": list(map(str, files)), "sentence": say(
            "{n} texts from seed {seed}, a file each: {folder}", n=len(made), seed=seed, folder=terminal.here(folder))}
    file = whole(Path(given or run.path / "shown" / "samples.txt"), ("\n\n".join(made) + "\n").encode())
    return told | {"file": str(file), "sentence": say("{n} texts from seed {seed}: {file}", n=len(made), seed=seed,
                                                      file=terminal.here(file))}


def _training(run, words: dict[str, str], asked: Asked) -> dict[str, Any]:
    """The film of what was made at each judgement, for systems whose pictures come at one stroke."""
    from deepen.engine.shown import SEED, film
    name = Path(run.card()["system"]).stem
    extra = [key for key in words if key != "film"] + ["--seed"] * (asked.text("seed") is not None)
    if extra:
        raise Problem("the pictures of {system} come at one stroke, so film=true shows what it painted during training; that "
                      "takes no {extra}", system=name, extra=", ".join(extra))
    steps, sheets = film(run.path / "shown")
    if len(sheets) < 2:
        raise Problem("{run} painted nothing while it learned, so there is no film of it", run=run.name)
    return {"n": None, "seed": SEED, "steps": steps} | _film([arranged(sheet[None]) for sheet in sheets], run, asked, say(
        "what it made through training, step {first} to {last}: {file}", first=f"{steps[0]:,}", last=f"{steps[-1]:,}",
        file="{file}"))


def _film(sheets: list, run, asked: Asked, sentence: str) -> dict[str, Any]:
    from deepen.engine.animation import gif
    from deepen.engine.shown import whole
    given = asked.text("out") or ""
    if given.endswith("/") or (given and Path(given).is_dir()):
        given = str(Path(given) / "film.gif")
    if given and not given.lower().endswith(".gif"):
        raise Problem("a film is written as GIF, so {file} must end in .gif", file=given)
    show(say("writing the film …"))
    file = whole(Path(given or run.path / "shown" / "film.gif"), gif(sheets, 1000 * SECONDS // len(sheets), GIF))
    return {"file": str(file), "frames": len(sheets), "sheet": sheets[-1], "sentence": sentence.replace("{file}", terminal.here(file))}


@contextmanager
def _waiting() -> Iterator[None]:
    """A line with the seconds that pass while a system works at one stroke."""
    over, began, sentence = threading.Event(), time.monotonic(), say("at work for {seconds} s …", seconds="{seconds}")

    def tell():
        while not over.wait(1):
            show(sentence.replace("{seconds}", f"{time.monotonic() - began:.0f}"))
    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def arranged(pictures, across: int = 0):
    """Pictures uint8 (n, C, H, W) -> one sheet (C, height, width): `across` in a row (0: near square), one pixel of white
    between; small ones are enlarged to `SIDE` each, as far as the sheet stays within `WIDE`."""
    import torch
    n, channels, high, wide = pictures.shape
    across = min(n, across or math.ceil(math.sqrt(n)))
    down = math.ceil(n / across)
    times = max(1, min(math.ceil(SIDE / max(high, wide)), WIDE // (max(across * wide, down * high) or 1)))
    pictures = pictures.cpu().repeat_interleave(times, 2).repeat_interleave(times, 3)
    sheet = torch.full((channels, down * (high * times + 1) + 1, across * (wide * times + 1) + 1), 255, dtype=torch.uint8)
    for i, picture in enumerate(pictures):
        y, x = 1 + i // across * (high * times + 1), 1 + i % across * (wide * times + 1)
        sheet[:, y: y + high * times, x: x + wide * times] = picture
    return sheet


def _write(sheet, file: Path) -> None:
    from PIL import Image
    pixels = sheet[0] if len(sheet) == 1 else sheet.permute(1, 2, 0)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.contiguous().numpy()).save(file)
    except (OSError, ValueError) as error:
        raise Failure("{path} cannot be written: {reason}", path=file, reason=error) from None
