"""How near sentences are to true ones: BLEU and CIDEr of a whole set. Sentences are lists of words (`core.sentences.plain`)."""
import math
from collections import Counter
from collections.abc import Sequence

Sentence = Sequence[str]
WIDTH = 6.0                     # σ of CIDEr-D's penalty for another length, in words


def ngrams(words: Sentence, n: int) -> Counter:
    """How often each run of n words occurs."""
    return Counter(tuple(words[i:i + n]) for i in range(len(words) - n + 1))


def bleu(answers: Sequence[Sentence], truths: Sequence[Sequence[Sentence]], most: int = 4) -> list[float]:
    """BLEU-1 … BLEU-`most` of a corpus (Papineni et al. 2002, section 2.3): counts are summed over all answers, each clipped at
    the most often that one true sentence has it; the brevity penalty takes the true length nearest to the answer's, of two the
    shorter. No smoothing: without one common n-gram it is 0."""
    return bleu_of([sum(column) for column in zip(*map(counted, answers, truths, [most] * len(answers)), strict=True)])


def counted(answer: Sentence, true: Sequence[Sentence], most: int = 4) -> list[int]:
    """What BLEU adds up over the answers: hits and tries of 1 … `most` words, and the lengths of answer and truth."""
    hits, tries = [], []
    for n in range(1, most + 1):
        highest: Counter = Counter()
        for one in true:
            highest |= ngrams(one, n)
        given = ngrams(answer, n)
        hits.append((given & highest).total())
        tries.append(given.total())
    return [*hits, *tries, len(answer), min((abs(len(one) - len(answer)), len(one)) for one in true)[1]]


def bleu_of(counts: Sequence[float]) -> list[float]:
    """BLEU-1 … of the sums of `counted`."""
    *grams, length, wanted = counts
    hits, tries = grams[: len(grams) // 2], grams[len(grams) // 2:]
    if not length or not hits[0]:
        return [0.0] * len(hits)
    brevity = math.exp(min(0.0, 1 - wanted / length))
    logs = [math.log(hit / tried) if hit else -math.inf for hit, tried in zip(hits, tries, strict=True)]
    return [brevity * math.exp(sum(logs[:n]) / n) for n in range(1, len(hits) + 1)]


def cider(answers: Sequence[Sentence], truths: Sequence[Sequence[Sentence]], most: int = 4) -> float:
    """CIDEr-D, the mean over the pictures of `ciders`, 0 … 10."""
    return sum(ciders(answers, truths, most)) / max(1, len(answers))


def ciders(answers: Sequence[Sentence], truths: Sequence[Sequence[Sentence]], most: int = 4) -> list[float]:
    """CIDEr-D of each picture among these (Vedantam, Zitnick and Parikh 2015, section 5 and equation 6), 0 … 10.

    n-grams count by how few pictures of the set have them in a true sentence: idf = log(pictures / that number). Of an answer
    no n-gram counts more often than in the true sentence, and another length costs exp(−Δ²/2σ²). Words are not stemmed."""
    met: Counter = Counter()
    for true in truths:
        met.update({gram for one in true for n in range(1, most + 1) for gram in ngrams(one, n)})
    pictures = math.log(max(1, len(truths)))

    def weighed(words: Sentence) -> tuple[list[dict], list[float]]:
        vectors = [{gram: count * (pictures - math.log(max(1, met[gram]))) for gram, count in ngrams(words, n).items()}
                   for n in range(1, most + 1)]
        return vectors, [math.sqrt(sum(value * value for value in vector.values())) for vector in vectors]

    each = []
    for answer, true in zip(answers, truths, strict=True):
        mine, norm = weighed(answer)
        total = 0.0
        for one in true:
            theirs, other = weighed(one)
            penalty = math.exp(-(len(answer) - len(one)) ** 2 / (2 * WIDTH**2))
            for a, b, na, nb in zip(mine, theirs, norm, other, strict=True):
                if na and nb:
                    total += penalty * sum(min(value, b[gram]) * b[gram] for gram, value in a.items() if gram in b) / (na * nb) / len(true)
        each.append(10 * total / most)
    return each
