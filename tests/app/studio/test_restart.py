"""A Studio that is started again on its port knows its owner: the same key, kept where nobody else reads it."""
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest


def free():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(port, runs="runs"):
        process = subprocess.Popen([sys.executable, "-m", "deepen", "studio", "--port", str(port), "--no-browser", "--runs", runs],
                                   cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   env={**os.environ, "DEEPEN_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"})
        started.append(process)
        return process, process.stdout.readline().strip()
    yield begin
    for process in started:
        process.kill()
        process.wait()


def status(url, cookie=""):
    for _ in range(100):
        try:
            return urllib.request.urlopen(urllib.request.Request(url, headers={"cookie": cookie}), timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(url)


def test_the_same_key_after_a_restart_and_an_end_within_five_seconds(start, tmp_path):
    port = free()
    first, url = start(port)
    key = url.split("token=")[1]
    assert status(url) == 200 and status(f"http://127.0.0.1:{port}/api/hello", f"deepen-{port}={key}") == 200
    began = time.monotonic()
    first.send_signal(signal.SIGTERM)
    assert first.wait(10) == 0 and time.monotonic() - began < 5
    file, = (tmp_path / "cache" / "studio").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600 and file.read_text() == key
    _, again = start(port)
    assert again == url and status(f"http://127.0.0.1:{port}/api/hello", f"deepen-{port}={key}") == 200


def test_other_runs_a_file_others_can_read_and_an_old_one_get_a_new_key(start, tmp_path):
    port = free()
    first, url = start(port)
    first.kill()
    first.wait()
    second, other = start(port, "elsewhere")
    second.kill()
    second.wait()
    assert other != url
    for file in (tmp_path / "cache" / "studio").iterdir():
        file.chmod(0o644)
    third, opened = start(port)
    third.kill()
    third.wait()
    assert opened not in (url, other)
    for file in (tmp_path / "cache" / "studio").iterdir():
        os.utime(file, (time.time() - 90_000,) * 2)
    _, late = start(port)
    assert late not in (url, other, opened)


@pytest.mark.slow
def test_an_open_page_is_back_with_its_net_after_a_restart(start, chromium):
    port = free()
    first, url = start(port)
    context = chromium.new_context()
    page = context.new_page()
    page.goto(url)
    page.locator(".graph .node").first.wait_for()
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(3000)
    page.get_by_role("button", name="Pause", exact=True).click()
    page.wait_for_timeout(700)

    def stands():
        return page.locator(".epoch b").inner_text(), page.locator(".scores b").first.inner_text()
    before = stands()
    first.send_signal(signal.SIGTERM)
    first.wait(10)
    page.wait_for_timeout(2000)
    start(port)
    began = time.monotonic()
    while page.locator("#light").inner_text():
        page.wait_for_timeout(50)
    assert time.monotonic() - began < 8                                 # 1.7 s on a quiet machine
    page.wait_for_timeout(1500)
    assert stands() == before and before[0] != "000,000"
    context.close()
