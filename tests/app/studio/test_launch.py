"""Training asked from a browser: it becomes a run under the runs that are shown, one after another, and stops with the server."""
import asyncio

import pytest

from deepen.app.studio.launch import Queue
from deepen.app.studio.server import Studio
from deepen.core.words import Problem
from deepen.engine.run import runs


async def until(met, seconds=60):
    for _ in range(int(seconds / 0.05)):
        if met():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("waited in vain")


def test_two_trainings_one_after_another(tmp_path):
    async def act():
        queue = Queue(Studio(tmp_path / "shown"))
        assert await queue.put("iris", {"learner": "logistic"}) == {"waiting": 0}
        assert await queue.put("iris", {"learner": "nothing"}) == {"waiting": 1}
        await until(lambda: not queue.line)
        assert "nothing" in queue.told()["problem"]
        await queue.end()
    asyncio.run(act())
    made = runs(tmp_path / "shown")
    assert [run.name for run in made] == ["iris-studio-0001"] and made[0].finished()


def test_the_line_is_short(tmp_path):
    async def act():
        queue = Queue(Studio(tmp_path / "shown"))
        for _ in range(Queue.LONGEST):
            await queue.put("digits", {"epochs": "500"})
        with pytest.raises(Problem, match="waiting already"):
            await queue.put("digits", {})
        await until(lambda: queue.process is not None)
        await queue.end()
        assert queue.process.returncode is not None and not queue.line
    asyncio.run(act())
