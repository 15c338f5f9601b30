"""A unit for systemd that runs a satellite from its file."""

from __future__ import annotations

import sys
from pathlib import Path

from ..failures import REFUSED
from .program import Program

_UNIT = """\
[Unit]
Description=HiveMind satellite
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
User=satellite
ExecStart={command} run {path}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=10
# a refused access key or password: trying again changes nothing
RestartPreventExitStatus={refused}
WatchdogSec=60
TimeoutStopSec={stop:g}
StateDirectory=satellite
Environment=XDG_CONFIG_HOME=/var/lib/satellite
Environment=HIVEMIND_HEALTH_FILE=/var/lib/satellite/health
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
"""
_CLOSING = 15.0
"""seconds for commands, applications and the link, beside what is drained"""


HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - by ProtectHome and PrivateTmp


def hidden(program: Program) -> list[Path]:
    """What the unit runs and reads that it hides from itself."""
    paths = (Path(sys.executable).with_name("hivemind-client"), program.path)
    return [path for path in paths if any(path.is_relative_to(one) for one in HIDDEN)]


def unit(program: Program) -> str:
    """The text of the unit. It runs the `hivemind-client` of this environment, as the user `satellite`."""
    return _UNIT.format(
        command=_quoted(Path(sys.executable).with_name("hivemind-client")),
        path=_quoted(program.path),
        refused=REFUSED,
        stop=_CLOSING + program.drain,
    )


def _quoted(path: Path) -> str:
    """As systemd reads an argument."""
    text = str(path).replace("%", "%%").replace("$", "$$")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' if set(text) & set(" \t\"'\\;") else text
