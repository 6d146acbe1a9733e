"""MNIST and Fashion-MNIST: 70,000 grey pictures of 28×28 in ten classes, from the original IDX files."""
import gzip
import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.recipe import Fraction, Size
from deepen.core.words import Problem, say
from deepen.sources._download import contents
from deepen.sources._resize import resized
from deepen.sources._split import shares

_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")

# SHA-256 of what is in the gz files (people compress them anew)
_MNIST = {
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_MNIST_MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/",
                  "https://storage.googleapis.com/cvdf-datasets/mnist/")

# SHA-256 of the published gz files themselves
_FASHION = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
_FASHION_MIRRORS = ("https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
                    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/")


def mnist(size: Size = 28,              # pixels of a side; the pictures were taken at 28
          valid: Fraction = 0.1,        # share of train held out for validation; 0 trains on everything
          part: Fraction = 1.0,         # share of what is left of train that is used
          path: str | None = None,      # folder of your own with files of the IDX form (none: the published ones)
          seed: int = 0) -> Data:       # seed of the shares
    """70,000 handwritten digits of 28×28 grey pixels, ten classes (11 MB, downloaded once).

    Inputs uint8 (N, 1, size, size), target int64 (N,). 60,000 to learn from, the official 10,000 to test.
    A folder given as `path` may hold other grey pictures in these files (KMNIST, EMNIST, Fashion-MNIST, your own), of
    any size and number, packed or not; without t10k or test files 10 % are held out for the test.
    Y. LeCun et al.: Gradient-Based Learning Applied to Document Recognition (1998).
    """
    if path is not None:
        data = _own_data(Path(path).expanduser(), size, valid, seed).part(part, seed)
        return replace(data, origin=f"mnist(path={path!r}, size={size}, valid={valid:g}, part={part:g}, seed={seed})")
    data = _idx_data("mnist", _MNIST, _MNIST_MIRRORS, tuple("0123456789"), size, valid, part, seed)
    return replace(data, origin=f"mnist(size={size}, valid={valid:g}, part={part:g}, seed={seed})")


def fashion(size: Size = 28,            # pixels of a side; the pictures were made at 28
            valid: Fraction = 0.1,      # share of train held out for validation; 0 trains on everything
            part: Fraction = 1.0,       # share of what is left of train that is used
            seed: int = 0) -> Data:     # seed of the shares
    """70,000 pieces of clothing of 28×28 grey pixels, ten classes (30 MB, downloaded once).

    Inputs uint8 (N, 1, size, size), target int64 (N,). 60,000 to learn from, the official 10,000 to test.
    H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST (arXiv 1708.07747, 2017).
    """
    data = _idx_data("fashion", _FASHION, _FASHION_MIRRORS, _CLOTHES, size, valid, part, seed)
    return replace(data, origin=f"fashion(size={size}, valid={valid:g}, part={part:g}, seed={seed})")


def _idx_data(folder: str, files: Mapping[str, str], mirrors: Sequence[str], names: tuple[str, ...],
              size: int, valid: float, part: float, seed: int) -> Data:
    train, train_labels, test, test_labels = map(_idx, contents(folder, files, mirrors))
    target = torch.from_numpy(train_labels.astype(np.int64))
    splits = {}
    for name, rows in shares(target, len(target), valid, 0, seed).items():
        pictures = torch.from_numpy(train.take(rows.numpy(), axis=0))[:, None]      # (N, 1, 28, 28)
        splits[name] = Examples(resized(pictures, size), target[rows])
    splits["test"] = Examples(resized(torch.from_numpy(test[:, None].copy()), size),
                              torch.from_numpy(test_labels.astype(np.int64)))
    return Data(splits, Image(1, size, size), Label(names)).part(part, seed)


def _own_data(folder: Path, size: int, valid: float, seed: int) -> Data:
    """The IDX files of a folder: …images…idx3…, …labels…idx1…; those of the test are named t10k or test."""
    files = sorted(file for file in folder.glob("*idx3-ubyte*") if "images" in file.name) if folder.is_dir() else []
    test = [file for file in files if file.name.startswith(("t10k", "test"))]
    train = [file for file in files if file not in test]
    if len(train) != 1 or len(test) > 1:
        raise Problem("{path} should hold one file of pictures in the IDX form, train-images-idx3-ubyte or "
                      "train-images-idx3-ubyte.gz, with its labels; it holds {names}", path=folder,
                      names=", ".join(file.name for file in files) or "0")
    pairs = [_pair(file) for file in (*train, *test)]
    numbers = [np.unique(labels) for _, labels in pairs]
    names = tuple(str(number) for number in range(int(max(number.max() for number in numbers)) + 1))
    if hashlib.sha256(train[0].read_bytes()).hexdigest() == _FASHION["train-images-idx3-ubyte.gz"]:
        names = _CLOTHES
    pictures, labels = pairs[0]
    target = torch.from_numpy(labels.astype(np.int64))
    splits = {name: _examples(pictures[rows.numpy()], target[rows], size)
              for name, rows in shares(target, len(target), valid, 0 if test else 0.1, seed).items()}
    if test:
        splits["test"] = _examples(pairs[1][0], torch.from_numpy(pairs[1][1].astype(np.int64)), size)
    said = [] if test else [say("no test files (t10k-…) were found: {test:.0%} of the pictures were held out for the test", test=0.1)]
    if pictures.shape[1:] != (size, size):
        said.append(say("the pictures of {height}×{width} are made {size}×{size}; choose another with data.size=…",
                        height=pictures.shape[1], width=pictures.shape[2], size=size))
    return Data(splits, Image(1, size, size), Label(names), said=tuple(said))


def _examples(pictures: np.ndarray, target: torch.Tensor, size: int) -> Examples:
    return Examples(resized(torch.from_numpy(pictures.copy())[:, None], size), target)


def _pair(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """(pictures (N, H, W), labels (N,)) of a file of pictures and the file of labels beside it."""
    wanted = file.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    beside = [file.with_name(wanted + packed) for packed in ("", ".gz") if file.with_name(wanted + packed).is_file()]
    if not beside:
        raise Problem("{file} has no labels: {wanted} should lie beside it", file=file, wanted=wanted)
    pictures, labels = _read(file), _read(beside[0])
    if pictures.ndim != 3 or labels.ndim != 1 or len(pictures) != len(labels) or not len(labels):
        raise Problem("{file} has the sizes {given} and its labels {labels}; N × height × width and N are wanted", file=file,
                      given=list(pictures.shape), labels=list(labels.shape))
    return pictures, labels


def _read(file: Path) -> np.ndarray:
    try:
        raw = file.read_bytes()
        return _idx(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    except (Problem, OSError, EOFError, zlib.error) as error:
        raise Problem("{file} cannot be read ({reason}); copy or download it again", file=file, reason=error) from None


def _idx(raw: bytes) -> np.ndarray:
    """An IDX file -> the uint8 array inside it: magic (0, 0, type 8, rank), big-endian sizes, values."""
    if len(raw) < 4 or raw[:3] != b"\0\0\x08" or len(raw) < 4 + 4 * raw[3]:
        raise Problem("this is not an IDX file of bytes (it begins with {start})", start=raw[:4])
    shape = np.frombuffer(raw, ">u4", raw[3], offset=4).astype(int)
    values = np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3])
    if shape.prod() != len(values):
        raise Problem("the IDX file is cut short: it has {given} values for the sizes {shape}",
                      given=len(values), shape=shape.tolist())
    return values.reshape(shape)
