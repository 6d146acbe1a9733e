"""A class in real browsers: a teacher, two students and a phone, each with cookies of their own."""
import re

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lesson(another):
    """A Studio for a class, in the folder that has a run of digits."""
    opened = another("--class", "--host", "127.0.0.1")
    yield opened
    opened.process.terminate()
    assert opened.process.wait(10) == 0


@pytest.fixture
def people(chromium, lesson):
    """people(width, height) is another person's page. What a script complains of fails the test."""
    contexts, wrong = [], []

    def come(width=1280, height=800, **more):
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **more))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" and "Failed to load resource" not in said.text else None)
        page.on("request", lambda asked: None if re.match(re.escape(lesson.base) + "|data:|blob:", asked.url) else wrong.append(asked.url))
        return page
    yield come
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def teacher(people, lesson):
    page = people()
    page.goto(f"{lesson.base}/class?token={lesson.url.split('token=')[1]}")
    page.locator(".class header .letters").filter(has_text=re.compile("^[A-Z]{4}$")).wait_for()
    yield page
    if not page.is_closed():
        page.evaluate("fetch('/api/room').then(a => a.json()).then(b => Promise.all(b.students.map(one => fetch('/api/room/remove', "
                      "{method: 'POST', body: JSON.stringify({id: one.id})}))))")


def code(teacher):
    return teacher.locator(".class header .letters").inner_text()


def join(page, lesson, letters, name, way="To the Playground"):
    page.goto(f"{lesson.base}/join")
    page.get_by_label("The code of the room").fill(letters)
    page.get_by_label("Your nickname").fill(name)
    page.get_by_role("button", name=way).click()


def until(page, expression, seconds=20):
    """Wait until a script says yes. (The pages forbid `eval`, which Playwright's own waiting needs.)"""
    for _ in range(10 * seconds):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(expression)


def card(teacher, name):
    return teacher.locator(".people li").filter(has=teacher.get_by_text(name, exact=True))


def test_a_teacher_and_two_students(people, lesson, teacher):
    one, two = people(), people()
    one.goto(f"{lesson.base}/playground")                           # without a key: to the door
    one.wait_for_url("**/join")
    join(one, lesson, "AAAA" if code(teacher) != "AAAA" else "BBBB", "민지")
    one.get_by_role("alert").filter(has_text="not the code").wait_for()
    join(one, lesson, code(teacher).lower(), "민지")
    join(two, lesson, code(teacher), "Jun")
    for student in (one, two):
        student.wait_for_url("**/playground")
        student.locator(".lesson button", has_text="raise a hand").wait_for()
    assert one.get_by_role("link", name="Class").count() == one.get_by_role("link", name="Runs").count() == 0
    for name in ("민지", "Jun"):
        card(teacher, name).get_by_text("epoch").wait_for()            # the picture of their net has come
        assert card(teacher, name).get_by_role("img").get_attribute("aria-label").startswith("what the net of")
    teacher.get_by_text("2 of 2 here").first.wait_for()

    one.get_by_role("button", name="raise a hand").click()
    card(teacher, "민지").get_by_role("button", name="민지: hand down").click()
    one.get_by_role("button", name="raise a hand").wait_for()

    teacher.get_by_role("button", name="Push a setup").click()
    teacher.get_by_label("link of a Playground").fill("https://playground.tensorflow.org/#dataset=spiral&networkShape=8,8&seed=0.12345")
    teacher.get_by_role("button", name="Push to everyone").click()
    for student in (one, two):
        until(student, "['dataset=spiral', 'seed=0.12345'].every(one => localStorage.getItem('playground-link')?.includes(one))")

    one.get_by_role("button", name="Play", exact=True).click()
    card(teacher, "민지").get_by_text("learning").wait_for()
    teacher.get_by_role("button", name="Pause all").click()
    for student in (one, two):
        student.get_by_role("alert").filter(has_text="paused the room").wait_for()
    card(teacher, "민지").get_by_text("standing").wait_for()
    teacher.get_by_role("button", name="Go on").click()
    one.get_by_role("alert").filter(has_text="paused the room").wait_for(state="detached")
    card(teacher, "민지").get_by_text("learning").wait_for()           # who learned learns on
    card(teacher, "Jun").get_by_text("standing").wait_for()

    teacher.get_by_role("button", name="Reset all").click()
    teacher.get_by_role("button", name="Yes").click()
    card(teacher, "민지").get_by_text("standing").wait_for()
    card(teacher, "민지").get_by_text(re.compile(r"epoch 0$")).wait_for()

    teacher.get_by_role("button", name="Lock controls").click()
    teacher.get_by_role("checkbox", name="learning rate").check()
    teacher.get_by_role("button", name="Lock these").click()
    one.get_by_label("Learning rate").first.wait_for(state="hidden")

    card(teacher, "Jun").get_by_role("button", name="take Jun out").click()
    teacher.get_by_role("button", name="Yes").click()
    two.wait_for_url("**/join")
    card(teacher, "Jun").wait_for(state="detached")


