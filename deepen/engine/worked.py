"""The worked examples as people read them: each function computes one now and tells it in lines, with its numbers.

A function's name is the `worked` of an entry in `chapters/book.toml`.
"""
from typing import Any

import torch

from deepen.core.words import say
from deepen.engine.worked_deep import depth, im2col, layer_times, skip, small_windows
from deepen.engine.worked_text import bar, beside, columns, grid, numbers
from deepen.nn import augment, worked

Told = tuple[list[str], dict[str, Any]]         # lines for people, numbers for programs


def tell(name: str) -> Told:
    """Compute the worked example of that name."""
    return EXAMPLES[name]()


def four_points() -> Told:
    points, outer = worked.POINTS, worked.OUTER
    values, line = worked.features(points), worked.best_line(points, outer)
    ways = [worked.best_line(values[:, [way, way]], outer) for way in (0, 1)]
    rows = [[f"({x:g}, {y:g})", say("outer") if out else say("inner"), f"{squares:g}", f"{product:g}"]
            for (x, y), out, (squares, product) in zip(points.tolist(), outer.tolist(), values.tolist(), strict=True)]
    return [*columns([say("point"), say("class"), "x₁² + x₂²", "x₁ · x₂"], rows), "",
            say("the best straight line gets {right} of {all} right", right=line, all=len(points)),
            say("x₁² + x₂² > 7 gets {right} of {all} right, and so does x₁ · x₂ < 1", right=min(ways), all=len(points))], \
        {"line": line, "squares": values[:, 0].tolist(), "product": values[:, 1].tolist()}


def one_weight() -> Told:
    turns = worked.one_weight()
    rows = [[f"{number}", *(f"{turn[key]:.3f}".replace("-", "−") for key in ("w", "guess", "loss", "slope", "new"))]
            for number, turn in enumerate(turns, 1)]
    return [say("input 2, wanted 3, rate 0.1; the weight begins at 0.5 and should be 1.5"), "",
            *columns([say("turn"), "w", say("answer"), say("loss"), say("slope"), say("new w")], rows)], {"turns": turns}


def pixels() -> Told:
    picture = worked.PICTURE
    flat = picture.flatten().tolist()
    return [*beside(grid(picture), [" ".join(" ▒"[value > 4] * 2 for value in row) for row in picture.tolist()]), "",
            say("{height} × {width} pixels are {count} numbers for the network:", height=len(picture), width=len(picture[0]),
                count=len(flat)), " ".join(map(str, flat))], {"numbers": flat}


def one_hot() -> Told:
    words = (say("cat"), say("dog"), say("goldfish"))
    rows = [worked.one_hot(index, len(words)) for index in range(len(words))]
    apart = float((rows[0] - rows[2]).float().norm())
    table = torch.tensor([[0.8, 0.1], [0.9, 0.2], [0.1, 0.7]])          # (words, 2), as if learned
    return [*columns(["", *words], [[word, *map(str, row.tolist())] for word, row in zip(words, rows, strict=True)]), "",
            say("every word is as far from every other: {apart:.3f}", apart=apart),
            say("times a table of {size} numbers a word it picks that word's row: {row}", size=table.shape[1],
                row=numbers((rows[2].float() @ table).tolist()))], \
        {"rows": [row.tolist() for row in rows], "apart": apart}


def dense() -> Told:
    x, weight, bias = torch.tensor([1., 2., 3.]), torch.tensor([[.5, -1., 1.], [1., 0., -.5]]), torch.tensor([0., 1.])
    y = worked.dense(x, weight, bias).tolist()
    lines = [f"{' + '.join(f'{w:g}·{v:g}' for w, v in zip(row, x.tolist(), strict=True))} + {b:g} = {out:g}".replace("-", "−")
             for row, b, out in zip(weight.tolist(), bias.tolist(), y, strict=True)]
    return [say("input {x}, two neurons:", x=numbers(x.tolist())), *lines,
            say("{inputs} inputs × {outputs} neurons + {outputs} biases = {count} parameters", inputs=3, outputs=2,
                count=weight.numel() + bias.numel())], {"y": y}


def recurrent() -> Told:
    inputs = [1.0, 0.0, 0.0, 0.0, 1.0]
    memory = worked.recurrent(inputs, 1.0, 0.9)
    rows = [[f"{t}", f"{x:g}", f"{h:.3f}", bar(h)] for t, (x, h) in enumerate(zip(inputs, memory, strict=True), 1)]
    return [say("h ← tanh(1.0 · x + 0.9 · h): the memory of one neuron"), "",
            *columns([say("step"), "x", "h", ""], rows)], {"h": memory}


