"""Settings from outside of a program that knows nothing of them: environment variables, and the config file.

`HIVEMIND_DROPIN_CA`, `_TLS_PIN`, `_PROXY`, `_SELF_SIGNED`, `_BINARIZE`, `_COMPRESS`, `_MIN_PROTOCOL`, `_DURABLE`,
`_FALLBACKS` (addresses, with commas): as the arguments of hivemind_sdk.HiveMessageBusClient with these names. Or the
same in `$XDG_CONFIG_HOME/hivemind/dropin.json`: `{"ca": "/etc/hub.pem", "fallbacks": ["ws://two"]}`. They win over
what the program says, the environment over the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .exceptions import NotConfigured

PREFIX = "HIVEMIND_DROPIN_"
_SWITCHES = {"on": True, "1": True, "yes": True, "true": True, "off": False, "0": False, "no": False, "false": False}


def _switch(text: str) -> bool:
    return _SWITCHES[text.strip().lower()]


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_READ: Mapping[str, Callable[[str], Any]] = {
    "ca": str,
    "tls_pin": str,
    "proxy": str,
    "durable": str,
    "self_signed": _switch,
    "binarize": _switch,
    "compress": _switch,
    "min_protocol": int,
    "fallbacks": _list,
}
"""argument -> how its variable is read"""


def settings(arguments: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """These arguments, with what is said outside over them. A CA or a pin means that certificates are checked.

    Raises NotConfigured for what can't be read, with the name and not the value (which may be a secret).
    """
    environ = os.environ if environ is None else environ
    found = _file(environ)
    for name, read in _READ.items():
        text = environ.get(PREFIX + name.upper())
        if text:
            try:
                found[name] = read(text)
            except (KeyError, ValueError):
                raise NotConfigured(f"{PREFIX}{name.upper()} can't be read", hint="switches are on or off") from None
    if ("ca" in found or "tls_pin" in found) and "self_signed" not in found:
        found["self_signed"] = False
    return {**arguments, **found}


def config_file(environ: Mapping[str, str]) -> Path:
    folder = environ.get("XDG_CONFIG_HOME", "")
    base = Path(folder) if Path(folder).is_absolute() else Path("~/.config").expanduser()
    return base / "hivemind" / "dropin.json"


def _file(environ: Mapping[str, str]) -> dict[str, Any]:
    path = config_file(environ)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise NotConfigured(f"{path} can't be read: {type(error).__name__}") from None
    unknown = [str(name) for name in content if name not in _READ] if isinstance(content, dict) else ["no object"]
    if unknown:
        raise NotConfigured(f"{path}: {', '.join(unknown)} can't be used", hint=f"use {', '.join(_READ)}")
    return dict(content)
