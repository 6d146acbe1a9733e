import itertools
import math
import re

import pytest
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Text
from deepen.core.sentences import END, FIRST, UNKNOWN, decode, vocabulary
from deepen.nn import captions
from deepen.sources.shapes import shapes
from deepen.systems import caption
from deepen.systems.caption import Caption, said

NET = "conv 8; norm; relu; pool; dense classes"


def made(texts=(("a b",), ("b a a", "b")), **fields):
    """A system on a few pictures of noise, in eval mode."""
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (len(texts), 3, 8, 8), dtype=torch.uint8)
    words = vocabulary(text for told in texts for text in told)
    examples = Examples(pictures, list(texts))
    system = Caption(**{"net": NET, "width": 12, "batch": len(texts), "average": 0.0, "drop": 0.0} | fields)
    system.data = Data({"train": examples, "valid": examples}, Image(3, 8, 8), Text(words))
    system.build(system.data)
    system.model.eval()
    for p in system.model.parameters():
        p.requires_grad_(False)
    torch.nn.init.normal_(system.model.scores.weight, std=1.0)             # sure of something
    return system, pictures


def told_by(net, picture, ids):
    """log p of each word and of the end, one word at a time."""
    state, logs = net.begin(picture[None]), []
    for before, word in zip([END, *ids], [*ids, END], strict=True):
        z, state = net.step(torch.tensor([before]), state)
        logs.append(z.log_softmax(1)[0, word].item())
    return logs


def test_sentences_become_numbers_and_back():
    system, _ = made()
    told, of = system.numbers([("a b",), ("b a a", "b")], "cpu")
    a, b = system.number["a"], system.number["b"]
    assert told.tolist() == [[END, a, b, END, caption.SILENT], [END, b, a, a, END], [END, b, END, caption.SILENT, caption.SILENT]]
    assert of.tolist() == [0, 1, 1] and decode(told[1, 1:].tolist(), system.data.target.words) == "b a a"


def test_the_loss_is_the_mean_surprise_at_each_true_word():
    system, pictures = made()
    logs = [told_by(system.model, pictures[row], [system.number[word] for word in text.split()])
            for row, told in enumerate(system.data.splits["train"].target) for text in told]
    flat = [log for one in logs for log in one]
    assert system.loss(system.model, pictures, system.data.splits["train"].target).item() == pytest.approx(-sum(flat) / len(flat), rel=1e-5)


def test_the_picture_is_seen_once_before_the_first_word():
    system, pictures = made()
    net, seen = system.model, []
    net.look.register_forward_hook(lambda *_: seen.append(1))
    told = torch.tensor([[END, 2, 3, 2]])
    z = net(pictures[:1], told, torch.tensor([0]))
    h, c = net.memory(net.look(pictures[:1]))
    for t in range(4):
        h, c = net.memory(net.vectors(told[:, t]), (h, c))
        assert torch.allclose(z[:, t], net.scores(h), atol=1e-5)
    assert len(seen) == 2                                                   # once by the net, once by this test


def test_one_beam_takes_the_likeliest_word_each_time():
    system, pictures = made(beam=1)
    ids, sure = said(system.model, pictures, 1)
    for picture, numbers, logs in zip(pictures, ids.tolist(), sure, strict=True):
        state, word = system.model.begin(picture[None]), torch.tensor([END])
        for t, number in enumerate(numbers):
            z, state = system.model.step(word, state)
            z[:, UNKNOWN] = -math.inf
            z[:, END] = -math.inf if t == 0 else z[:, END]
            word = z.argmax(1)
            assert number == word.item()
            if number == END:
                break
            assert logs[t].item() <= 0


def test_a_beam_of_everything_finds_the_best_of_all_sentences(monkeypatch):
    monkeypatch.setattr(caption, "MOST", 4)
    system, pictures = made((("a b c",), ("c a",), ("b",)))
    ids, _ = said(system.model, pictures, 3**4)

    def worth(picture, words):
        logs = told_by(system.model, picture, list(words))
        return sum(logs[:4]) / min(4, len(words) + 1) ** caption.SHORT      # of four words there is no time for the end
    every = [words for n in (1, 2, 3, 4) for words in itertools.product(range(FIRST, FIRST + 3), repeat=n)]
    for picture, numbers in zip(pictures, ids.tolist(), strict=True):
        assert tuple(number for number in numbers if number != END) == max(every, key=lambda words: worth(picture, words))


