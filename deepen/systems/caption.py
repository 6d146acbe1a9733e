"""NIC: a network looks at a picture, another says what it sees (Vinyals, Toshev, Bengio and Erhan 2015)."""
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from deepen.core.kinds import Image, Text
from deepen.core.recipe import Amount, Annotated, Count, Fraction, Live, Rate, Size, Times
from deepen.core.sentences import END, FIRST, UNKNOWN, encode, joined, numbered, plain, spoken
from deepen.core.system import System
from deepen.nn import captions, optim
from deepen.nn.augment import Augment
from deepen.nn.design import network
from deepen.sources.weights import begin_from, located, read_weights

MOST = 40                       # words of a sentence
SHORT = 0.7                     # answers are compared by log p / length^SHORT: sums favour short ones
SILENT = -100                   # where a sentence has ended already
LOOK = ("conv 32 5 stride=2; norm; relu; conv 64; pool; norm; relu; conv 64; pool; norm; relu; "
        "conv 32; norm; relu; dense classes")


@dataclass
class Caption(System):
    """Says in a sentence what a picture shows."""
    goal = (Image, Text)
    default_data = "shape_captions"
    score = "bleu4"
    transient = ("change", "number", "known")
    tiny = {"data": "shape_captions", "data.count": 300, "data.size": 16, "data.difficulty": 0.0, "batch": 16,
            "epochs": 10, "width": 64, "optimizer": "adamw", "lr": 0.005,
            "net": "conv 16; norm; relu; pool; dense classes"}

    net: str = LOOK                             # what looks: a name (resnet18), or lines of a Design
    width: Size = 128                           # length of what is seen, of a word's vector and of the memory
    epochs: Times = 20                          # times through the training data
    batch: Count = 64                           # pictures a step, each with all its sentences
    optimizer: optim.Name = "muon"              # how weights follow gradients
    lr: Annotated[Rate, Live] = 0.02            # learning rate at its highest
    decay: Amount = 0.01                        # weight decay
    drop: Fraction = 0.1                        # dropout of word vectors and of the memory that speaks
    own: Fraction = 0.0                         # share of its own words it learns from at the end (Bengio)
    smooth: Fraction = 0.0                      # label smoothing of the words
    augment: str = ""                           # lines that change training pictures (flip: left is right)
    average: Fraction = 0.99                    # decay of the weight average (0: none)
    weights: str = ""                           # the looking net starts from a run or a safetensors file
    beam: Count = 3                             # sentences followed at once (1: always the likeliest word)

    def __post_init__(self):
        self.weights = located(self.weights)

    def build(self, data):
        words = data.target.words
        self.number, self.known = numbered(words), {}
        net = Teller(network(self.net, data.inputs, self.width), self.width, len(words), self.drop)
        if self.weights and self.begins(data):
            begin_from(net.look, read_weights(self.weights, self.net.split()[0]))
        self.model = self.place(net)
        self.rule = optim.make(self.optimizer, self.model, self.lr, self.decay)
        self.ema = optim.Average(self.model, self.average) if self.average else None
        self.change = Augment(self.augment)
        self.stream = data.stream("train", self.batch, self.epochs)

    def steps(self):
        for x, truth in self.stream:                        # uint8 (B, C, H, W), B tuples of sentences
            optim.set_rate(self.rule, self.lr * optim.schedule("cosine", self.progress, 0.05))
            x, _ = self.change(x)
            loss = self.descend(partial(self.loss, self.model, x, truth), self.rule, clip=5.0)
            if self.ema is not None:
                self.ema.update(self.model)
            yield {"loss": loss}

    def loss(self, model, x, truth):
        """−log p of each true word, given the picture and the true words before it (equation 13), mean."""
        told, of = self.numbers(truth, x.device)                        # (S, T), (S,)
        z = model(x, told[:, :-1].clamp(min=END), of, self.own * self.progress if model.training else 0.0)
        smooth = self.smooth if model.training else 0.0
        return F.cross_entropy(z.flatten(0, 1).float(), told[:, 1:].flatten(), ignore_index=SILENT,
                               label_smoothing=smooth)

    def numbers(self, truth, device):
        """Sentences as numbers (S, T), from END to END, filled up; whose picture each is (S,)."""
        rows, of = [], []
        for picture, sentences in enumerate(truth):
            for text in sentences:
                if text not in self.known:
                    self.known[text] = torch.tensor([END, *encode(text, self.number)[:MOST - 1], END])
                rows.append(self.known[text])
                of.append(picture)
        told = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=SILENT)
        return told.to(device), torch.tensor(of, device=device)

    def evaluate(self, split="valid"):
        losses, answers, truths = [], [], []
        for x, truth in self.data.batches(split):
            losses.append(self.loss(self.network(), x, truth) * len(x))
            answers += [plain(sentence) for sentence in self.predict(x)]
            truths += [[plain(sentence) for sentence in told] for told in truth]
        exact = sum(answer in true for answer, true in zip(answers, truths, strict=True))
        of_four = dict(zip(("bleu1", "bleu2", "bleu3", "bleu4"), captions.bleu(answers, truths), strict=True))
        return {"loss": torch.stack(losses).sum() / len(answers), **of_four,
                "cider": captions.cider(answers, truths), "accuracy": exact / len(answers)}

    def predict(self, inputs):
        """Pictures (B, C, H, W) -> B sentences."""
        return [joined(word for word, _ in told) for told in self.words(inputs)]

    def words(self, inputs):
        """Pictures (B, C, H, W) -> B sentences as [(word, how sure), …]."""
        told = []
        for part in inputs.split(256):
            ids, sure = said(self.network(), part, self.beam)
            for numbers, odds in zip(ids.tolist(), sure.exp().tolist(), strict=True):
                pieces = spoken(numbers, self.data.target.words)
                told.append(list(zip(pieces, odds, strict=False)))
        return told

    def exported(self, inputs):
        """What is written for others: one step. Word −1 looks at the picture, 0 begins and ends."""
        net, n = self.network(), len(inputs)
        state = torch.linspace(-1, 1, n * self.width).view(n, self.width)
        word = (torch.arange(n) % (FIRST + len(self.data.target.words) + 1)) - 1
        given = {"pictures": inputs, "word": word, "said": state, "memory": state.flip(0)}
        return Step(net), given, ["scores", "said_after", "memory_after"]


