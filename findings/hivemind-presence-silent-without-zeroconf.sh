#!/usr/bin/env bash
# hivemind-presence 0.0.6a1: announcing by mDNS is the default, and is silently left out where the package zeroconf is
# not installed, which hivemind-presence does not depend on. The object says that it is running.
# Seen: `zero None running True`. Exit 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --pre \
  hivemind-presence==0.0.6a1 hivemind_bus_client==1.2.12a1
cd "$folder"
HOME=$folder "$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import requires, version

from hivemind_presence.presence import LocalPresence

presence = LocalPresence(zeroconf=True, upnp=False)
presence.start()
print("hivemind-presence", version("hivemind-presence"), "zero", presence.zero, "running", presence.running)
needed = [one for one in requires("hivemind-presence") if "extra" not in one]
assert not any("zeroconf" in one for one in needed), needed
assert presence.zero is None
assert presence.running
PYTHON
