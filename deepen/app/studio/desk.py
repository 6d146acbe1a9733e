"""The desk: one process beside the server that may import torch. It answers questions about models, one at a time.

A question is a line of JSON, so is its answer; pictures travel as PNG in base64. The server never blocks on it and never
trusts it to live: a desk that dies or takes too long is replaced, and the question gets a sentence.
"""
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from deepen.core.words import Failure, Problem, language, speak

PATIENCE = 120                      # seconds for one answer
LONGEST = 64 << 20                  # bytes of one answer


class Desk:
    """The server's side: `await desk.ask("runs.confusion", run=…)` calls `confusion(run=…)` in ask_runs.py."""

    def __init__(self) -> None:
        self.process: asyncio.subprocess.Process | None = None
        self.turn = asyncio.Lock()

    async def ask(self, do: str, **values: Any) -> Any:
        """The answer; `Problem` with the desk's sentence."""
        async with self.turn:
            process = await self._process()
            line = json.dumps({"do": do, "language": language(), "values": values}) + "\n"
            try:
                process.stdin.write(line.encode())                  # type: ignore[union-attr]
                await process.stdin.drain()                         # type: ignore[union-attr]
                answer = await asyncio.wait_for(process.stdout.readline(), PATIENCE)    # type: ignore[union-attr]
            except (TimeoutError, ConnectionError, ValueError) as error:
                await self.end()
                raise Failure("the answer took longer than {seconds} seconds and was given up", seconds=PATIENCE) from error
            if not answer:
                await self.end()
                raise Failure("the process that answers ended unexpectedly; ask again")
        told = json.loads(answer)
        if "problem" in told:
            raise Problem("{problem}", problem=told["problem"])
        return told["answer"]

    async def _process(self) -> asyncio.subprocess.Process:
        if self.process is None or self.process.returncode is not None:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "deepen.app.studio.desk", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                limit=LONGEST, env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")})
        return self.process

    async def end(self) -> None:
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        self.process = None


def desk_of(studio, name: str = "desk") -> Desk:
    """A desk of a studio; it begins with the first question. What must answer at once (the Designer's table) has one of
    its own, so that it never waits behind a long answer."""
    if name not in studio.parts:
        studio.parts[name] = Desk()
        studio.at_end.append(studio.parts[name].end)
    return studio.parts[name]


def main() -> None:
    """The desk's own side: lines in, lines out, until the server goes."""
    out, sys.stdout = sys.stdout, sys.stderr                        # what somebody prints must not stand between answers
    known: dict[str, Callable] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        speak(asked["language"])
        try:
            file, _, function = asked["do"].partition(".")
            if asked["do"] not in known:
                known[asked["do"]] = getattr(import_module(f"deepen.app.studio.ask_{file}"), function)
            told = {"answer": known[asked["do"]](**asked["values"])}
        except Problem as problem:
            told = {"problem": str(problem)}
        except Exception as error:                                  # the next question deserves an answer all the same
            import traceback
            traceback.print_exc()
            told = {"problem": f"{type(error).__name__}: {error}"}
        out.write(json.dumps(told, ensure_ascii=False) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
