"""The worked examples of depth: small windows, convolution as a product, deeper against better, skips, times.

Like those of engine/worked; numbers come from nn/worked and nn/insight.
"""
import math

from deepen.core.words import say
from deepen.engine.worked_text import bar, beside, columns, grid
from deepen.nn import insight, worked
from deepen.sources.digits import digits

Told = tuple[list[str], dict]


def small_windows() -> Told:
    rows, told = [], {}
    for one, many in (((5,), (3, 3)), ((7,), (3, 3, 3))):
        (wide, sees), (narrow, also) = worked.stack(one), worked.stack(many)
        rows += [["1 × 5×5".replace("5", str(one[0])), f"{sees} × {sees}", f"{wide}"],
                 [f"{len(many)} × 3×3", f"{also} × {also}", f"{narrow}  ({narrow / wide:.0%})".replace("%", " %")]]
        told[f"{one[0]}x{one[0]}"] = [narrow, wide]
    return [*columns([say("convolutions"), say("sees"), say("weights")], rows), "",
            say("the same field with fewer weights, and an activation more between them")], told


def im2col() -> Told:
    picture, window = worked.PICTURE.float(), worked.EDGE
    rows = insight.im2col(picture[None, None], 3)[0]                                    # (4, 9)
    answers = rows @ window.flatten()
    direct = worked.convolution(picture, window).flatten()
    blocks = beside(grid(picture), ["→"], grid(rows), ["·"], grid(window.flatten()[:, None]), ["="], grid(answers[:, None]))
    return [*blocks, "", say("each 3 × 3 as a row: {places} places × {numbers} numbers, times the window as a column", places=rows.shape[0],
                             numbers=rows.shape[1]),
            say("{more} times the memory, but one product: what processors do best", more=f"{rows.numel() / picture.numel():g}")], \
        {"rows": rows.tolist(), "product": answers.tolist(), "convolution": direct.tolist()}


def depth() -> Told:
    data = digits()
    told = [(layers, *worked.depth(layers, data.inputs, data.split("train")[:], data.split("valid")[:])) for layers in (1, 2, 3, 4, 6)]
    rows = [[f"{layers}", f"{field} × {field}", f"{weights:,}", f"{right:.0%}".replace("%", " %"), bar(right)]
            for layers, field, weights, right in told]
    return [say("digits of 8 × 8; layers of 12 windows 3 × 3, then their largest and mean"), "",
            *columns([say("layers"), say("sees"), say("weights"), say("accuracy"), ""], rows), "",
            say("better until one value sees the whole digit; then depth alone brings little")], \
        {"accuracy": {layers: right for layers, _, _, right in told}}


def layer_times() -> Told:
    times = [(name, ahead, back) for name, ahead, back in worked.layer_times() if ahead + back > 1e-5]
    forward, backward = sum(ahead for _, ahead, _ in times), sum(back for *_, back in times)
    windows = sum(ahead + back for name, ahead, back in times if name.startswith("conv"))
    most = max(ahead + back for _, ahead, back in times)
    rows = [[name, f"{ahead * 1000:.2f}", f"{back * 1000:.2f}", bar(ahead / most) + bar(back / most).replace("█", "▒")] for name, ahead, back in times]
    return [*columns(["", say("forward") + " ms", say("backward") + " ms", ""], rows), "",
            say("convolutions take {share:.0%} of the time; the way back takes {times:.1f} times as long",
                share=windows / (forward + backward), times=backward / forward).replace("%", " %"),
            say("a batch of 100, on this computer, now")], \
        {"milliseconds": {name: [round(ahead * 1000, 4), round(back * 1000, 4)] for name, ahead, back in times},
         "convolutions": windows / (forward + backward), "backward": backward / forward}


def skip() -> Told:
    told = {(depth, shortcuts): worked.skip(depth, shortcuts) for depth in (20, 56) for shortcuts in (False, True)}
    deep = zip(told[56, False], told[56, True], strict=True)
    rows = [[f"{layer}", *(cell for norm in pair for cell in (f"{float(f'{norm:.2g}'):g}", bar(math.log10(norm / 0.1) / 5)))]
            for layer, pair in enumerate(deep, 1) if layer % 9 == 1]
    grows = {key: f"{float(f'{norms[0] / norms[-1]:.2g}'):g}×" for key, norms in told.items()}
    return [say("the gradient at layers of two nets of 56 before learning (bars: its logarithm)"), "",
            *columns([say("layer"), say("plain"), "", say("residual"), ""], rows), "",
            say("the first layer's over the last's:"),
            *columns(["", say("plain"), say("residual")],
                     [[say("{depth} layers", depth=depth), grows[depth, False], grows[depth, True]] for depth in (20, 56)]), "",
            say("a block adds to what it was given: the slope of a sum always holds a 1")], \
        {f"{depth} {'residual' if way else 'plain'}": norms for (depth, way), norms in told.items()}
