from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_fuzzer_runs_and_finds_nothing_in_two_seconds():
    script = Path(__file__).with_name("fuzz_decoders.py")
    command = [sys.executable, str(script), "--seconds", "2", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " inputs tried with seed 1" in done.stdout
