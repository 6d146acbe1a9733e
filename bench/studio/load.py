"""The first load of the Playground: requests, bytes on the wire without fonts, time until a net stands there.

    .venv/bin/python bench/studio/load.py

A fresh browser profile each time; compressed bytes by CDP's Network.loadingFinished. Time runs from navigation to the first
painted losses, which a session on a worker has computed. One JSON line a claim.
"""
import re
import statistics

from sessions import chromium, say, studio


def load(browser, url: str) -> tuple[int, float, float, list[str]]:
    """(requests, kB, milliseconds, requests to elsewhere)."""
    context = browser.new_context()
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    asked: dict[str, str] = {}
    sizes: list[tuple[str, float]] = []
    wire.on("Network.requestWillBeSent", lambda told: asked.__setitem__(told["requestId"], told["request"]["url"]))
    wire.on("Network.loadingFinished", lambda told: sizes.append((told["requestId"], told["encodedDataLength"])))
    page.goto(url)
    page.locator(".scores b", has_text=re.compile(r"^\d")).first.wait_for()
    ready = page.evaluate("performance.now()")
    page.wait_for_timeout(300)
    context.close()
    http = {number: address for number, address in asked.items() if address.startswith("http")}
    size = sum(length for number, length in sizes if not http.get(number, "").endswith("/font"))
    served = sum(1 for number, length in sizes if number in http and length)           # what comes from memory has no length
    return served, size / 1000, ready, [address for address in http.values() if not address.startswith(url.split("/?")[0])]


def main() -> None:
    from playwright.sync_api import sync_playwright
    process, base, key = studio()
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            first = load(browser, f"{base}/?token={key}")       # the worker starts with it
            rounds = [load(browser, f"{base}/?token={key}") for _ in range(7)]
            browser.close()
    finally:
        process.terminate()
        process.wait(10)
    requests, sizes, times, _ = zip(*rounds)
    say("first load: requests", max(requests), 20, "requests", list(requests), runs=len(requests))
    say("first load: compressed, without fonts", max(sizes), 100, "kB", list(sizes), runs=len(sizes))
    say("first load: until a net stands there", statistics.median(times) / 1000, 1.5, "s", [one / 1000 for one in times], runs=len(times), first_of_a_studio=round(first[2] / 1000, 2))
    say("first load: requests to elsewhere", sum(len(one[3]) for one in rounds), 1, "requests (0 is the goal)", [0.0])


if __name__ == "__main__":
    main()
