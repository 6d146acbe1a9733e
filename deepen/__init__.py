"""deepen: the deep-learning textbook as one working system.

    import deepen as dp
    run = dp.train("digits")
    run.worst(9)
    run.predict("my-digit.png")
"""
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepen.engine.run import Run

__version__ = "0.1.0"
__all__ = ["load", "resume", "train"]


def train(what: str, *, device: str = "auto", precision: str = "auto", seed: int = 0, minutes: float | None = None,
          out: str | Path | None = None, keep: str = "best", eval_every: int | None = None, patience: int | None = None,
          **settings) -> "Run":
    """Train a system, a source or a path; settings are the recipe (`lr=0.01`) and the data's (`data_size=28` for
    `data.size`). Returns the finished run."""
    from deepen.core.recipe import checked
    from deepen.engine.fit import Flags
    from deepen.engine.start import start
    named = {"data." + key.removeprefix("data_") if key.startswith("data_") else key: value
             for key, value in settings.items()}
    flags = {"device": device, "precision": precision, "seed": seed, "minutes": minutes, "keep": keep,
             "eval_every": eval_every, "patience": patience}
    return start(what, named, Flags(**checked(Flags, flags)), out)


def load(path: str | Path) -> "Run":
    """A run by its folder, its name, or its number."""
    from deepen.engine.run import Run
    return Run.open(path)


def resume(path: str | Path) -> "Run":
    """Go on with a run that was stopped."""
    from deepen.engine.start import resume
    return resume(load(path))


def _keep_pages() -> None:
    """Tell glibc to keep freed pages: a training step frees and takes the same megabytes again, and giving them back
    to the kernel costs a page fault each time (measured: 27 against 15 ms a step). Works only before torch is
    imported; does nothing on other systems."""
    if sys.platform == "linux" and "torch" not in sys.modules:
        import ctypes
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(-3, 32 << 20)       # M_MMAP_THRESHOLD: its maximum
            mallopt(-1, 2**31 - 1)      # M_TRIM_THRESHOLD: never trim
            mallopt(-2, 64 << 20)       # M_TOP_PAD


_keep_pages()
