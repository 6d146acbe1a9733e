"""The textbook's network on MNIST, batch 100, images a second in the best epoch of each: us and the peers.

    .venv/bin/python bench/throughput.py                      # us and the plain loop
    .venv/bin/python bench/throughput.py --peers .peers/bin/python    # and Keras, Lightning, fastai, skorch (bench/peers.txt)

Every contender runs alone in a fresh process, in turn, `--rounds` times; its figure is the best epoch of all rounds.
"""
import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("DEEPEN_DATA", str(Path(__file__).parents[1] / "../shared/data"))
DATA = Path(os.environ["DEEPEN_DATA"]) / "mnist"
EPOCHS, BATCH = 2, 100


def mnist():
    import numpy as np
    images, labels = (np.frombuffer(gzip.decompress((DATA / f"train-{name}-ubyte.gz").read_bytes()), np.uint8, offset=offset)
                      for name, offset in (("images-idx3", 16), ("labels-idx1", 8)))
    return images.reshape(-1, 1, 28, 28).copy(), labels.astype("int64")


def torch_net():
    from torch import nn
    def conv(i, o, pad=1):
        layer = nn.Conv2d(i, o, 3, padding=pad)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        return [layer, nn.ReLU()]
    return nn.Sequential(*conv(1, 16), *conv(16, 16), nn.MaxPool2d(2), *conv(16, 32), *conv(32, 32, 2), nn.MaxPool2d(2),
                         *conv(32, 64), *conv(64, 64), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1024, 50), nn.ReLU(),
                         nn.Dropout(0.5), nn.Linear(50, 10), nn.Dropout(0.5))


def tensors():
    import torch
    images, labels = mnist()
    return torch.from_numpy(images).float() / 255, torch.from_numpy(labels)


def deepen(precision="auto"):
    """Our fit, the whole of it: streams, schedule, events, saving."""
    import tempfile

    from deepen.engine.fit import Flags
    from deepen.engine.start import start
    seen = [(time.perf_counter(), 0)]
    def tell(event):
        if event.event == "started":
            seen[:] = [(time.perf_counter(), 0)]
        if event.event == "stepped":
            seen.append((time.perf_counter(), event.facts["seen"]))
    with tempfile.TemporaryDirectory() as folder:
        start("classify", {"data": "mnist", "data.valid": 0, "net": "deepconv", "epochs": EPOCHS, "batch": BATCH,
                           "optimizer": "adam", "lr": 0.001, "augment": "", "smooth": 0, "schedule": "constant"},
              Flags(precision=precision, keep="last"), out=Path(folder) / "run", tell=tell)
    epochs = []
    for t, n in seen:                                          # windows of about one epoch
        later = next(((u, m) for u, m in seen if m - n >= 60_000), None)
        if later:
            epochs.append((later[1] - n) / (later[0] - t))
    return max(epochs)


def plain():
    """What everyone writes first: float tensors, a DataLoader, fp32."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset
    loader = DataLoader(TensorDataset(*tensors()), batch_size=BATCH, shuffle=True)
    net = torch_net()
    adam = torch.optim.Adam(net.parameters(), 1e-3)
    best = 0.0
    for _ in range(EPOCHS):
        began = time.perf_counter()
        for x, y in loader:
            adam.zero_grad()
            torch.nn.functional.cross_entropy(net(x), y).backward()
            adam.step()
        best = max(best, 60_000 / (time.perf_counter() - began))
    return best


def keras(backend, policy="float32"):
    os.environ["KERAS_BACKEND"] = backend
    import keras as k
    k.config.set_dtype_policy(policy)
    images, labels = mnist()
    x = images.transpose(0, 2, 3, 1).astype("float32") / 255
    L = k.layers
    def conv(n, pad="same"):
        return L.Conv2D(n, 3, padding=pad, activation="relu", kernel_initializer="he_normal")
    net = k.Sequential([k.Input((28, 28, 1)), conv(16), conv(16), L.MaxPooling2D(), conv(32), L.ZeroPadding2D(2),
                        conv(32, "valid"), L.MaxPooling2D(), conv(64), conv(64), L.MaxPooling2D(), L.Flatten(),
                        L.Dense(50, activation="relu"), L.Dropout(0.5), L.Dense(10), L.Dropout(0.5)])
    net.compile("adam", k.losses.SparseCategoricalCrossentropy(from_logits=True))
    best = 0.0
    for _ in range(EPOCHS):
        began = time.perf_counter()
        net.fit(x, labels, batch_size=BATCH, epochs=1, verbose=0)
        best = max(best, 60_000 / (time.perf_counter() - began))
    return best


def declare_operators():
    """torchvision beside a CPU torch: its operators' names must be there for its import to go through."""
    import torch
    global declared
    declared = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        declared.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def lightning(precision):
    declare_operators()
    import logging
    import tempfile
    import warnings

    import lightning as L
    import torch
    from torch.utils.data import DataLoader, TensorDataset
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    class Net(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.net, self.best = torch_net(), 0.0
        def training_step(self, batch, _):
            return torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), 1e-3)
        def on_train_epoch_start(self):
            self.began = time.perf_counter()
        def on_train_epoch_end(self):
            self.best = max(self.best, 60_000 / (time.perf_counter() - self.began))
    net = Net()
    with tempfile.TemporaryDirectory() as folder:
        L.Trainer(max_epochs=EPOCHS, accelerator="cpu", precision=precision, logger=False, enable_checkpointing=False,
                  enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder).fit(
            net, DataLoader(TensorDataset(*tensors()), batch_size=BATCH, shuffle=True))
    return net.best


