"""The Runs page in a real browser: the list, curves, a cell of the confusion matrix, two runs compared, both languages."""


def test_a_run_its_mistakes_and_its_curves(window, page):
    page.goto(f"{window.base}/runs")
    page.get_by_role("link", name="digits-classify-0001").click()
    page.get_by_role("heading", name="Where it errs").wait_for(timeout=60_000)
    assert page.locator("table.matrix tbody tr").count() == 10
    assert page.locator(".figures .first").inner_text().endswith("accuracy")
    cell = page.locator("table.matrix td.right button").first
    said = cell.get_attribute("aria-label")
    cell.click()
    page.get_by_role("heading", name="was 0, said 0").wait_for()
    assert "that were 0 and called 0" in said
    shown = page.locator(".gallery figure").count()
    assert shown == min(24, int(said.split()[0]))


def test_two_runs_side_by_side(window, page):
    page.goto(f"{window.base}/runs")
    page.get_by_role("link", name="digits-classify-0001").wait_for()
    for box in page.locator(".list li input[type=checkbox]").all():
        box.check()
    page.get_by_role("heading", name="2 runs side by side").wait_for()
    assert page.get_by_role("row").filter(has_text="data").count() == 1


def test_korean(window, page):
    page.get_by_role("button", name="한국어").click()
    page.get_by_role("link", name="실행").click()
    page.get_by_role("heading", name="실행 기록").wait_for()
    assert page.evaluate("document.documentElement.lang") == "ko"
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Runs").wait_for()


def test_a_run_that_is_not_there(window, page):
    answer = page.request.get(f"{window.base}/api/runs/..%2f..%2fetc")
    assert answer.status in (400, 404) and "problem" in answer.json()
    answer = page.request.get(f"{window.base}/api/runs/nothing-0009")
    assert answer.status == 400 and "nothing-0009" in answer.json()["problem"]
