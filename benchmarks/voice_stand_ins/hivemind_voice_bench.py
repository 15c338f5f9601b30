"""A microphone in which somebody speaks without end, in real time, and voice activity that says so: OVOS plugins.

The microphone measures the program that reads it: CPU time from the first chunk to the last one, and memory then.
"""

import json
import os
import resource
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

if "VOICE_BENCH_TEMPLATES" in os.environ:
    from ovos_plugin_manager.templates.microphone import Microphone
    from ovos_plugin_manager.templates.vad import VADEngine
else:  # the methods are what counts; importing the templates costs 25 MiB

    @dataclass
    class Microphone:
        sample_rate: int = 16000
        sample_width: int = 2
        sample_channels: int = 1
        chunk_size: int = 4096

    class VADEngine:
        def __init__(self, config=None):
            pass


SECONDS = float(os.environ.get("VOICE_BENCH_SECONDS", "60"))
WARM = 3.0
"""seconds of streaming that are not counted: what is imported or opened with the first chunks belongs to the start"""


def used():
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return spent.ru_utime + spent.ru_stime


def memory():
    """Resident, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


@dataclass
class Mic(Microphone):
    def start(self):
        self._chunk = array("h", [(n * 7919) % 8000 - 4000 for n in range(self.chunk_size // 2)]).tobytes()
        self._began = self._due = time.monotonic()
        self._before = None
        self._told = False

    def read_chunk(self):
        now = time.monotonic() - self._began
        if self._before is None and now >= WARM:
            self._before = used()
        if not self._told and now >= WARM + SECONDS:
            self._told = True
            print("@" + json.dumps({"cpu": used() - self._before, "memory": memory()}), file=sys.stderr, flush=True)
        self._due += self.chunk_size / 2 / self.sample_rate
        time.sleep(max(0.0, self._due - time.monotonic()))
        return self._chunk

    def stop(self):
        pass


class VAD(VADEngine):
    def is_silence(self, _chunk):
        return False
