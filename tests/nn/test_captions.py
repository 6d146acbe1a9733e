"""BLEU and CIDEr against values worked out by hand and against slow implementations written another way."""
import math
import random

import pytest

from deepen.nn.captions import bleu, cider, ngrams


def of(text):
    return text.split()


def grams(words, n):
    return [" ".join(words[i:i + n]) for i in range(len(words) - n + 1)]


def slow_bleu(answers, truths, most):
    """Word by word from the paper's text, with nothing shared with ours."""
    answer = 1.0
    for n in range(1, most + 1):
        clipped = tried = 0
        for words, true in zip(answers, truths):
            left = {gram: max(grams(one, n).count(gram) for one in true) for gram in set(grams(words, n))}
            for gram in grams(words, n):
                tried += 1
                if left[gram] > 0:
                    clipped, left[gram] = clipped + 1, left[gram] - 1
        answer *= (clipped / tried if tried else 0) ** (1 / most)
    long = sum(map(len, answers))
    near = sum(min((abs(len(one) - len(words)), len(one)) for one in true)[1] for words, true in zip(answers, truths))
    return answer * (1 if long > near else math.exp(1 - near / long))


def slow_cider(answers, truths):
    """CIDEr-D from the paper's equations, over lists."""
    everything = [{gram for one in true for n in (1, 2, 3, 4) for gram in grams(one, n)} for true in truths]

    def idf(gram):
        return math.log(len(truths) / max(1, sum(gram in one for one in everything)))
    pictures = []
    for words, true in zip(answers, truths):
        scores = []
        for one in true:
            for n in (1, 2, 3, 4):
                space = sorted(set(grams(words, n)) | set(grams(one, n)))
                a = [grams(words, n).count(gram) * idf(gram) for gram in space]
                b = [grams(one, n).count(gram) * idf(gram) for gram in space]
                size = math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))
                dot = sum(min(x, y) * y for x, y in zip(a, b))
                scores.append(10 * math.exp(-((len(words) - len(one)) ** 2) / 72) * (dot / size if size else 0) / 4)
        pictures.append(sum(scores) / len(true))
    return sum(pictures) / len(pictures)


def corpus(seed, pictures=12):
    dice = random.Random(seed)

    def sentence():
        return [dice.choice(of("a red dog runs on the green grass with two men")) for _ in range(dice.randint(4, 11))]
    truths = [[sentence() for _ in range(dice.randint(1, 5))] for _ in range(pictures)]
    answers = [list(dice.choice(true)) for true in truths]
    for words in answers:
        for _ in range(3):
            words[dice.randrange(len(words))] = dice.choice(of("a red dog runs"))
        del words[dice.randint(3, len(words)):]
    return answers, truths


def test_counts_are_clipped_as_in_the_paper():
    """Papineni's own example 2: the the the the the the the has precision 2/7."""
    answer, truths = ["the"] * 7, [of("the cat is on the mat"), of("there is a cat on the mat")]
    assert bleu([answer], [truths])[0] == pytest.approx(2 / 7)


def test_short_answers_are_cut_by_the_brevity_of_the_nearest_true_sentence():
    truths = [["a"] * 12, ["a"] * 13, ["a"] * 15, ["a"] * 17]
    assert bleu([["a"] * 12], [truths])[0] == 1.0
    assert bleu([["a"] * 10], [truths])[0] == pytest.approx(math.exp(1 - 12 / 10))
    assert bleu([["a"] * 14], [truths])[0] == 1.0                           # 13 and 15 are as near: the shorter


def test_a_hand_case_of_every_order():
    answer, truth = of("a dog runs on grass"), [of("a dog runs on the grass")]
    short = math.exp(1 - 6 / 5)
    wanted = [short * 1, short * math.sqrt(3 / 4), short * (3 / 4 * 2 / 3) ** (1 / 3), short * (3 / 4 * 2 / 3 * 1 / 2) ** 0.25]
    assert bleu([answer], [truth]) == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(5))
def test_bleu_is_what_a_slow_implementation_says(seed):
    answers, truths = corpus(seed)
    assert bleu(answers, truths) == pytest.approx([slow_bleu(answers, truths, n) for n in (1, 2, 3, 4)])


@pytest.mark.parametrize("seed", range(3))
def test_bleu_is_nltks(seed):
    scorer = pytest.importorskip("nltk.translate.bleu_score", reason="nltk is not installed")
    pairs = [pair for pair in zip(*corpus(seed), strict=True) if len(pair[0]) >= 4]     # of shorter ones it counts a 4-gram that is not there
    answers, truths = map(list, zip(*pairs, strict=True))
    wanted = [scorer.corpus_bleu(truths, answers, weights=[1 / n] * n) for n in (1, 2, 3, 4)]
    assert bleu(answers, truths) == pytest.approx(wanted)


def test_bleu_without_anything_in_common_or_said():
    assert bleu([["x"]], [[["y"]]]) == [0.0] * 4 and bleu([[]], [[["y"]]]) == [0.0] * 4
    assert bleu([["a", "b"]], [[["a", "c"]]]) == [0.5, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("seed", range(5))
def test_cider_is_what_a_slow_implementation_says(seed):
    answers, truths = corpus(seed)
    assert cider(answers, truths) == pytest.approx(slow_cider(answers, truths))


def test_cider_by_hand():
    truths = [[["red", "dog"]], [["blue", "cat"]]]
    assert cider([["red", "dog"], ["blue", "cat"]], truths) == pytest.approx(5.0)              # 1- and 2-grams of 4 orders, 10 × 2/4
    assert cider([["red", "cat"], ["blue", "cat"]], truths) == pytest.approx((10 * 0.5 / 4 + 5) / 2)
    assert cider([["cat", "dog"], ["x"]], [[["a", "dog"]], [["a", "cat"]]]) < cider([["a", "dog"], ["x"]], [[["a", "dog"]], [["a", "cat"]]]) + 1e-12
    assert cider([["a"], ["a"]], [[["a"]], [["a"]]]) == 0.0                                    # what every picture has says nothing


def test_cider_counts_repetition_once_and_length_against_it():
    truths = [[of("a red dog runs fast today")], [of("two blue cats sleep")], [of("one man sits")]]
    rest = [truths[1][0], truths[2][0]]
    good, repeated = cider([truths[0][0], *rest], truths), cider([of("dog dog dog dog dog dog"), *rest], truths)
    assert good > repeated > cider([of("nothing at all of this is true"), *rest], truths)


def test_ngrams_of_short_sentences():
    assert not ngrams(["a"], 2) and ngrams(of("a b a b"), 2) == {("a", "b"): 2, ("b", "a"): 1}


def test_bleu_of_the_example_in_nltks_manual():
    first = of("It is a guide to action which ensures that the military always obeys the commands of the party")
    second = of("he read the book because he was interested in world history")
    truths = [[of("It is a guide to action that ensures that the military will forever heed Party commands"),
               of("It is the guiding principle which guarantees the military forces always being under the command of the Party"),
               of("It is the practical guide for the army always to heed the directions of the party")],
              [of("he was interested in world history because he read the book")]]
    assert bleu([first, second], truths)[3] == pytest.approx(0.5920, abs=1e-4)
