import pytest

from deepen.core.words import Problem
from deepen.nn.lines import Count, Flag, Pad, Share, Size, Window, call, nearest, split


def stretch(here, size: Size, window: Window | None = None, *, pad: Pad = 0, keep: Flag = True, p: Share = 0.5):
    return size


def plain(here):
    return here


def jump(here, times: Count = 3):
    return times


WORDS = {"stretch": stretch, "plain": plain, "jump": jump, "plain jump": jump}


def test_split():
    assert split("conv 3;pool\n\n  # nothing\nrelu   # why;not\n;; dense  10 ") == ("conv 3", "pool", "relu", "dense 10")
    assert split(["a 1", "b; c"]) == ("a 1", "b", "c") and split("") == ()
    with pytest.raises(Problem, match="1001 lines"):
        split("a;" * 1001)


def test_call():
    assert call("stretch 5", WORDS) == ("stretch", stretch, {"size": 5})
    assert call("stretch 5 7 pad=same keep=no p=0.25", WORDS)[2] == dict(size=5, window=7, pad=None, keep=False, p=0.25)
    assert call("stretch 5 window=2 pad=3", WORDS)[2] == dict(size=5, window=2, pad=3)
    assert call("plain", WORDS) == ("plain", plain, {})
    assert call("plain jump 0", WORDS) == ("plain jump", jump, {"times": 0})


@pytest.mark.parametrize("line, sentence", [
    ("strech 5", "there is no word strech; did you mean stretch?"),
    ("stretch", "stretch wants a number for size"),
    ("stretch 0", "0 is outside 1 to 1000000"),
    ("stretch 1000001", "1000001 is outside"),
    ("stretch " + "9" * 5000, "is outside 1 to"),
    ("stretch -3", "-3 is not a whole number"),
    ("stretch ٣", "is not a whole number"),
    ("stretch 5 1001", "1001 is outside 1 to 1000"),
    ("stretch 5 7 9", "does not want so many numbers, 9 is one too many"),
    ("stretch 5 size=5", "size is given twice to stretch"),
    ("stretch 5 pda=2", "stretch has no option pda; did you mean pad?"),
    ("stretch 5 keep=maybe", "maybe is neither yes nor no"),
    ("stretch 5 p=1", "1 would leave nothing"),
    ("stretch 5 p=nan", "nan is outside 0 to 1"),
    ("stretch 5 p=half", "half is not a number"),
    ("plain x=1", "plain has no options, x was given"),
])
def test_wrong_lines_say_why(line, sentence):
    with pytest.raises(Problem) as caught:
        call(line, WORDS)
    assert sentence in str(caught.value)


def test_nearest():
    assert nearest("leakrelu", ["relu", "leakyrelu", "tanh"]) == "leakyrelu"
    assert nearest("강", ["relu"]) == "relu"                      # always some word, even from far away