def lstm() -> Told:
    w_x, w_h, b = (4.0, 0.0, 3.0, 0.0), (0.0, 0.0, 0.0, 0.0), (-2.0, 3.0, 0.0, 2.0)
    h = c = 0.0
    rows, told = [], []
    for t, x in enumerate([1.0, 0.0, 0.0, 0.0, 0.0], 1):
        step = worked.lstm(x, h, c, w_x, w_h, b)
        h, c = step["h"], step["c"]
        told.append(step)
        rows.append([f"{t}", f"{x:g}", *(f"{step[key]:.2f}" for key in ("forget", "input", "output")), f"{c:.3f}", bar(c)])
    return [say("an LSTM of one neuron; its forget gate stands at 0.95, so memory stays"), "",
            *columns([say("step"), "x", say("forget"), say("write"), say("tell"), "c", ""], rows)], {"steps": told}


def conv_filter() -> Told:
    picture = torch.tensor([[0., 0., 1., 1., 1., 0., 0.]] * 5)              # a bright bar on a dark ground
    answer = worked.convolution(picture, worked.EDGE)
    return [*beside(grid(picture), ["", "∗", ""], grid(worked.EDGE), ["", "=", ""], grid(answer)), "",
            say("{high:+g} where dark turns bright, {low:+g} where bright turns dark, else 0",
                high=float(answer.max()), low=float(answer.min())).replace("-", "−")], {"answer": answer.tolist()}


def pooling() -> Told:
    picture = torch.tensor([[1., 3., 2., 1.], [4., 2., 0., 1.], [5., 1., 9., 6.], [2., 0., 7., 8.]])
    most, mean = worked.pooled(picture), worked.pooled(picture, "mean")
    return [*beside(grid(picture), ["", "→"], [say("largest"), *grid(most)], [say("mean"), *grid(mean)]), "",
            say("4 × 4 becomes 2 × 2: a quarter of the numbers")], {"max": most.tolist(), "mean": mean.tolist()}


def softmax() -> Told:
    scores, names = torch.tensor([2.0, 3.0, 5.0]).log(), (say("cat"), say("dog"), say("goldfish"))
    p = worked.softmax(scores)
    rows = [[name, f"{z:.2f}", f"{z.exp():.2f}", f"{share:.2f}", bar(float(share))]
            for name, z, share in zip(names, scores, p, strict=True)]
    best = int(p.argmax())
    return [*columns([say("class"), say("score z"), "eᶻ", say("share"), ""], rows), "",
            say("the answer is {name}; if that is true, the loss is −log {p:.2f} = {loss:.3f}", name=names[best], p=float(p[best]),
                loss=-float(p[best].log()))], {"p": p.tolist(), "answer": best}


def top_five() -> Told:
    names = [say(name) for name in ("goldfish", "shark", "whale", "frog", "boat", "lamp")]
    p = torch.tensor([0.30, 0.24, 0.20, 0.14, 0.08, 0.04])
    place, first, five = worked.rank(p, 2)
    rows = [[f"{number}", name, f"{share:.2f}", bar(float(share)) + ("  ←" if number == place else "")]
            for number, (name, share) in enumerate(zip(names, p, strict=True), 1)]
    return [*columns([say("place"), say("class"), "p", ""], rows), "",
            say("the truth ({name}) has place {place}: top-1 {first}, top-5 {five}", name=names[2], place=place,
                first=say("right") if first else say("wrong"), five=say("right") if five else say("wrong"))], \
        {"place": place, "top1": first, "top5": five}


def augmented() -> Told:
    picture = worked.PICTURE
    with torch.random.fork_rng([]):
        torch.manual_seed(4)
        moved = augment.Augment("shift 1", 10)(picture[None, None].to(torch.uint8), torch.tensor([1]))[0][0, 0]
    flipped = picture.flip(1)
    return [*beside([say("picture"), *grid(picture)], ["", "", "→"], ["shift 1", *grid(moved)], [say("flip"), *grid(flipped)]), "",
            say("a one moved is still a one; a sign turned left to right often is another")], \
        {"shift": moved.tolist(), "flip": flipped.tolist()}


