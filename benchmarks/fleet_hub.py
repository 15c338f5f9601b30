"""A hub in a process of its own, for fleet.py: `python fleet_hub.py NUMBER [PROFILE]` prints its port, and ends with
its standard input. Key `key-N` is that of client N; all have the same password and the same pre-shared key."""

from __future__ import annotations

import sys

PASSWORD, SHARED = "correct-horse-battery-9", "0123456789abcdef"

if __name__ == "__main__":
    from hivemind_sdk.testing import Hub, HubClient  # here: the reference's environment has no SDK

    number, profile = int(sys.argv[1]), (*sys.argv[2:], "4.6.1a1")[0]
    clients = [HubClient(f"key-{one}", PASSWORD, preshared_key=SHARED) for one in range(number)]
    with Hub(clients, profile).start() as hub:
        print(hub.port, flush=True)
        sys.stdin.read()