def fastai():
    declare_operators()
    import torch
    from fastai.callback import progress  # noqa: F401  (adds no_bar)
    from fastai.callback.core import Callback
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from fastai.learner import Learner
    from torch.utils.data import TensorDataset

    class Clock(Callback):
        best = 0.0
        def before_epoch(self):
            self.began = time.perf_counter()
        def after_epoch(self):
            Clock.best = max(Clock.best, 60_000 / (time.perf_counter() - self.began))
    x, y = tensors()
    loaders = DataLoaders(DataLoader(TensorDataset(x, y), bs=BATCH, shuffle=True, num_workers=0),
                          DataLoader(TensorDataset(x[:BATCH], y[:BATCH]), bs=BATCH, num_workers=0))
    learner = Learner(loaders, torch_net(), loss_func=torch.nn.functional.cross_entropy, cbs=[Clock()])
    with learner.no_bar(), learner.no_logging():
        learner.fit(EPOCHS, 1e-3)
    return Clock.best


def skorch():
    import torch
    from skorch import NeuralNetClassifier
    x, y = tensors()
    net = NeuralNetClassifier(torch_net(), criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=1e-3,
                              batch_size=BATCH, max_epochs=EPOCHS, iterator_train__shuffle=True, train_split=None,
                              verbose=0)
    net.fit(x, y)
    return max(60_000 / row["dur"] for row in net.history)


OURS = {"deepen": deepen, "deepen fp32": lambda: deepen("fp32"), "plain PyTorch loop": plain}
PEERS = {"Keras on torch": lambda: keras("torch"), "Keras on JAX": lambda: keras("jax"),
         "Keras on TensorFlow": lambda: keras("tensorflow"),
         "Keras on TensorFlow bf16": lambda: keras("tensorflow", "mixed_bfloat16"),
         "Lightning": lambda: lightning("32-true"), "Lightning bf16": lambda: lightning("bf16-mixed"),
         "fastai": fastai, "skorch": skorch}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="a Python that has bench/peers.txt")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="names with commas between: only these run")
    parser.add_argument("--who", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.who:
        print(json.dumps({"images_per_second": {**OURS, **PEERS}[asked.who]()}))
        return
    seen: dict[str, list[float]] = {}
    for turn in range(asked.rounds):
        for who in [*OURS, *(PEERS if asked.peers else {})]:
            if (turn and who == "Keras on JAX") or (asked.only and who not in asked.only.split(",")):
                continue                                       # minutes a round, and far behind
            python = asked.peers if who in PEERS else sys.executable
            told = subprocess.run([python, __file__, "--who", who], capture_output=True, text=True,
                                  env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
            try:
                rate = json.loads(told.stdout.splitlines()[-1])["images_per_second"]
            except (IndexError, ValueError):
                print(f"{who}: {told.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
                continue
            seen.setdefault(who, []).append(rate)
            print(f"{who}: {rate:,.0f} images/s", file=sys.stderr)
    best = {who: max(values) for who, values in seen.items()}
    for who in seen:
        if not who.startswith("deepen"):
            spread = [statistics.median(seen["deepen"]), min(seen["deepen"])]
            print(json.dumps({"claim": "training throughput, textbook network on MNIST, batch 100", "ours": round(best["deepen"]),
                              "peer": round(best[who]), "peer_name": who, "ratio": round(best["deepen"] / best[who], 2),
                              "unit": "images/s, best epoch", "runs": len(seen[who]), "spread": [round(v) for v in spread]}))


if __name__ == "__main__":
    main()