def test_more_beams_are_never_less_likely_than_one():
    system, pictures = made(tuple((f"{a} {b} {c}",) for a in "ab" for b in "cd" for c in "ef"), width=16)
    worth = []
    for beam in (1, 6):
        ids, sure = said(system.model, pictures, beam)
        length = (ids != END).sum(1) + (ids == END).any(1)
        worth.append(sure.sum(1) / length**caption.SHORT)
    assert (worth[1] >= worth[0] - 1e-5).float().mean() > 0.8 and worth[1].mean() >= worth[0].mean() - 1e-6


def test_each_word_comes_with_its_probability():
    system, pictures = made(beam=2)
    sentences = system.predict(pictures)
    for row, (sentence, told) in enumerate(zip(sentences, system.words(pictures), strict=True)):
        assert sentence == " ".join(word for word, _ in told) and told
        logs = told_by(system.model, pictures[row], [system.number[word] for word, _ in told])
        assert [p for _, p in told] == pytest.approx([math.exp(log) for log in logs[:-1]], rel=1e-4)


def test_an_unknown_word_is_learned_from_and_never_said():
    system, pictures = made((("a zebra b",), ("b a",)))
    system.data = Data(system.data.splits, system.data.inputs, Text(("a", "b")))
    system.build(system.data)
    system.model.eval()
    assert UNKNOWN in system.numbers([("a zebra b",)], "cpu")[0]
    with torch.no_grad():
        system.model.scores.bias[UNKNOWN] += 50
        assert all("…" not in sentence for sentence in system.predict(pictures))


def test_the_exported_step_says_the_same_sentence():
    system, pictures = made(beam=1)
    step, given, names = system.exported(pictures)
    assert names == ["scores", "said_after", "memory_after"] and list(given) == ["pictures", "word", "said", "memory"]
    h, c = torch.randn(2, 12), torch.randn(2, 12)                           # forgotten when a picture is looked at
    _, h, c = step(pictures, torch.full((2,), -1), h, c)
    word, found = torch.tensor([END, END]), []
    for t in range(5):
        z, h, c = step(pictures, word, h, c)
        z[:, UNKNOWN] = -math.inf
        z[:, END] = -math.inf if t == 0 else z[:, END]
        word = z.argmax(1)
        found.append(word)
    ids, _ = said(system.model, pictures, 1)
    for row in range(2):
        mine = decode([one[row].item() for one in found], system.data.target.words)
        assert decode(ids[row, :5].tolist(), system.data.target.words) == mine


def test_scheduled_sampling_goes_on_from_its_own_words():
    system, pictures = made()
    told, of = torch.tensor([[END, 3, 3, 3, 3]]), torch.tensor([0])
    true, own = system.model(pictures[:1], told, of), system.model(pictures[:1], told, of, own=1.0)
    assert torch.equal(true[:, 0], own[:, 0])
    state, word = system.model.begin(pictures[:1]), torch.tensor([END])
    for t in range(5):
        z, state = system.model.step(word, state)
        assert torch.allclose(own[:, t], z, atol=1e-5)
        word = z.argmax(1)


def test_korean_sentences_are_learned_with_their_particles():
    data = shapes(10, 16, "captions", 0, "ko", valid=0.1, test=0)
    system = Caption(net="conv 16; norm; relu; pool; dense classes", width=64, epochs=250, batch=9, average=0.0, drop=0.0, decay=0.0, optimizer="adamw", lr=0.01, beam=1)
    torch.manual_seed(0)
    system.data = data
    system.build(data)
    for step, _ in enumerate(system.steps()):
        system.progress = step / system.planned
    system.model.eval()
    train = data.splits["train"]
    with torch.no_grad():
        answers = system.predict(train.inputs)
        metrics = system.evaluate("train")
    right = [answer in told for answer, told in zip(answers, train.target, strict=True)]
    assert sum(right) >= 0.8 * len(right)
    assert all(re.fullmatch(r".* (원이|사각형이|삼각형이|별이|십자가|고리가) 있다", answer) for answer in answers)
    assert metrics["accuracy"] == pytest.approx(sum(right) / len(right)) and metrics["bleu1"] > 0.9
    assert metrics["bleu4"] == captions.bleu([answer.split() for answer in answers], [[one.split() for one in told] for told in train.target])[3]
