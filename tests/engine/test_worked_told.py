"""The worked examples as told: every one computes, in both languages, and shows the numbers the textbook has."""
import pytest

from deepen.core import words
from deepen.engine import worked, worked_text


@pytest.fixture(params=["en", "ko"])
def spoken(request):
    words.speak(request.param)
    yield request.param
    words.speak("en")


@pytest.mark.parametrize("name", [name for name in worked.EXAMPLES if name != "layer_times"])
def test_an_example_fits_a_terminal(name, spoken):
    lines, numbers = worked.tell(name)
    assert numbers and len(lines) > 1
    assert max(map(worked_text.cells, lines)) <= 78, max(lines, key=worked_text.cells)


def test_the_numbers_of_the_textbook_stand_in_the_lines():
    told = {name: "\n".join(worked.tell(name)[0]) for name in ("conv_filter", "softmax", "small_windows", "pixels", "four_points")}
    assert "−3" in told["conv_filter"] and "+3" in told["conv_filter"]
    assert "0.20" in told["softmax"] and "the answer is goldfish" in told["softmax"] and "0.693" in told["softmax"]
    assert all(number in told["small_windows"].split() for number in ("18", "25", "27", "49"))
    assert "16 numbers" in told["pixels"]
    assert "3 of 4" in told["four_points"] and "4 of 4" in told["four_points"]


def test_columns_line_up_with_korean():
    lines = worked_text.columns(["이름", "n"], [["가나다", "1"], ["a", "20"]])
    assert [worked_text.cells(line) for line in lines] == [11, 11, 11]


def test_blocks_beside_each_other():
    assert worked_text.beside(["1", "2", "3"], ["x"]) == ["1", "2    x", "3"]
