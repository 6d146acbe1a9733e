"""FID of a system that makes pictures, when the user has the weights of the Inception network that FID is named for."""
import hashlib
from pathlib import Path

import torch

from deepen.core.kinds import Image
from deepen.core.words import Problem, say
from deepen.engine.fit import quiet
from deepen.nn import fid as measure
from deepen.nn.judge import spread
from deepen.nn.nets.inception import FEATURES, Inception
from deepen.sources._progress import show
from deepen.sources.weights import CONVERT, begin_from, read_weights

SAMPLES = FEATURES          # pictures of either side unless asked otherwise: fewer have no covariance of full rank
AT_ONCE = 256               # painted together


def fid(system, split: str, file: str | Path, samples: int = SAMPLES) -> tuple[float, str]:
    """(FID, a sentence about how it was measured) of as many painted pictures as real ones of a split, at most `samples`.

    Raises `Problem` where nothing paints, or where the file does not hold the weights that FID is defined by."""
    if not (hasattr(system, "sample") and isinstance(system.data.inputs, Image) and isinstance(system.goal[1], type)
            and issubclass(system.goal[1], Image)):
        raise Problem("FID compares pictures that a system makes with real ones, and {system} makes none; leave --inception out",
                      system=type(system).__name__.lower())
    net, sha256 = inception(file)
    net = net.to(system.device)
    real = system.data.split(split)[:][0]
    count = min(samples, len(real))
    if count < 2:
        raise Problem("FID needs at least 2 pictures of either side; {split} has {count}", split=split, count=len(real))
    classes = len(getattr(system.data.target, "names", ())) or 1
    many = max(classes, AT_ONCE // classes * classes)                       # whole rounds: every class as often
    with quiet(system):
        painted = torch.cat([system.sample(min(many, count - start), seed=1 + start) for start in range(0, count, many)])

    def tell(done: int, total: int) -> None:
        show(say("Inception looks at the pictures: {done} of {total}", done=done, total=total))
    value = measure.fid(measure.features(net, painted, tell), measure.features(net, spread(real, count), tell))
    show()
    return value, say("fid: {count} painted pictures and as many of {split}, by the Inception weights in {file} (SHA-256 {sha256}); it falls "
                      "with their number, and papers take 50,000", count=f"{count:,}", split=say(split), file=Path(file).name, sha256=sha256)


def inception(file: str | Path) -> tuple[Inception, str]:
    """The network with the weights of a safetensors file of the user's, ready to look, and the file's SHA-256."""
    path = Path(file).expanduser()
    if path.suffix != ".safetensors" or not path.is_file():
        raise Problem("{file} is no safetensors file; give the FID Inception weights of 2015 as one (a .pth that you trust becomes one "
                      "by: {command})", file=path, command=CONVERT.format(net="inception"))
    net = Inception().eval()
    try:
        fresh = begin_from(net, read_weights(path))
    except Problem as problem:
        raise Problem("{file} does not hold the weights of the FID Inception of 2015: {reason}", file=path, reason=problem) from None
    if not all(tensor.isfinite().all() for tensor in net.state_dict().values()):
        raise Problem("{file} does not hold the weights of the FID Inception of 2015: a value in it is not a number", file=path)
    if fresh:
        raise Problem("{file} does not hold the weights of the FID Inception of 2015: its last layer is for other classes, so they "
                      "are the weights of another Inception", file=path)
    return net, hashlib.sha256(path.read_bytes()).hexdigest()
