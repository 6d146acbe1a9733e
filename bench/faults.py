"""kill -9 at random moments: does every run go on, lose nothing that was saved, and end bit for bit the same?

    .venv/bin/python bench/faults.py --faults 100

Runs are trained by the command line, killed, resumed, killed again, and at last left to finish. Half of the
kills wait for a save to begin. Exit code 1 when a claim does not hold; a run that went wrong is kept.
"""
import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
KILLS_A_RUN = 5
MOMENTS = ("save", "learn", "save", "start")
START_SECONDS, SAVE_SECONDS = 5.0, 30.0     # how long a start takes; the longest way between two saves


def deepen(*words, log: Path) -> subprocess.Popen:
    with log.open("ab") as told:
        return subprocess.Popen([sys.executable, "-m", "deepen", *map(str, words)], cwd=ROOT, stdout=told,
                                stderr=told, env={"OMP_NUM_THREADS": "1", **os.environ})


def saving(run: Path, process="*") -> bool:
    """Has this process (or any) something half written there?"""
    return any(run.glob(f".*.{process}.tmp")) or any(run.glob(f"checkpoints/.*.{process}.tmp"))


def events(run: Path) -> list[dict]:
    """All that was told; a last line torn by a kill is left out."""
    file = run / "events.jsonl"
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def step(run: Path) -> int:
    return max((event["step"] for event in events(run)[-1:]), default=0)


def kill(process, run: Path, draw: random.Random, moment: str, steps: int) -> bool:
    """kill -9 while it starts, learns or saves. False when it ended before."""
    def wait(until) -> None:
        while process.poll() is None and not until():
            time.sleep(0.0005)
    wait((run / "run.toml").exists)                                 # before it, there is no run yet
    before, began = len(events(run)), time.monotonic()
    if moment == "start":                                           # imports, data, build, restore
        alarm = began + draw.random() * START_SECONDS
        wait(lambda: time.monotonic() > alarm)
    else:
        wait(lambda: len(events(run)) > before)                     # it has started
        target = step(run) + draw.random() * (steps - step(run))
        wait(lambda: step(run) >= target)
        if moment == "save":
            wait(lambda: saving(run, process.pid))
        time.sleep(draw.random() * (0.03 if moment == "save" else 0.3))
    if process.poll() is not None:
        return False
    process.kill()
    process.wait()
    return True


def lost(run: Path) -> tuple[list[int], list[float]]:
    """At each resume: (saved steps that were gone, seconds of learning to do again)."""
    gone, again, saved, saved_at, last = [], [], 0, 0.0, 0.0
    for event in events(run):
        if event["event"] == "started":
            gone.append(saved - event["step"])
            again.append(last - saved_at)
            saved_at = event["t"]
        if event["event"] == "saved":
            saved, saved_at = event["step"], event["t"]
        last = event["t"]
    return gone[1:], [round(seconds, 2) for seconds in again[1:]]


def outcome(run: Path) -> list[str]:
    """What a finished run leaves: SHA-256 of the model, and of every tensor of its last checkpoint."""
    checkpoint = max((run / "checkpoints").glob("[0-9]*"))
    files = [run / "model" / "weights.safetensors", checkpoint / "weights.safetensors",
             checkpoint / "state.safetensors"]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def tell(claim: str, ours: float, peer: float, peer_name: str, unit: str, runs: int, spread=None) -> None:
    print(json.dumps({"claim": f"kill -9, then deepen resume: {claim}", "ours": ours, "peer": peer,
                      "peer_name": peer_name, "ratio": round(ours / peer, 4) if peer else None, "unit": unit,
                      "runs": runs, "spread": spread or [ours, ours]}))


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--faults", type=int, default=100)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("what", nargs="*", default=["digits", "epochs=60", "average=ema"])
    asked = asked.parse_args()
    how = [*asked.what, "--quiet", "--eval-every", 50]
    draw, work = random.Random(asked.seed), Path(tempfile.mkdtemp(prefix="faults-"))
    log, straight = work / "log", work / "straight"

    if deepen("train", *how, "--out", straight, log=log).wait():
        sys.exit(log.read_text())
    right, steps = outcome(straight), step(straight)

    kills = inside = refused = different = littered = runs = 0
    gone: list[int] = []
    again: list[float] = []
    while kills < asked.faults:
        run, here = work / f"run{runs}", 0
        runs += 1
        process = deepen("train", *how, "--out", run, log=log)
        while here < KILLS_A_RUN and kills < asked.faults:
            if not kill(process, run, draw, MOMENTS[kills % len(MOMENTS)], steps):
                break
            here, kills, inside = here + 1, kills + 1, inside + saving(run, process.pid)
            process = deepen("resume", run, "--quiet", log=log)
        if process.wait():
            refused += 1
            print(f"{run} did not go on: {log.read_text()[-1000:]}", file=sys.stderr)
            continue
        gone_here, again_here = lost(run)
        gone, again = gone + gone_here, again + again_here
        same = outcome(run) == right
        clean = not saving(run) and len(list((run / "checkpoints").iterdir())) <= 2
        different, littered = different + (not same), littered + (not clean)
        print(f"{run.name}: {here} kills, seconds to learn again {again_here}, "
              f"{'same' if same else 'DIFFERENT'}{'' if clean else ', LITTERED'}", file=sys.stderr)
        if same and clean:
            shutil.rmtree(run)

    finished, backwards = runs - refused, sum(step > 0 for step in gone)
    tell("killed runs that finished", finished, runs, "all", "runs", kills)
    tell("kills inside a save", inside, kills, "all kills", "kills", kills)
    tell("resumes behind a step that was saved", backwards, len(gone), "all resumes", "resumes", kills)
    tell("worst loss", max(again, default=0), SAVE_SECONDS, "one interval", "seconds to learn again", kills,
         [min(again, default=0), max(again, default=0)])
    tell("model, weights and optimizer equal bit for bit", finished - different, runs, "all", "runs", kills)
    tell("runs with more left over than two checkpoints", littered, runs, "all", "runs", kills)
    late = sum(seconds > SAVE_SECONDS for seconds in again)
    wrong = refused + different + littered + backwards + late
    print(f"{kills} kills ({inside} inside a save), {wrong} wrong; {work}", file=sys.stderr)
    if not wrong:
        shutil.rmtree(work)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
