"""What a satellite is told before it starts: endpoint, credentials, deadlines, limits, preferences. Values only.

Names are loaded when they are first used: who loads a plugin needs the settings of plugins alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._startup import lazy_names

if TYPE_CHECKING:
    from .endpoint import AUTO as AUTO
    from .endpoint import DEFAULT_PORT as DEFAULT_PORT
    from .endpoint import Endpoint as Endpoint
    from .endpoint import spellings as spellings
    from .plugins import PluginSettings as PluginSettings
    from .satellite import DEFAULT_USERAGENT as DEFAULT_USERAGENT
    from .satellite import Backoff as Backoff
    from .satellite import Callbacks as Callbacks
    from .satellite import Credentials as Credentials
    from .satellite import Deadlines as Deadlines
    from .satellite import Failover as Failover
    from .satellite import Limits as Limits
    from .satellite import Settings as Settings
    from .satellite import TLSSettings as TLSSettings
    from .satellite import Upstream as Upstream
    from .satellite import check_useragent as check_useragent

_HOMES = {
    "AUTO": "endpoint",
    "DEFAULT_PORT": "endpoint",
    "DEFAULT_USERAGENT": "satellite",
    "Backoff": "satellite",
    "Callbacks": "satellite",
    "Credentials": "satellite",
    "Deadlines": "satellite",
    "Endpoint": "endpoint",
    "Failover": "satellite",
    "Limits": "satellite",
    "PluginSettings": "plugins",
    "Settings": "satellite",
    "TLSSettings": "satellite",
    "Upstream": "satellite",
    "check_useragent": "satellite",
    "spellings": "endpoint",
}

__all__ = [
    "AUTO",
    "DEFAULT_PORT",
    "DEFAULT_USERAGENT",
    "Backoff",
    "Callbacks",
    "Credentials",
    "Deadlines",
    "Endpoint",
    "Failover",
    "Limits",
    "PluginSettings",
    "Settings",
    "TLSSettings",
    "Upstream",
    "check_useragent",
    "spellings",
]

__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return __all__
