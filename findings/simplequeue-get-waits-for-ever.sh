#!/bin/sh
# queue.SimpleQueue.get(timeout=...) of CPython up to 3.12 waits for ever if a signal handler is running when its time is
# over. The wait is resumed with what is left of the time, and a negative rest means "no time-out". 3.13 raises Empty.
# Seen on CPython 3.11.7: no end after 5 s with a time-out of 0.1 s. threading.Lock.acquire(timeout=...) ends in time.
# Exits non-zero if that changes. Needs a python3 of 3.10 to 3.12 as $PYTHON or on PATH.
set -eu
python=${PYTHON:-}
for one in python3.11 python3.12 python3.10 python3; do
    [ -n "$python" ] || python=$(command -v "$one" || true)
done
"$python" - <<'END'
import queue, signal, subprocess, sys, threading, time

print("CPython", sys.version.split()[0])
PROGRAM = """
import queue, signal, threading, time
signal.signal(signal.SIGALRM, lambda *_: time.sleep(0.5))
signal.setitimer(signal.ITIMER_REAL, 0.05)
began = time.monotonic()
try:
    {wait}
except queue.Empty:
    pass
print(f"ended after {{time.monotonic() - began:.2f}} s")
"""
WAITS = {
    "SimpleQueue.get(timeout=0.1)": "queue.SimpleQueue().get(timeout=0.1)",
    "Lock.acquire(timeout=0.1)": "lock = threading.Lock(); lock.acquire(); lock.acquire(timeout=0.1)",
}
ended = {}
for name, wait in WAITS.items():
    try:
        done = subprocess.run([sys.executable, "-c", PROGRAM.format(wait=wait)], capture_output=True, text=True, timeout=5)
        ended[name] = done.returncode == 0
        print(f"{name}: {done.stdout.strip() or done.stderr.strip()}")
    except subprocess.TimeoutExpired:
        ended[name] = False
        print(f"{name}: no end within 5 s")
expected = [sys.version_info >= (3, 13), True]
sys.exit(list(ended.values()) != expected)
END