def test_a_phone_draws_on_the_wall(people, lesson, teacher):
    teacher.get_by_role("button", name="Drawings").click()
    phone = people(360, 740, has_touch=True)
    join(phone, lesson, code(teacher), "폰", "To the drawing pad")
    phone.wait_for_url("**/pad")
    box = phone.locator("canvas.pad").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360
    phone.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    phone.mouse.down()
    phone.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 40, steps=8)
    phone.mouse.up()
    phone.locator(".answer").wait_for(timeout=60_000)
    assert re.match(r"\d\s+\d+ %", phone.locator(".answer").inner_text())
    drawn = teacher.locator(".drawn li").filter(has_text="폰")
    drawn.wait_for()
    assert drawn.locator("img").get_attribute("src").startswith("data:image/png;base64,")
    assert drawn.locator(".answer").inner_text()[0] == phone.locator(".answer").inner_text()[0]
    phone.get_by_role("button", name="Wipe").click()
    phone.get_by_role("heading", name="Draw with a finger").wait_for()


def test_a_challenge_counts_the_weights_the_worker_told(people, lesson, teacher):
    teacher.get_by_role("button", name="Push a setup").click()
    teacher.get_by_label("link of a Playground").fill("#dataset=circle&networkShape=4,2&seed=0.5")
    teacher.get_by_role("button", name="Push to everyone").click()
    one = people()
    join(one, lesson, code(teacher), "a")                               # who comes later has what was pushed
    one.get_by_text("25 weights").wait_for()
    teacher.get_by_role("button", name="Challenge").click()
    teacher.get_by_label("test loss at most").fill("0.2")
    teacher.get_by_role("button", name="Begin").click()
    one.locator(".lesson .goal").filter(has_text="Challenge: a test loss of at most 0.200").wait_for()
    one.get_by_role("button", name="Play", exact=True).click()          # 2-4-2-1 on the circle: 12 + 10 + 3 weights
    teacher.get_by_text(re.compile("25 weights after 0:")).wait_for()
    one.locator(".lesson .goal").filter(has_text="✓ reached").wait_for()
    teacher.get_by_role("button", name="End the challenge").click()
    one.locator(".lesson .goal").wait_for(state="detached")
    assert float(one.locator(".scores b").first.inner_text()) <= 0.2


def test_a_question_and_its_answers(people, lesson, teacher):
    one = people()
    join(one, lesson, code(teacher), "a")
    teacher.get_by_role("button", name="Ask first").click()
    teacher.get_by_label("question").fill("Will it learn without a hidden layer?")
    teacher.get_by_role("button", name="Ask everyone").click()
    one.get_by_role("group", name="Will it learn without a hidden layer?").get_by_role("button", name="no").click()
    one.get_by_role("button", name="✓ no").wait_for()
    teacher.get_by_text("1 answered").wait_for()
    teacher.get_by_role("button", name="Take the question back").click()
    one.get_by_role("button", name="✓ no").wait_for(state="detached")
    assert one.get_by_text("Will it learn without a hidden layer?").count() == 0


def test_the_wall_shows_the_way_in(lesson, teacher):
    teacher.get_by_role("button", name="The way in, for the wall").click()
    assert teacher.locator(".wall .code").inner_text() == code(teacher)
    assert f"{lesson.base.removeprefix('http://')}/join" in teacher.locator(".wall").inner_text()
    square = teacher.get_by_role("img", name="a square code: scan it to come in")
    until(teacher, "document.querySelector('.wall img.square').naturalWidth > 0")
    box = square.bounding_box()
    assert abs(box["width"] - box["height"]) < 2 and box["width"] > 200
    teacher.reload()
    teacher.locator(".wall .code").wait_for()                       # a second window stays on the wall


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_door_fits_a_small_phone(people, lesson, language):
    phone = people(320, 640)
    phone.add_init_script(f"localStorage.setItem('language', '{language}')")
    phone.goto(f"{lesson.base}/join#ABCD")
    phone.locator("#code").wait_for()
    assert phone.locator("#code").input_value() == "ABCD"
    assert phone.evaluate("document.documentElement.scrollWidth") <= 320
    assert phone.evaluate("document.activeElement.id") == "name"
