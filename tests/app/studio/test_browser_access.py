"""Everybody can use it: axe-core on every page in both languages, light and dark; narrow windows; less motion."""
import pytest

PAGES = ("playground", "designer", "runs", "runs/digits-classify-0001", "try", "make", "learn", "learn/tabular")
pytestmark = pytest.mark.slow


def opened(chromium, window, **settings):
    """A page with the key in its cookie."""
    page = chromium.new_context(viewport={"width": 1360, "height": 850}, **settings).new_page()
    page.goto(f"{window.base}/learn?token={window.url.split('token=')[1]}")
    page.wait_for_selector("header nav")
    return page


def settled(page, address):
    page.goto(address)
    page.locator("main h1, main h2").first.wait_for(state="attached")
    page.locator("main .wait").wait_for(state="detached")
    page.wait_for_timeout(700)


def findings(page):
    """What axe-core calls serious or critical: [(rule, impact, element, why)]."""
    from axe_playwright_python.sync_playwright import Axe
    told = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [(rule["id"], rule["impact"], node["html"][:160], node["failureSummary"][:300]) for rule in told
            if rule["impact"] in ("serious", "critical") for node in rule["nodes"][:3]]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("light", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_axe_finds_nothing_serious(chromium, window, language, light):
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    page, found = opened(chromium, window, color_scheme=light), []
    page.evaluate(f"localStorage.setItem('language', '{language}')")
    for name in PAGES:
        settled(page, f"{window.base}/{name}")
        found += [(name, *one) for one in findings(page)]
    settled(page, f"{window.base}/playground")                  # with all that can be opened
    page.locator(".controls input[type=checkbox]").first.check()
    page.locator(".node button[data-l]").first.click()
    page.get_by_role("button", name="Snapshot" if language == "en" else "스냅샷").click()
    page.wait_for_timeout(500)
    found += [("all of the playground", *one) for one in findings(page)]
    for key in ("e", "w"):
        page.locator(".node button[data-l]").first.focus()
        page.keyboard.press(key)
        page.locator("dialog[open]").wait_for()
        found += [(f"dialog {key}", *one) for one in findings(page)]
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Your own points …" if language == "en" else "내 점 …").click()
    page.locator("dialog[open]").wait_for()
    found += [("own points", *one) for one in findings(page)]
    page.context.close()
    assert found == [], "\n".join(map(str, found))


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_narrow_window_needs_no_scrolling_sideways(chromium, window, language):
    page, wide = opened(chromium, window), []
    page.evaluate(f"localStorage.setItem('language', '{language}')")
    page.set_viewport_size({"width": 320, "height": 640})
    for name in PAGES:
        settled(page, f"{window.base}/{name}")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            wide.append((name, width, page.evaluate(
                "[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > 322).slice(0, 4).map(one => one.outerHTML.slice(0, 90))")))
    page.context.close()
    assert wide == [], "\n".join(map(str, wide))


def test_who_wants_less_motion_gets_it(chromium, window):
    page = opened(chromium, window, reduced_motion="reduce")
    settled(page, f"{window.base}/playground")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(600)
    offsets = page.evaluate("[...document.querySelectorAll('.link')].map(one => parseFloat(one.style.strokeDashoffset))")
    assert offsets and set(offsets) == {0}
    first = page.evaluate("""async () => { let changes = 0, last = ''; const canvas = document.querySelector('.output canvas'), end = performance.now() + 2000
        while (performance.now() < end) { const now = canvas.toDataURL(); if (now !== last) changes++; last = now; await new Promise(requestAnimationFrame) } return changes }""")
    assert first <= 7                                           # twice a second
    page.get_by_role("button", name="Pause", exact=True).click()
    page.context.close()
