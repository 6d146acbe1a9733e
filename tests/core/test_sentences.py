import unicodedata

import pytest

from deepen.core.sentences import END, FIRST, UNKNOWN, decode, encode, joined, numbered, pieces, plain, vocabulary

KOREAN = ["원이 있다", "원은 크다", "별이 사각형 위에 있다", "사각형의 왼쪽", "고양이가 있다", "고양이는 잔다", "나무로 만든 집"]


@pytest.mark.parametrize("text", ["A dog's ball, isn't it? (yes)", "entry way .", "“hm”… 3.5kg - x-ray", "a‿b ‿ c‿", "원이, 별은!", "", "가나다ab가"])
def test_pieces_joined_are_the_sentence(text):
    for words in (None, set(), {"원", "‿이"}, set(vocabulary([*KOREAN, text]))):
        assert joined(pieces(text, words)) == " ".join(text.lower().split())


def test_decomposed_letters_are_composed():
    assert pieces(unicodedata.normalize("NFD", "사각형이 있다"), set(vocabulary(KOREAN))) == ["사각형", "‿이", "있다"]


def test_particles_part_where_the_stem_is_met_otherwise():
    words = vocabulary(KOREAN)
    assert {"원", "‿이", "‿은", "고양이", "‿가", "‿는", "사각형", "‿의"} <= set(words)
    assert not {"원이", "고양", "나무로", "만"} & set(words) - {"나무로"} and "나무로" in words        # 나무 stands nowhere else
    assert pieces("고양이가", words) == ["고양이", "‿가"] and pieces("나무로", words) == ["나무로"]
    assert pieces("강아지는", words) == ["강아지", "‿는"] and pieces("는", words) == ["는"]              # a stem not known, and none


def test_numbers_and_back():
    words = vocabulary(KOREAN)
    number = numbered(words)
    for text in KOREAN:
        ids = encode(text, number)
        assert UNKNOWN not in ids and min(ids) >= FIRST
        assert decode([*ids, END, FIRST], words) == text
    assert encode("강아지는 잔다", number) == [UNKNOWN, number["‿는"], number["잔다"]]
    assert decode(encode("강아지는 잔다", number), words) == "…는 잔다"


def test_the_vocabulary_is_in_order_and_rare_words_are_left_out():
    assert vocabulary(["b a", "a c", "a b"]) == ("a", "b", "c") and vocabulary(["b a", "a c", "a b"], least=2) == ("a", "b")


def test_plain_words_for_scores():
    assert plain("A dog's ball, isn't it .") == ["a", "dog's", "ball", "isn't", "it"] and plain("원이 있다!") == ["원이", "있다"]
