"""Puts the drop-in in the place of `hivemind_bus_client`. Imported when Python starts, so it imports next to nothing.

Only the top package is found here. Its path is our folder, then the folder of an installed reference: the standard
finder takes each module from the first that has it, so what we do not have (`noise`, `http_client`, ...) is the
reference's.
"""

import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all this
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

NAME = "hivemind_bus_client"
SWITCH = "HIVEMIND_DROPIN"
"""environment variable: `off`, `0`, `no` or `false` leaves the reference alone"""


class Finder:
    """A meta path finder (importlib.abc.MetaPathFinder) for this one name."""

    @staticmethod
    def find_spec(
        name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        if name != NAME:
            return None
        import os.path

        if os.environ.get(SWITCH, "").strip().lower() in {"off", "0", "no", "false"}:
            return None
        from importlib.util import spec_from_file_location

        ours = os.path.join(os.path.dirname(__file__), "hivemind_bus_client_dropin")  # noqa: PTH118, PTH120
        spec = spec_from_file_location(NAME, f"{ours}{os.sep}__init__.py", submodule_search_locations=[ours])
        reference = next(filter(None, (_find(finder, path, target) for finder in sys.meta_path)), None)
        if spec is not None and reference is not None:
            spec.submodule_search_locations = [ours, *(reference.submodule_search_locations or ())]
        return spec


def _find(finder: "Any", path: "Sequence[str] | None", target: "ModuleType | None") -> "Any":
    """What another finder has under our name."""
    find_spec = None if finder is Finder else getattr(finder, "find_spec", None)
    return find_spec(NAME, path, target) if find_spec else None


def install() -> None:
    """Come first. A second call changes nothing. Bundlers that ignore `.pth` files (PyInstaller) need this call."""
    if Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)


install()
