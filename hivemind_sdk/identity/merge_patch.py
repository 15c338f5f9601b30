"""Changes of fields as a JSON Merge Patch (RFC 7396): objects are merged, everything else is replaced, None removes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..messages import JSONObject


def apply(fields: Mapping[str, Any], patch: Mapping[str, Any]) -> JSONObject:
    """The fields with the patch applied. Neither argument is changed, and the result shares no object with them."""
    result: JSONObject = copy.deepcopy(dict(fields))
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            before = result.get(key)
            result[key] = apply(before if isinstance(before, Mapping) else {}, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def between(before: Mapping[str, Any], after: Mapping[str, Any]) -> JSONObject:
    """The smallest patch that makes `after` of `before`: what others change in the meantime is left alone by it."""
    patch: JSONObject = dict.fromkeys(
        key for key, value in before.items() if value is not None and after.get(key) is None
    )
    for key, value in after.items():
        old = before.get(key)
        if value is None or (key in before and old == value):
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            patch[key] = between(old, value)
        else:
            patch[key] = copy.deepcopy(value)
    return patch
