"""The language of utterances that say none: that of the identity, then that of OVOS in this process."""

from __future__ import annotations

import sys

from ..contracts import NodeState

UNCONFIGURED = "en-us"
"""what OVOS takes where no language is configured"""


def default_language(state: NodeState) -> str:
    """The field `lang` of the identity; else `lang` of OVOS' configuration, if the program has imported ovos_config.

    Importing it only for this would take long and make folders in the user's home. Where neither says anything:
    UNCONFIGURED.
    """
    return _text(state.read("lang")) or _of_ovos() or UNCONFIGURED


def _of_ovos() -> str:
    ovos = sys.modules.get("ovos_config.config")
    if ovos is None:
        return ""
    try:
        return _text(ovos.Configuration().get("lang"))
    except Exception:  # noqa: BLE001 - a configuration that can't be read has no language
        return ""


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
