"""A Studio with a browser in front of it: Debian's chromium, driven by Playwright. Without one these tests skip."""
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
                 if (path := shutil.which(name))), None)


@dataclass
class Window:
    """A running Studio: its address without and with the key, the folder it works in, and its process."""
    base: str
    url: str
    folder: Path
    process: subprocess.Popen


def open_studio(folder: Path, *words: str) -> Window:
    process = subprocess.Popen([sys.executable, "-m", "deepen", "studio", "--port", "0", "--no-browser", *words], cwd=folder,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env={**os.environ, "OMP_NUM_THREADS": "1"})
    url = process.stdout.readline().strip()
    assert url.startswith("http://127.0.0.1:"), url
    return Window(url.split("/?token=")[0], url, folder, process)


@pytest.fixture(scope="module")
def chromium():
    """A browser. Of a module, not of the session: while Playwright runs, no other test of this process can use asyncio."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def window(tmp_path_factory):
    """One Studio for the session, with a finished run of digits and one of iris."""
    folder = tmp_path_factory.mktemp("studio")
    for words in (["digits", "epochs=2"], ["iris", "learner=logistic"]):
        subprocess.run([sys.executable, "-m", "deepen", "train", *words, "--quiet"], cwd=folder, check=True,
                       capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    opened = open_studio(folder)
    yield opened
    opened.process.terminate()
    assert opened.process.wait(10) == 0


@pytest.fixture(scope="session")
def another(window):
    """another(*words): one more Studio in the same folder; who opens it ends it."""
    return lambda *words: open_studio(window.folder, *words)


@pytest.fixture(scope="session")
def studio_in():
    """studio_in(folder, *words): a Studio in a folder of its own; who opens it ends it."""
    return open_studio


@contextmanager
def looked_at(chromium, window):
    """A page with the key in its cookie. What the console or a script complains of, and requests elsewhere, fail the test."""
    context = chromium.new_context(viewport={"width": 1360, "height": 850})
    one, wrong = context.new_page(), []
    one.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    one.on("pageerror", lambda error: wrong.append(str(error)))
    one.on("request", lambda asked: None if asked.url.startswith((window.base, "data:", "blob:"))
           else wrong.append(f"asked {asked.url}"))
    one.goto(window.url)
    one.wait_for_selector("header nav")
    one.wrong = wrong
    yield one
    context.close()
    assert wrong == []


@pytest.fixture
def page(chromium, window):
    """A page of the session's Studio."""
    with looked_at(chromium, window) as one:
        yield one


@pytest.fixture
def page_of(chromium):
    """page_of(window): a page of another Studio, as a context."""
    return partial(looked_at, chromium)
