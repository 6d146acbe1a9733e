"""play and nearest: look at how a trained system acts, what lies beside what."""
import json
import time
from pathlib import Path

from deepen.app import terminal
from deepen.app.commands import Asked
from deepen.core.recipe import Count, checked, pairs
from deepen.core.words import Problem, say
from deepen.sources._progress import show

FRAME = 0.02            # seconds between frames


def play(asked: Asked) -> int:
    """`deepen play RUN [episodes=1] [--seed N] [--quiet]`: it acts, greedily, while you look."""
    def wanted(episodes: Count = 1):
        return episodes
    show(say("starting …"))
    run, system = trained(asked, with_data=True)
    if not hasattr(system, "play"):
        raise Problem("{system} does not act in a world, so it cannot play; these do: {others}", **_others(run, "play"))
    episodes, seed = wanted(**checked(wanted, pairs(asked.words[1:]))), seed_of(asked)
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
    run, system = trained(asked)
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


def trained(asked: Asked, with_data: bool = False):
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


def seed_of(asked: Asked) -> int:
    from deepen.core.recipe import convert, fields_of
    from deepen.engine.fit import Flags
    return convert(fields_of(Flags)["seed"], asked.text("seed") or 0, "--seed")
