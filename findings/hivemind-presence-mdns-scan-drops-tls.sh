#!/usr/bin/env bash
# hivemind-presence 0.0.6a1: a hub that announces `ssl` True by mDNS comes out of LocalDiscovery as one without TLS, so
# that it would be dialled as ws://. (By UPnP the flag is kept.)
# Seen: `announced True, found False`. Exit 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --pre \
  hivemind-presence==0.0.6a1 hivemind_bus_client==1.2.12a1 zeroconf==0.154.0
cd "$folder"
HOME=$folder "$folder/venv/bin/python" - <<'PYTHON'
from hivemind_presence.discovery import LocalDiscovery

discovery = LocalDiscovery(zeroconf=True, upnp=False)
discovery.on_new_node = lambda node: None
# what its own ZeroScanner makes of the record of its own ZeroConfAnnounce(ssl=True)
discovery.on_new_zeroconf_node({"host": "192.0.2.1", "port": "5678", "name": "Kitchen", "ssl": "True"})
(node,) = discovery.nodes.values()
print("announced True, found", node.ssl)
assert node.ssl is False
PYTHON
