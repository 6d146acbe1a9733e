"""DropConnect beside dropout (Wan et al. 2013): the 800-800 MLP on MNIST without augmentation, alone and five voting.
Seeds 0…4 fixed beforehand, the state after the last step, the test set read once all have learned.

    .venv/bin/python bench/dropconnect.py                               # all claims
    .venv/bin/python bench/dropconnect.py --only connect --seeds 0      # a piece; runs stand in --folder
    .venv/bin/python bench/dropconnect.py --train-only --only dropout   # let it learn, judge later

The paper's errors in percent, one net and the vote of five: none 1.62 and 1.40, dropout 1.28 and 1.20, DropConnect 1.20
and 1.12.
"""
import argparse
import statistics
import sys
from pathlib import Path

from ensemble import answers, learned, seconds, tell

HOW = ["classify", "data=mnist", "data.valid=0", "optimizer=adam", "lr=0.001", "schedule=cosine", "warmup=0.05",
       "smooth=0.1", "augment=", "epochs=20"]
NETS = {"none": "dense 800; relu; dense 800; relu; dense classes",
        "dropout": "dense 800; relu; dropout 0.5; dense 800; relu; dropout 0.5; dense classes",
        "connect": "dense 800; relu; dropconnect 0.5; dense 800; relu; dropconnect 0.5; dense classes"}
SAID = {"none": "without either", "dropout": "dropout", "connect": "DropConnect"}
ALONE, VOTED = {"none": 1.62, "dropout": 1.28, "connect": 1.30}, {"none": 1.40, "dropout": 1.20, "connect": 1.20}


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--only", choices=NETS)
    asked.add_argument("--seeds", default="0,1,2,3,4")
    asked.add_argument("--folder", type=Path, default=Path("runs/dropconnect"))
    asked.add_argument("--train-only", action="store_true")
    asked = asked.parse_args()
    seeds, names, means = [int(seed) for seed in asked.seeds.split(",")], [asked.only] if asked.only else [*NETS], {}
    runs = {name: [learned([*HOW, f"net={NETS[name]}"], seed, asked.folder / name) for seed in seeds] for name in names}
    for name in names if not asked.train_only else []:
        told = [answers(run, "none") for run in runs[name]]
        errors = [100 * float((p.argmax(1) != y).float().mean()) for p, y in told]
        print(f"{name}: {[round(error, 2) for error in errors]}", file=sys.stderr)
        goal = "goal" if name == "connect" else "the paper"
        tell(f"800-800 MLP on MNIST, {SAID[name]}: test error of one net", errors, ALONE[name], goal, "%")
        vote = 100 * float((sum(p for p, _ in told).argmax(1) != told[0][1]).float().mean())
        tell(f"800-800 MLP on MNIST, {SAID[name]}: test error of the vote of {len(told)}", [vote], VOTED[name], goal, "%")
        tell(f"800-800 MLP on MNIST, {SAID[name]}: seconds of training", [seconds(run) for run in runs[name]], 360, "limit", "s")
        means[name] = statistics.mean(errors)
    if len(means) == len(NETS):
        tell("800-800 MLP on MNIST: what DropConnect saves of the error without it", [means["none"] - means["connect"]], 0.42, "the paper", "points")
        tell("DropConnect above dropout, at most", [means["connect"] - means["dropout"]], 0.05, "goal", "points")


if __name__ == "__main__":
    main()
