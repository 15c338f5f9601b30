"""The OVOS `Message` that callbacks get, without the import of `ovos_bus_client`, which takes 0.25 seconds of CPU.

A `Message` of ours has the same three attributes. `isinstance` holds as soon as the program has imported OVOS' class,
and the first method that is called then turns the object into one of that class, so that it does what the installed
version does. Before that, three methods of ovos-bus-client 1.x are here, since they need nothing else. For all other
methods and versions the call imports OVOS' class.
"""

from __future__ import annotations

import functools
import sys
from copy import deepcopy
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..messages import JSONObject

_CLIENT, _SPECIFIED = "ovos_bus_client.message", "ovos_spec_tools.message"
"""modules of OVOS' class: 1.x defines it in the first; 2.x takes it from the second, whose import is quicker"""


class Message:
    """A bus message: `msg_type`, `data` and `context`, with the methods of OVOS' Message. See the module."""

    def __init__(self, msg_type: str, data: JSONObject | None = None, context: JSONObject | None = None) -> None:
        self.msg_type = msg_type
        self.data: JSONObject = {} if data is None else data
        self.context: JSONObject = {} if context is None else context

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What `isinstance` asks for: OVOS' class once the program has imported it."""
        return _loaded() or type(self)

    def __getattr__(self, name: str) -> Any:
        """What is not here, OVOS' class has: `serialize`, `as_dict`, `publish`, and what future versions add."""
        if name.startswith("__") or name in ("msg_type", "data", "context"):  # as copy and pickle ask
            raise AttributeError(name)
        if name == "publish":  # 2.x attaches it to the class when the bus client is imported
            import_module(_CLIENT)
        _convert(self)
        return getattr(self, name)

    @staticmethod
    def deserialize(value: Any) -> Any:
        """See OVOS' Message."""
        return message_class().deserialize(value)

    def forward(self, msg_type: str, data: JSONObject | None = None) -> Any:
        """Another message with this context. See OVOS' Message."""
        if _defers():
            return _convert(self).forward(self, msg_type, data)
        return Message(msg_type, data or {}, self.context or {})

    def reply(self, msg_type: str, data: JSONObject | None = None, context: JSONObject | None = None) -> Any:
        """Another message with a copy of this context, source and destination exchanged. See OVOS' Message."""
        if _defers():
            return _convert(self).reply(self, msg_type, data, context)
        content = deepcopy(data) or {}
        turned = {**deepcopy(self.context), **(context or {})}
        if "destination" in content:
            turned["destination"] = content["destination"]
        if "source" in turned and "destination" in turned:
            turned["source"], turned["destination"] = turned["destination"], turned["source"]
        return Message(msg_type, content, turned)

    def response(self, data: JSONObject | None = None, context: JSONObject | None = None) -> Any:
        """A reply whose type ends in `.response`. See OVOS' Message."""
        if _defers():
            return _convert(self).response(self, data, context)
        return self.reply(f"{self.msg_type}.response", data, context)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Message, _loaded() or Message)):
            return False
        mine = (self.msg_type, self.data, self.context)
        return bool(mine == (other.msg_type, other.data, other.context))

    def __reduce_ex__(self, _protocol: Any) -> Any:
        return make, ("", {}, {}), self.__dict__

    def __hash__(self) -> int:
        _convert(self)
        return hash(self)  # 1.x has none

    def __repr__(self) -> str:
        if not _defers():
            return object.__repr__(self)
        _convert(self)
        return repr(self)


def make(msg_type: str, data: JSONObject, context: JSONObject) -> Any:
    """A message of OVOS' class if the program has imported it, else of ours, which stands for it."""
    kind = _loaded() or (Message if _generation() else message_class())
    return kind(msg_type, data, context)


def message_class() -> Any:
    """OVOS' class; imports it."""
    return import_module(_SPECIFIED if _generation() == _SPECIFIED else _CLIENT).Message


def _convert(message: Message) -> Any:
    """Make this object one of OVOS' class, and return that class."""
    real = message_class()
    object.__dict__["__class__"].__set__(message, real)
    return real


def _defers() -> bool:
    """Whether OVOS' class does the work: because it is there, or because only it knows what its version does."""
    return _generation() != _CLIENT or _loaded() is not None


def _loaded() -> Any:
    """OVOS' class, if the program has imported it."""
    module = sys.modules.get(_SPECIFIED if _generation() == _SPECIFIED else _CLIENT)
    return getattr(module, "Message", None)


@functools.cache
def _generation() -> str:
    """The module that defines the class of the installed version; empty for a version that is not known here.

    Read from its source, since importing it is what this file avoids.
    """
    spec = find_spec("ovos_bus_client")
    folder = Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else Path()
    try:
        source = (folder / "message.py").read_text(encoding="utf-8")
        version = (folder / "version.py").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    if f"from {_SPECIFIED} import" in source:
        return _SPECIFIED
    return _CLIENT if "VERSION_MAJOR = 1\n" in version else ""
