"""sample, play and nearest: look at what a trained system makes, how it acts, what lies beside what."""
import json
import math
import time
from pathlib import Path

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.core.recipe import Count, checked, pairs
from deepen.core.words import Failure, Problem, say
from deepen.sources._progress import show

SIDE, FRAME = 64, 0.02          # least pixels of a picture on a sheet; seconds between frames


def sample(asked: Asked) -> int:
    """`deepen sample RUN [n=16] [--seed N] [--out FILE.png]`: one sheet of pictures it has made."""
    def wanted(n: Count = 16):
        return n
    show(say("starting …"))
    run, system = _trained(asked)
    if not hasattr(system, "sample"):
        raise Problem("{system} makes nothing new, so it has no samples; these do: {others}", **_others(run, "sample"))
    n, seed = wanted(**checked(wanted, pairs(asked.words[1:]))), _seed(asked)
    from deepen.engine.fit import quiet
    with quiet(system):
        pictures = system.sample(n, seed)                                   # uint8 (n, C, H, W)
    file = Path(asked.text("out") or run.path / "shown" / "samples.png")
    sheet = arranged(pictures)
    _write(sheet, file)
    show()
    screen = terminal.screen(asked.json)
    if screen.is_terminal:
        for row in terminal.picture(sheet, min(screen.width - 4, 96), screen.color_system is not None):
            screen.print("  ", row, sep="")
    screen.print(say("{n} samples from seed {seed}: {file}", n=n, seed=seed, file=terminal.here(file)))
    if asked.json:
        print(json.dumps({"run": str(run.path), "file": str(file), "n": n, "seed": seed}, ensure_ascii=False))
    return 0


def play(asked: Asked) -> int:
    """`deepen play RUN [episodes=1] [--seed N] [--quiet]`: it acts, greedily, while you look."""
    def wanted(episodes: Count = 1):
        return episodes
    show(say("starting …"))
    run, system = _trained(asked, with_data=True)
    if not hasattr(system, "play"):
        raise Problem("{system} does not act in a world, so it cannot play; these do: {others}", **_others(run, "play"))
    episodes, seed = wanted(**checked(wanted, pairs(asked.words[1:]))), _seed(asked)
    from deepen.engine.fit import quiet
    show()
    screen = terminal.screen(asked.json)
    moving = screen.is_terminal and not asked.quiet
    world, returns = system.data.world(1, seed).to(system.device), []
    for episode in range(episodes):
        earned, moves, high = 0.0, 0, 0
        with quiet(system):
            for seen, action, reward in system.play(world, seed + episode):
                earned, moves = earned + float(reward[0]), moves + 1
                if moving:
                    frame = world.show(seen[0]) + "\n" + say("move {moves} · {action} · return {earned}", moves=moves,
                                                             action=system.data.target.show(action[0]), earned=f"{earned:g}")
                    screen.file.write(f"\x1b[{high}A\x1b[J" * (high > 0) + frame + "\n")
                    screen.file.flush()
                    high = frame.count("\n") + 1
                    time.sleep(FRAME)
        returns.append(earned)
        screen.print(say("episode {number}: return {earned} in {moves} moves", number=episode + 1, earned=f"{earned:g}",
                         moves=moves))
    mean = sum(returns) / len(returns)
    if episodes > 1:
        screen.print(say("mean return of {episodes} episodes: {mean}", episodes=episodes, mean=f"{mean:.4g}"))
    if asked.json:
        print(json.dumps({"run": str(run.path), "return": mean, "returns": returns, "seed": seed}, ensure_ascii=False))
    return 0


def nearest(asked: Asked) -> int:
    """`deepen nearest RUN WORD …`: what a system that embeds puts beside each word."""
    run, system = _trained(asked)
    if not hasattr(system, "nearest"):
        raise Problem("{system} does not embed words, so nothing is near another; these do: {others}",
                      **_others(run, "nearest"))
    screen = terminal.screen(asked.json)
    for word in asked.words[1:]:
        found = system.nearest(word)                                        # [(word, cosine), …]
        if asked.json:
            print(json.dumps({"word": word, "nearest": found}, ensure_ascii=False))
        else:
            screen.print(f"  {word}   " + "   ".join(f"{other} {share:.2f}" for other, share in found))
    return 0


def arranged(pictures):
    """Pictures uint8 (n, C, H, W) -> one sheet (C, height, width): near square, one pixel of white between, no smaller
    than `SIDE` each."""
    import torch
    n, channels, high, wide = pictures.shape
    times = max(1, math.ceil(SIDE / max(high, wide)))
    pictures = pictures.cpu().repeat_interleave(times, 2).repeat_interleave(times, 3)
    across = math.ceil(math.sqrt(n))
    down = math.ceil(n / across)
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


def _trained(asked: Asked, with_data: bool = False):
    """(run, its trained system)."""
    from deepen.engine.run import Run
    from deepen.engine.validate import with_data as opened
    run = Run.open(asked.words[0])
    return run, opened(run) if with_data else run.system()


def _others(run, does: str) -> dict[str, str]:
    """What a person is told whose system cannot do this: its name, and the systems that can."""
    from deepen.engine import find
    able = [name for name in find.systems() if hasattr(find.system(name), does)]
    return {"system": Path(run.card()["system"]).stem, "others": ", ".join(able) or "–"}


def _seed(asked: Asked) -> int:
    from deepen.core.recipe import convert, fields_of
    from deepen.engine.fit import Flags
    return convert(fields_of(Flags)["seed"], asked.text("seed") or 0, "--seed")
