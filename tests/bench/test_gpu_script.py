"""bench/gpu.py on a machine without a GPU says in one line that it skips; what was measured is not measured again."""
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "bench" / "gpu.py"


def test_without_a_gpu_it_skips_visibly():
    told = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    assert told.returncode == 0 and "skipped" in told.stdout and told.stdout.count("\n") == 1


def test_an_unknown_claim_is_refused():
    told = subprocess.run([sys.executable, SCRIPT, "97"], capture_output=True, text=True)
    assert told.returncode == 2 and "97" in told.stderr


def test_goes_on_where_it_was_cut(tmp_path, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("bench_gpu", SCRIPT)
    gpu = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gpu)
    monkeypatch.setitem(gpu.CLAIMS, "94", ("tiny", 0.5, 1.5, 1, "classify",
                                           {"data": "digits", "data.valid": 0, "net": "small width=0.25", "epochs": 1}))
    monkeypatch.setattr(sys, "argv", ["gpu.py", "94", "--device", "cpu", "--kept", str(tmp_path)])

    def lines():
        gpu.main()
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first = lines()
    assert [line["unit"] for line in first] == ["accuracy", "s"] and first[0]["runs"] == 1
    assert lines() == first                                         # read, not trained again
    (tmp_path / "94-0.json").unlink()                               # cut before it was judged
    again = lines()
    assert again == first
