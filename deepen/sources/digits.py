"""The 1,797 handwritten digits that come with scikit-learn: a picture task that needs no download."""
import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from deepen.core.data import Data, Examples
from deepen.core.kinds import Image, Label
from deepen.core.recipe import Fraction, Size
from deepen.core.words import Problem, say
from deepen.sources._resize import resized
from deepen.sources._split import split


def digits(size: Size = 8,              # pixels of a side; the pictures were taken at 8
           valid: Fraction = 0.1,       # share of all examples held out for validation
           test: Fraction = 0.2,        # share of all examples held out for the test
           seed: int = 0) -> Data:      # seed of the shares
    """1,797 handwritten digits of 8×8 grey pixels, ten classes; needs no network.

    Inputs uint8 (N, 1, size, size), target int64 (N,). E. Alpaydin, C. Kaynak: Optical Recognition of
    Handwritten Digits (UCI, 1998), its test part, as scikit-learn carries it. There is no official split.
    """
    table = np.loadtxt(_lines(), delimiter=",", dtype=np.float32)           # (1797, 64 + 1), values 0…16
    pictures = torch.from_numpy(np.rint(table[:, :64] * (255 / 16)).astype(np.uint8))
    examples = Examples(resized(pictures.reshape(-1, 1, 8, 8), size),
                        torch.from_numpy(table[:, 64].astype(np.int64)))
    return Data(split(examples, valid, test, seed), Image(1, size, size), Label(tuple("0123456789")),
                origin=f"digits(size={size}, valid={valid:g}, test={test:g}, seed={seed})",
                said=(say("digits has no official test split: {test:.0%} of it was held out by seed {seed}",
                          test=test, seed=seed),) if test > 0 else ())


def _lines() -> list[str]:
    home = find_spec("sklearn")         # found, not imported: importing it takes longer than all else here
    if home is None or not home.submodule_search_locations:
        raise Problem("digits comes with scikit-learn, which is not installed; run: pip install scikit-learn")
    path = Path(home.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    if not path.exists():
        raise Problem("this scikit-learn does not carry {path}; install scikit-learn 1.3 or newer", path=path)
    return gzip.decompress(path.read_bytes()).decode("ascii").splitlines()