class Teller(nn.Module):
    """Training: pictures (B, C, H, W), words so far (S, T), whose picture each sentence is (S,) -> scores
    of the words that follow (S, T, V)."""

    def __init__(self, look: nn.Module, width: int, words: int, drop: float):
        super().__init__()
        self.look = look                                                # pictures -> (B, width)
        self.vectors = nn.Embedding(FIRST + words, width)               # S_t -> x_t, equation 11
        self.memory = nn.LSTMCell(width, width)                         # equations 4 to 8
        self.drop = nn.Dropout(drop)
        self.scores = nn.Linear(width, FIRST + words)                   # equation 9, before its softmax
        nn.init.normal_(self.vectors.weight, std=0.1)
        nn.init.constant_(self.memory.bias_ih[width:2 * width], 2.0)    # f: forgets little at first

    def forward(self, x, told, of, own=0.0):
        state = tuple(part[of] for part in self.begin(x))
        z = []
        for t in range(told.shape[1]):
            word = told[:, t]
            if own and t:                                               # scheduled sampling
                mine = torch.rand(word.shape, device=word.device) < own
                word = torch.where(mine, z[-1].detach().argmax(1), word)
            scores, state = self.step(word, state)
            z.append(scores)
        return torch.stack(z, 1)

    def begin(self, x):
        """The picture is seen once, before the first word (equation 10)."""
        return self.memory(self.look(x))

    def step(self, word, state):
        """One word (S,) and the memory's (h, c) -> scores of the next word (S, V), the memory after it."""
        h, c = self.memory(self.drop(self.vectors(word)), state)
        return self.scores(self.drop(h)), (h, c)


class Step(nn.Module):
    """One step with the memory's state in and out, as others run it."""

    def __init__(self, net: Teller):
        super().__init__()
        self.net = net

    def forward(self, pictures, word, said, memory):
        first = (word < 0)[:, None]
        seen = torch.where(first, self.net.look(pictures), self.net.vectors(word.clamp(min=0)))
        h, c = self.net.memory(seen, (said * ~first, memory * ~first))
        return self.net.scores(h), h, c


def said(net: Teller, x, beam: int):
    """Beam search: the likeliest sentences (B, T) as numbers up to END, each word's log p (B, T)."""
    n, words = len(x), net.scores.out_features
    state = tuple(part.repeat_interleave(beam, 0) for part in net.begin(x))     # (B·K, width)
    ids = torch.full((n, beam, 1), END, device=x.device)
    sure = torch.zeros(n, beam, 1, device=x.device)
    over = torch.zeros(n, beam, dtype=torch.bool, device=x.device)
    total = torch.full((n, beam), -torch.inf, device=x.device)
    total[:, 0] = 0                                                     # all begin alike: one is enough
    for t in range(MOST):
        z, state = net.step(ids[..., -1].flatten(), state)
        log = z.float().log_softmax(1).view(n, beam, words)
        log[..., UNKNOWN] = -torch.inf                      # what it does not know it does not say
        if not t:
            log[..., END] = -torch.inf
        stay = torch.full_like(log, -torch.inf)
        stay[..., END] = 0                                  # a sentence that is over stays as it is
        log = torch.where(over[..., None], stay, log)
        total, best = (total[..., None] + log).flatten(1).topk(beam)    # (B, K) of K · V
        parent, word = best // words, best % words
        ids = torch.cat([ids.gather(1, parent[..., None].expand(-1, -1, t + 1)), word[..., None]], 2)
        odds = log.flatten(1).gather(1, best)[..., None]
        sure = torch.cat([sure.gather(1, parent[..., None].expand(-1, -1, t + 1)), odds], 2)
        rows = (torch.arange(n, device=x.device)[:, None] * beam + parent).flatten()
        state = tuple(part[rows] for part in state)
        over = over.gather(1, parent) | (word == END)
        if over.all():
            break
    length = (ids[..., 1:] != END).sum(2) + over                        # its words and its end
    best = (total / length**SHORT).argmax(1)
    row = torch.arange(n, device=x.device)
    return ids[row, best, 1:], sure[row, best, 1:]
