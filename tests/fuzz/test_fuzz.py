from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_fuzzer_runs_and_finds_nothing_in_a_few_inputs():
    script = Path(__file__).with_name("run.py")
    command = [sys.executable, str(script), "--inputs", "10000", "--handshakes", "60", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " inputs tried" in done.stdout
    assert "60 handshakes tried" in done.stdout
