"""Pictures of the Studio for the docs, taken in Debian's chromium by Playwright:

    .venv/bin/python docs/screens.py
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
RUNS = (["digits"], ["digits", "optimizer=sgd", "lr=0.1", "schedule=constant"], ["iris"], ["dcgan", "epochs=40"])


def playground(page: Page, base: str) -> None:
    page.goto(f"{base}/playground#dataset=spiral&networkShape=8,8&seed=0.42317&xSquared=true&ySquared=true&sinX=true&sinY=true")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(15_000)
    page.get_by_role("button", name="Pause", exact=True).click()


def designer(page: Page, base: str) -> None:
    page.goto(f"{base}/designer#data=digits&net=conv 16 3; relu; conv 16 3; relu; pool 2; dense 50; relu; dropout 0.5; dense classes")
    page.get_by_label("line 3", exact=True).click()
    page.locator(".maps img").first.wait_for()


def runs(page: Page, base: str) -> None:
    page.goto(f"{base}/runs/digits-classify-0001")
    page.locator("table.matrix").wait_for(timeout=60_000)
    page.locator("table.matrix td.wrong button").first.click()
    page.wait_for_timeout(1000)


def tryit(page: Page, base: str) -> None:
    page.goto(f"{base}/try#run=digits-classify-0001")
    pad = page.locator("canvas.pad")
    pad.wait_for()
    box = pad.bounding_box()
    assert box is not None
    points = [(0.28, 0.2), (0.5, 0.14), (0.7, 0.25), (0.66, 0.42), (0.48, 0.48), (0.7, 0.55), (0.74, 0.74), (0.52, 0.86), (0.28, 0.8)]
    for number, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
    page.locator(".layer").first.wait_for(timeout=60_000)


def make(page: Page, base: str) -> None:
    page.goto(f"{base}/make#run=digits-dcgan-0004&tab=contest")
    page.locator(".verdict").first.wait_for(timeout=60_000)
    for _ in range(30):
        page.get_by_role("button", name="Both × 10").click(timeout=60_000)
    page.get_by_text("After 300 turns").wait_for(timeout=60_000)
    page.locator("h1").scroll_into_view_if_needed()


PAGES = {"playground": playground, "designer": designer, "runs": runs, "try": tryit, "make": make}


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or sys.exit("there is no chromium here")
    with tempfile.TemporaryDirectory() as folder:
        for words in RUNS:
            subprocess.run([sys.executable, "-m", "deepen", "train", *words, "--quiet"], cwd=folder, check=True, capture_output=True)
        studio = subprocess.Popen([sys.executable, "-m", "deepen", "studio", "--port", "0", "--no-browser"], cwd=folder,
                                  stdout=subprocess.PIPE, text=True, env={**os.environ, "DEEPEN_LANG": "en"})
        assert studio.stdout is not None
        url = studio.stdout.readline().strip()
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                page = browser.new_context(viewport={"width": 1360, "height": 880}).new_page()
                page.goto(url)
                page.wait_for_selector("header nav")
                for name, act in PAGES.items():
                    act(page, url.split("/?token=")[0])
                    page.screenshot(path=HERE / f"studio-{name}.png")
                    print(HERE / f"studio-{name}.png")
                browser.close()
        finally:
            studio.terminate()
            studio.wait(10)


if __name__ == "__main__":
    main()
