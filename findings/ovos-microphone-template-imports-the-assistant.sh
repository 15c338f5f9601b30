#!/usr/bin/env bash
# ovos-plugin-manager 2.12.5a1: a microphone plugin inherits from ovos_plugin_manager.templates.microphone.Microphone, a
# dataclass of thirty lines with four fields. Importing it imports all templates with it (recognisers, synthesizers,
# transformers, ...), a websocket client and a YAML parser, and costs each satellite some 25 MiB.
# Seen: `importing the template: 359 modules and 27 MiB more, among them websocket, yaml`. Exit 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ovos-plugin-manager==2.12.5a1
HOME="$folder" timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import resource
import sys


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


modules, before = set(sys.modules), memory()
from ovos_plugin_manager.templates.microphone import Microphone

more = set(sys.modules) - modules
names = {name.partition(".")[0] for name in more}
unasked = sorted(names & {"yaml", "websocket"})
print(f"importing the template: {len(more)} modules and {memory() - before:.0f} MiB more, among them {', '.join(unasked)}")
assert set(Microphone.__dataclass_fields__) == {"sample_rate", "sample_width", "sample_channels", "chunk_size"}
assert "ovos_plugin_manager.templates.tts" in more
assert unasked == ["websocket", "yaml"]
assert len(more) > 200
assert memory() - before > 15
PYTHON
