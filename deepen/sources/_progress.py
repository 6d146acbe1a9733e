"""One line of progress on a terminal; nothing where nobody looks."""
import sys


def show(line: str = "") -> None:
    """Replace the line of progress by `line`; an empty one wipes it."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()