def bits() -> Told:
    value = 3.14159265358979
    stored = worked.formats(value)
    a, b = torch.tensor([1, -1, 1, 1, -1, 1, -1, -1]), torch.tensor([1, 1, 1, -1, -1, 1, -1, 1])
    multiplied, counted = worked.one_bit_product(a, b)
    rows = [[name, f"{size}", f"{kept:.7f}", f"{abs(kept - value):.1e}", f"{32 // size}×"] for name, (kept, size) in stored.items()]
    return [*columns([say("format"), say("bits"), say("π is stored as"), say("error"), say("smaller")], rows), "",
            say("{count} products of ±1 without one multiplication: sum {sum} = 2 · {same} equal signs − {count}", count=len(a),
                sum=multiplied, same=(counted + len(a)) // 2)], \
        {"stored": {name: kept for name, (kept, _) in stored.items()}, "product": [multiplied, counted]}


def activations() -> Told:
    x = torch.tensor([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    told = worked.activations(x)
    rows = [[name, *(f"{value:.2f}".replace("-", "−") for value in y.tolist())] for name, (y, _) in told.items()]
    steep = float(worked.activations(torch.zeros(1))["sigmoid"][1])
    return [*columns(["x", *(f"{value:g}".replace("-", "−") for value in x.tolist())], rows), "",
            say("a sigmoid's slope is at most {steep}: ten of them leave {left:.0e} of the gradient", steep=steep,
                left=steep ** 10)], {name: {"y": y.tolist(), "slope": slope.tolist()} for name, (y, slope) in told.items()}


def initialisation() -> Told:
    told = {f"{name}, {how}": worked.signal_sizes(f, how) for name, f, how in (
        ("relu", torch.relu, "normal"), ("relu", torch.relu, "xavier"), ("relu", torch.relu, "he"), ("tanh", torch.tanh, "xavier"))}
    rows = [[name, *(f"{sizes[layer - 1]:.2g}" for layer in (1, 2, 4, 7, 10))] for name, sizes in told.items()]
    return [say("the size of a signal (standard deviation) after layers of 100 neurons"), "",
            *columns([say("layers"), *map(str, (1, 2, 4, 7, 10))], rows), "",
            say("normal (0.01 wide): the signal dies; he makes up for the half that relu drops")], told


def optimizers() -> Told:
    ways = {name: worked.valley(rule, lr) for name, rule, lr in (   # the rates are those of the textbook's figures
        ("SGD 0.95", "sgd", 0.95), ("momentum 0.1", "momentum", 0.1), ("AdaGrad 1.5", "adagrad", 1.5), ("Adam 0.3", "adam", 0.3))}
    rows = [[name, *(f"({way[turn, 0]:.1f}, {way[turn, 1]:.1f})".replace("-0.0", "0.0").replace("-", "−") for turn in (5, 10, 30))]
            for name, way in ways.items()]
    return [say("down the valley x²/20 + y² from (−7, 2); the bottom is (0, 0)"), "",
            *columns([say("after steps"), *map(str, (5, 10, 30))], rows)], \
        {name: way[-1].tolist() for name, way in ways.items()}


def data_parallel() -> Told:
    x = torch.tensor([[1., 2.], [0., 1.], [3., 1.], [2., 2.]])
    whole, shared = worked.shared_gradient(x, torch.tensor([1., 0., 2., 1.]), torch.tensor([.5, -.5]), 2)
    rows = [[say("one worker, 4 examples"), numbers(whole.tolist())], [say("two workers, 2 examples each"), numbers(shared.tolist())]]
    return columns(["", say("mean gradient")], rows), {"one": whole.tolist(), "two": shared.tolist()}


def noising() -> Told:
    left = worked.signal_left()
    rows = [[f"{t}", f"{left[t - 1]:.3f}", bar(float(left[t - 1]))] for t in (1, 100, 250, 500, 750, 1000)]
    return columns([say("step"), say("picture left"), ""], rows), {"left": left[[0, 99, 249, 499, 749, 999]].tolist()}


def corridor() -> Told:
    sweeps = worked.corridor()
    rows = [[f"{turn}", *(f"{value:.2f}" for value in sweeps[turn - 1])] for turn in (1, 2, 3, 4, 5)]
    return [say("five cells in a row, the last step earns 1, the future counts 0.9 a step"), "",
            *columns([say("sweep"), *(f"v{cell}" for cell in range(1, 6))], rows)], {"values": sweeps[4]}


EXAMPLES = {f.__name__: f for f in (four_points, one_weight, pixels, one_hot, dense, recurrent, lstm, conv_filter, pooling, softmax,
                                    im2col, small_windows, depth, top_five, augmented, bits, layer_times, activations, initialisation, skip,
                                    optimizers, data_parallel, noising, corridor)}
