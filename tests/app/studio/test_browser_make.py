"""Make in a real browser: samples, the latent space, how pictures come to be, the contest turn by turn, the game."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BLENDER = Path(__file__).parent / "blender.py"
SLOW = 90_000           # ms for the first answer of a desk on a busy machine


@pytest.fixture(scope="module")
def making(studio_in, tmp_path_factory):
    """A Studio of its own with two makers."""
    folder = tmp_path_factory.mktemp("making")
    for what, name in ((["dcgan", "epochs=2", "width=8"], "painter-0001"), ([f"{BLENDER}:Blender"], "blender-0002")):
        subprocess.run([sys.executable, "-m", "deepen", "train", *what, "--quiet", "--out", f"runs/{name}"], cwd=folder, check=True,
                       capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    opened = studio_in(folder)
    yield opened
    opened.process.terminate()
    assert opened.process.wait(10) == 0


@pytest.fixture
def page(page_of, making):
    with page_of(making) as one:
        yield one


def open_tab(making, page, run, tab, seen):
    page.goto("about:blank")
    page.goto(f"{making.base}/make#run={run}&tab={tab}")
    page.locator(seen).first.wait_for(timeout=SLOW)


def sources(page, where):
    return page.eval_on_selector_all(where, "all => all.map(one => one.src)")


@pytest.mark.timeout(240)
def test_samples_are_asked_for_looked_at_and_saved(making, page):
    page.goto(f"{making.base}/make")
    page.locator(".album img").nth(15).wait_for(timeout=SLOW)
    assert page.get_by_label("maker").locator("option").all_inner_texts() == ["blender-0002", "painter-0001"]
    page.get_by_label("maker").select_option("painter-0001")
    page.get_by_text("dcgan learned from digits").wait_for()
    page.locator(".album img[alt='sample 4, asked for 3']").wait_for(timeout=SLOW)
    before = sources(page, ".album img")
    page.get_by_label("class").select_option("7")
    page.locator(".album img[alt='sample 4, asked for 7']").wait_for()
    sevens = sources(page, ".album img")
    assert len(before) == len(sevens) == 16 and sevens != before
    page.get_by_label("how many").fill("4")
    page.locator(".album img").nth(4).wait_for(state="detached")
    assert sources(page, ".album img") == sevens[:4], "fewer are the first of more"
    page.get_by_role("button", name="Another seed").click()
    page.locator(f".album img[src='{sevens[0]}']").wait_for(state="detached")
    page.locator(".thumb").nth(2).click()
    assert page.locator(".close img").get_attribute("src") == sources(page, ".album img")[2]
    assert page.locator(".thumb").nth(2).get_attribute("aria-pressed") == "true"
    with page.expect_download() as told:
        page.get_by_role("button", name="Save picture").click()
    assert told.value.suggested_filename.startswith("painter-0001-") and Path(told.value.path()).read_bytes()[1:4] == b"PNG"
    with page.expect_download() as told:
        page.get_by_role("button", name="Save all as one sheet").click()
    assert Path(told.value.path()).read_bytes()[16:24] == bytes([0, 0, 0, 131, 0, 0, 0, 131]), "2 × 2 pictures of 8 pixels, eight times as large"


@pytest.mark.timeout(240)
def test_the_tabs_are_those_of_the_system_and_go_by_arrows(making, page):
    open_tab(making, page, "blender-0002", "nonsense", ".album img")
    assert page.get_by_role("tab").all_inner_texts() == ["Samples", "Latent space", "How it comes to be", "What it shows of itself", "Real or fake?"]
    page.get_by_role("tab", name="Samples").press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "Latent space" and "tab=latent" in page.url
    page.locator(".board").wait_for()
    page.get_by_role("tab", name="Latent space").press("End")
    page.locator(".doubt").wait_for()
    page.get_by_label("maker").select_option("painter-0001")
    page.get_by_role("tab", name="The contest").wait_for()
    assert page.get_by_role("tab", name="Real or fake?").get_attribute("aria-selected") == "true", "the tab stays where both have it"


@pytest.mark.timeout(240)
def test_sliders_and_the_plane_move_one_picture(making, page):
    page.emulate_media(reduced_motion="reduce")                     # so that Random and Reset arrive at once
    open_tab(making, page, "blender-0002", "latent", ".there img")
    page.wait_for_timeout(300)
    middle = page.locator(".there img").get_attribute("src")
    knob = page.get_by_label("direction 1", exact=True)
    knob.fill("3")
    page.locator(f".there img[src='{middle}']").wait_for(state="detached")
    assert "3.0, 0.0" in page.locator(".there img").get_attribute("alt")
    board = page.locator(".board")
    board.press("ArrowLeft")
    assert knob.input_value() == "2.9"
    board.press("Shift+ArrowUp")
    assert page.get_by_label("direction 2", exact=True).input_value() == "0.5"
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 4, steps=5)
    page.mouse.up()
    assert abs(float(knob.input_value()) - 1.5) < 0.11 and abs(float(page.get_by_label("direction 2", exact=True).input_value()) - 1.5) < 0.11
    page.get_by_role("button", name="Random").click()
    values = {page.get_by_label(f"direction {i}", exact=True).input_value() for i in range(1, 9)}
    assert len(values) > 4
    page.get_by_role("button", name="Reset").click()
    page.locator(f".there img[src='{middle}']").wait_for()
    painted = """() => { const c = document.querySelector('.board canvas'); return c.width > 100 && c.getContext('2d').getImageData(30, 30, 1, 1).data[3] }"""
    page.wait_for_timeout(1500)
    assert page.evaluate(painted) == 255, "the plane is painted with what lies there"
    assert page.locator(".player img").count() == 1, "and there is a walk"


@pytest.mark.timeout(240)
def test_the_scrubber_goes_from_noise_to_the_picture(making, page):
    page.emulate_media(reduced_motion="reduce")
    open_tab(making, page, "blender-0002", "unfolds", ".player img")
    film = page.get_by_label("which picture of the film")
    assert film.input_value() == film.get_attribute("max") == "20", "where motion is not wanted it stands at the end"
    last = page.locator(".player img").get_attribute("src")
    assert page.locator(".caption").inner_text() == "frame 21 of 21"
    film.fill("0")
    assert page.locator(".player img").get_attribute("src") != last and page.locator(".caption").inner_text() == "frame 1 of 21"
    film.press("ArrowRight")
    assert page.locator(".caption").inner_text() == "frame 2 of 21"
    page.get_by_role("button", name="Play").click()
    page.get_by_text("frame 4 of 21").wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("steps").fill("3")
    page.get_by_label("steps").press("Enter")
    page.locator("input[max='3'][aria-label='which picture of the film']").wait_for()
    page.emulate_media(reduced_motion="no-preference")
    page.get_by_role("button", name="Make", exact=True).click()
    page.get_by_text("frame 4 of 4").wait_for()


@pytest.mark.timeout(240)
def test_the_contest_goes_turn_by_turn(making, page):
    open_tab(making, page, "painter-0001", "contest", ".verdict")
    assert page.locator(".verdict").count() == 20 and "New networks know nothing" in page.locator(".lately").inner_text()
    before = page.locator(".verdict b").all_inner_texts()
    page.get_by_role("button", name="Discriminator’s turn").click()
    page.get_by_text("The discriminator compared 64 real with 64 painted").wait_for(timeout=SLOW)
    assert page.locator(".verdict b").all_inner_texts() != before
    painted = sources(page, ".verdict img")[10:]
    page.get_by_role("button", name="Generator’s turn").click()
    page.get_by_text("The generator changed its painting").wait_for()
    assert sources(page, ".verdict img")[10:] != painted
    page.get_by_label("what the discriminator sends back").check()
    page.locator(".slope").nth(9).wait_for()
    assert "The generator changed its painting" in page.locator(".lately").inner_text(), "looking is no turn"
    assert page.evaluate("document.activeElement.type") == "checkbox", "what has the focus keeps it"
    page.get_by_label("discriminator’s learning rate").fill("-1.5")
    for _ in range(3):
        page.get_by_role("button", name="Both × 10").click()
    page.get_by_text("After 31 turns of the discriminator and 31 of the generator").wait_for()
    page.get_by_role("button", name="Keep playing").click()
    page.get_by_text(re.compile(r"After ([5-9]\d|\d{3,}) turns")).wait_for()
    assert page.get_by_role("button", name="Generator’s turn").is_disabled()
    page.get_by_role("button", name="Pause").click()
    page.locator("button:text('Generator’s turn'):not([disabled])").wait_for()
    page.get_by_role("button", name="Begin with the trained ones").click()
    page.get_by_text("The networks of step").wait_for()


@pytest.mark.timeout(240)
def test_the_game_and_the_panels(making, page):
    open_tab(making, page, "blender-0002", "game", ".doubt")
    for number in range(12):
        page.get_by_text(f"picture {number + 1} of 12").wait_for()
        page.keyboard.press("r")
    page.get_by_role("button", name="Again, with other pictures").wait_for()
    assert page.locator(".shown figure").count() == 12
    page.get_by_role("tab", name="What it shows of itself").click()
    page.get_by_role("heading", name="Plane").wait_for()
    assert page.locator(".named tr").count() == 3 and page.locator(".panels .player").count() == 1
    page.get_by_role("button", name="left").click()
    assert page.get_by_role("button", name="left").get_attribute("aria-pressed") == "true"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_korean_and_narrow(making, page):
    page.evaluate("localStorage.setItem('language', 'ko')")
    page.set_viewport_size({"width": 320, "height": 700})
    for run, tab, seen in (("painter-0001", "sample", ".album img"), ("painter-0001", "latent", ".there img"), ("painter-0001", "contest", ".verdict"),
                           ("blender-0002", "unfolds", ".player img"), ("blender-0002", "panels", ".panels"), ("blender-0002", "game", ".doubt")):
        open_tab(making, page, run, tab, seen)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, tab
        assert page.locator("h1").inner_text() == "만들기"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_without_a_maker_one_can_be_trained_here(studio_in, page_of, tmp_path):
    opened = studio_in(tmp_path)
    try:
        with page_of(opened) as page:
            page.goto(f"{opened.base}/make")
            page.get_by_role("button", name="Train dcgan on digits").click(timeout=SLOW)
            page.get_by_text("It learns now").wait_for(timeout=SLOW)
            page.locator(".album img").first.wait_for(timeout=240_000)
            assert list(tmp_path.glob("runs/dcgan-studio-*"))
    finally:
        opened.process.terminate()
        opened.process.wait(20)
