"""How smoothly the browser paints Playground's largest net, 7-8×6-1, while it learns; and how soon an edit is seen.

    .venv/bin/python bench/studio/paint.py [seconds, 10]

Chromium with software drawing, as Playwright starts it. Script time is CDP's ScriptDuration, between two readings, divided
by the pictures painted in between. One JSON line a claim.
"""
import statistics
import sys

from sessions import chromium, say, studio

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
LARGEST = "networkShape=8,8,8,8,8,8&x=true&y=true&xTimesY=true&xSquared=true&ySquared=true&sinX=true&sinY=true&seed=0.5&dataset=spiral"
COUNTED = """
window.painted = []
const put = CanvasRenderingContext2D.prototype.putImageData
CanvasRenderingContext2D.prototype.putImageData = function (...given) { if (this.canvas.className === 'map') window.painted.push(performance.now()); return put.apply(this, given) }
"""
EDITS = """async () => {
  const box = document.querySelector('.hover input'), waits = []
  for (let i = 0; i < 60; i++) {
    const seen = window.painted.length, began = performance.now()
    box.value = (i % 2 ? 2 : -2) + i / 50
    box.dispatchEvent(new Event('input'))
    while (window.painted.length === seen && performance.now() - began < 3000) await new Promise(requestAnimationFrame)
    waits.push(performance.now() - began)
    await new Promise(done => setTimeout(done, 40))
  }
  return waits }"""


def measured(browser, url: str, link: str) -> dict:
    page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.add_init_script(COUNTED)
    wire = page.context.new_cdp_session(page)
    wire.send("Performance.enable")
    page.goto(f"{url}#{link}")
    page.wait_for_timeout(2500)

    def figures():
        told = {one["name"]: one["value"] for one in wire.send("Performance.getMetrics")["metrics"]}
        return told["ScriptDuration"], told["TaskDuration"], page.evaluate("window.painted.length"), told["Timestamp"]
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(1500)
    first = figures()
    page.wait_for_timeout(1000 * SECONDS)
    script, task, frames, took = (b - a for a, b in zip(first, figures()))
    page.get_by_role("button", name="Pause", exact=True).click()
    page.wait_for_timeout(400)
    page.locator(".bias").first.click()
    waits = sorted(page.evaluate(EDITS))
    page.context.close()
    return {"fps": frames / took, "script": 1000 * script / max(1, frames), "task": 1000 * task / max(1, frames), "waits": waits}


def main() -> None:
    from playwright.sync_api import sync_playwright
    process, base, key = studio()
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            for name, link in (("7-8×6-1", LARGEST), ("2-4-2-1", "seed=0.5")):
                told = measured(browser, f"{base}/?token={key}", link)
                say(f"{name}: pictures painted", told["fps"], 30, "frames/s", [told["fps"]])
                say(f"{name}: script a picture", told["script"], 4, "ms", [told["script"]], whole_task=round(told["task"], 2))
                late = told["waits"][int(0.95 * len(told["waits"]))]
                say(f"{name}: from an edit to the picture, 95th percentile of 60", late, 100, "ms", told["waits"], median=round(statistics.median(told["waits"]), 1))
            browser.close()
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main()
