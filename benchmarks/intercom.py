"""INTERCOM sealed and opened, beside the reference's: `python benchmarks/intercom.py`.

CPU time for each envelope, medians; both in turns, the reference client 1.2.12a1 in its own environment (see
reference.py). Ours also verifies the signature before it opens, which the reference leaves to its caller.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

SIZES = (100, 1_000, 100_000)
ROUNDS, EACH = 15, 4


# --- in either environment ------------------------------------------------------------------------------------------


def ours() -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    """(seal, open) of the SDK: the built-in plugin, by the primitive and the function that the handler uses."""
    from hivemind_intercom_rsa.envelope import Envelope
    from hivemind_sdk.plugins.crypto_suite import CryptoSuite
    from hivemind_sdk.plugins.instances import Instances
    from hivemind_sdk.plugins.loader import load

    crypto = CryptoSuite(Instances(load()))
    rsa, intercom = crypto.primitive("RSA"), crypto.primitive("INTERCOM")
    keys = rsa.generate()

    def seal(plaintext: bytes) -> Any:
        return intercom.seal(crypto, keys.public, plaintext, keys.private)

    def open_(payload: Any) -> bytes:
        envelope = Envelope.parse(payload)
        if not rsa.verify(keys.public, envelope.ciphertext, envelope.signature):
            raise ValueError("the signature does not fit")
        return envelope.open(crypto, keys.private)

    return seal, open_


def theirs() -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    from Cryptodome.PublicKey import RSA
    from hivemind_bus_client.encryption import hybrid_decrypt, hybrid_encrypt

    key = RSA.generate(2048)
    return (lambda plaintext: hybrid_encrypt(key.public_key(), plaintext, sign_key=key)), (
        lambda envelope: hybrid_decrypt(key, envelope)
    )


def worker() -> None:
    """One round for each line of stdin; a JSON object of microseconds for each."""
    try:
        seal, open_ = ours()
    except ImportError:
        seal, open_ = theirs()
    texts = {size: os.urandom(size // 2).hex().encode() for size in SIZES}
    envelopes = {size: seal(text) for size, text in texts.items()}
    for size, text in texts.items():
        if open_(envelopes[size]) != text:
            raise SystemExit("what was opened is not what was sealed")
    for _ in sys.stdin:
        took = {}
        for size, text in texts.items():
            took[f"seal {size}"] = each(lambda text=text: seal(text))
            took[f"open {size}"] = each(lambda size=size: open_(envelopes[size]))
        print(json.dumps(took), flush=True)


def each(work: Callable[[], Any]) -> float:
    """Microseconds of CPU for one call."""
    began = time.process_time()
    for _ in range(EACH):
        work()
    return (time.process_time() - began) / EACH * 1e6


# --- in ours --------------------------------------------------------------------------------------------------------


def main() -> None:
    import reference

    pythons = {"ours": sys.executable, "reference": reference.interpreter("1.2.12a1")}
    command = [__file__, "worker"]
    runs = {
        name: subprocess.Popen([python, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name, python in pythons.items()
    }
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in runs}
    for number in range(ROUNDS):
        print(f"\rround {number + 1} of {ROUNDS}", end="", file=sys.stderr)
        for name, process in runs.items():
            print(file=process.stdin, flush=True)
            for row, took in json.loads(process.stdout.readline()).items():  # type: ignore[union-attr]
                samples[name].setdefault(row, []).append(took)
    print(file=sys.stderr)
    for process in runs.values():
        process.stdin.close()  # type: ignore[union-attr]
        process.wait(10)
    print("| INTERCOM, bytes | ours, us | reference, us | ratio |\n|---|---|---|---|")
    for row in samples["ours"]:
        mine, other = statistics.median(samples["ours"][row]), statistics.median(samples["reference"][row])
        print(f"| {row} | {mine:,.0f} | {other:,.0f} | {other / mine:.1f} |")


if __name__ == "__main__":
    worker() if sys.argv[1:] == ["worker"] else main()
