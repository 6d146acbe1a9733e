"""Draw docs/train.svg: what `deepen train digits` really shows, taken from a terminal of our own making.

    python docs/picture.py [FILE.svg] [COMMAND …]
"""
import fcntl
import os
import pty
import re
import shlex
import struct
import sys
import tempfile
import termios
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS, LINES = 92, 60
MOVES = re.compile(r"\x1b\[(\d*)([A-HJKfhl])|\x1b\[\?\d+[hl]|\r\n|\r|\n|\x1b\[[\d;]*m|[^\x1b\r\n]+|\x1b.")


def seen(command: list[str]) -> list[str]:
    """Run a command in a pseudo terminal; the lines that stand there at its end, with their colours."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tempfile.mkdtemp())
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", COLUMNS=str(COLUMNS), LINES=str(LINES))
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    told = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:                             # Linux says so when the other end is closed
            break
        if not part:
            break
        told += part
    os.waitpid(child, 0)
    return screen(told.decode("utf-8", "replace"))


def screen(told: str) -> list[str]:
    """The lines left on the screen by text in which the cursor goes up and lines are wiped."""
    lines, row = [""], 0
    for match in MOVES.finditer(told):
        part, count = match[0], int(match[1] or 1)
        if part == "\n" or part == "\r\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif match[2] == "A":
            row = max(0, row - count)
        elif match[2] == "K":
            lines[row] = ""
        elif match[2] is None and part != "\r" and (part[0] != "\x1b" or part.endswith("m")):
            lines[row] += part
    return [line.rstrip() for line in lines]


def main() -> None:
    file = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("train.svg"))
    command = sys.argv[2:] or ["deepen", "train", "digits", "goal=accuracy:0.99"]
    lines = seen([sys.executable, "-m", *command])
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor", highlight=False)
    console.print(Text.assemble(("$ ", "green"), (shlex.join(command), "bold")))
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="deepen"), flags=re.DOTALL)    # no web fonts
    file.write_text(drawn, encoding="utf-8")
    print(file)


if __name__ == "__main__":
    main()
