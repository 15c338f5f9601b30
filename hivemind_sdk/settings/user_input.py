"""What people type, paste, save with an editor or set in the environment: read as it was meant, or refused with why.

Editors put byte order marks before a text, line ends behind it, and on Windows write UTF-16; shells, mounted secrets
and web pages add blanks. None of this belongs to a key, a path or a fingerprint.
"""

from __future__ import annotations

import base64
import codecs
import os
import re
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from .._startup import fields
from ..errors import SettingsError

_MARK = "\ufeff"
_LINE_ENDS = "\r\n\v\f\x85\u2028\u2029" + _MARK + "\0"
_BLANKS = _LINE_ENDS + " \t\xa0\u200b\u200e\u200f\u202f\u2060"
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OPENSSL = re.compile(r"\s*sha-?256(?:\s+fingerprint)?\s*[:=(]\s*", re.IGNORECASE)
"""as in `sha256 Fingerprint=AA:BB...`, `SHA256:...` and `SHA2-256(stdin)= ...`"""
_SHA256SUM = re.compile(r"(?:SHA2?-?256\([^)]*\)=\s*)?([0-9A-Fa-f]{64})(?:\s+\*?\S.*)?")
LONGEST = 1e9
"""seconds that a time in the settings may have: what clocks of all systems can add to the present"""
_PIN_HINT = "`openssl x509 -in CERT -noout -fingerprint -sha256` prints it"


def text_of(data: bytes) -> str:
    """The text of a file: UTF-8 with or without a byte order mark, or UTF-16 with one. Raises UnicodeDecodeError."""
    return data.decode("utf-16" if data.startswith(_WIDE) else "utf-8-sig")


def secret(what: str, text: str) -> str:
    """A password or such, without a byte order mark and line ends around it. Blanks may belong to it.

    Raises SettingsError, which never shows the text, where it has several lines.
    """
    value = text.strip(_LINE_ENDS)
    if re.search(r"[\r\n\0]", value):
        raise SettingsError(f"the {what} has several lines, or a NUL in it", hint=f"give one line: the {what} alone")
    if re.search(r"[\ud800-\udfff]", value):  # Python's sign for bytes that are no UTF-8
        raise SettingsError(f"the {what} is not valid text", hint=f"give the {what} as UTF-8")
    return value


def word(what: str, text: str) -> str:
    """A key or such, which has no blanks around it. Raises SettingsError, which never shows the text."""
    value = secret(what, text).strip(_BLANKS)
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise SettingsError(f"the {what} has a control character in it", hint=f"copy the {what} anew")
    return value


def hex_key(what: str, text: str, size: int) -> str:
    """A key of `size` bytes as lower-case hex. Raises SettingsError, which never shows the text."""
    value = word(what, text).lower().removeprefix("0x")
    if not re.fullmatch(f"[0-9a-f]{{{2 * size}}}", value):
        raise SettingsError(
            f"the {what} is not {2 * size} hexadecimal digits ({len(value)} characters were given)",
            hint="`hivemind-core derive-psk --password PASSWORD --node-id NODE_ID` prints it on the hub",
        )
    return value


def sha256_pin(text: str) -> str:
    """The SHA-256 of a certificate as 64 lower-case hex digits: from what openssl, sha256sum or ssh-like tools print.

    Raises SettingsError.
    """
    given = text.strip(_BLANKS)
    plain = _OPENSSL.sub("", given, count=1) if _OPENSSL.match(given) else given
    compact = re.sub(r"[:\s]", "", plain)
    if re.fullmatch(r"[0-9A-Fa-f]{64}", compact):
        return compact.lower()
    if found := _SHA256SUM.fullmatch(given):
        return found[1].lower()
    if re.fullmatch(r"[A-Za-z0-9+/]{43}=?", plain):  # as SSH prints fingerprints
        with suppress(ValueError):
            return base64.b64decode(plain.rstrip("=") + "=", validate=True).hex()
    if re.fullmatch(r"(?i)(?:sha-?1(?: fingerprint)?[:=])?[0-9a-f]{40}", re.sub(r"(?<=[0-9a-fA-F]):", "", given)):
        raise SettingsError(f"the pin {given[:80]!r} is a SHA-1, and a SHA-256 is wanted", hint=_PIN_HINT)
    raise SettingsError(f"the pin {given[:80]!r} is not a SHA-256 in hex", hint=_PIN_HINT)


def port(value: object, where: str = "--port") -> int | None:
    """A port as a number, or as text that holds one. None and what is empty: none was given. Raises SettingsError."""
    if isinstance(value, str):
        text = value.strip(_BLANKS)
        value = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else (text or None)
    if value is None or value == 0:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise SettingsError(f"{value!r} is not a port", hint=f"use a number from 1 to 65535 ({where})")
    return value


def user_path(text: str | os.PathLike[str], what: str = "path") -> Path:
    """A path, with `~` and `~user` for a home. Raises SettingsError where there is no such home, or it is no path."""
    name = os.fspath(text).strip(_LINE_ENDS)
    if not name.strip(_BLANKS) or "\0" in name:
        raise SettingsError(f"{what} {name!r} is not a path", hint="give the path of a file")
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"{what} {name!r} can't be found: there is no such home", hint="set HOME, or give the path from / on"
        ) from None


def config_home(environ: Mapping[str, str] | None = None) -> Path | None:
    """The user's configuration folder; None for a user without a home (a container with a bare uid)."""
    stated = Path((os.environ if environ is None else environ).get("XDG_CONFIG_HOME", ""))
    if stated.is_absolute():
        return stated
    try:
        return Path.home() / ".config"
    except RuntimeError:
        return None


def check_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Returns `headers`. Raises SettingsError for a name or value that is not allowed in an HTTP header."""
    for name, value in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\r\n\0\ud800-\udfff]", value):
            raise SettingsError(f"the header {name[:40]!r} can't be sent", hint="one line, a plain name")
    return headers


def check_numbers(settings: Any, *, zero: Collection[str] = ()) -> None:
    """Raises SettingsError for a number of a dataclass of settings that is NaN, below 0, or a time above LONGEST.

    0 is taken for the fields named in `zero` only.
    """
    for one in fields(settings):
        value = getattr(settings, one.name)
        if not isinstance(value, (int, float)) or (value == 0 and one.name in zero):
            continue
        if not 0 < value <= (LONGEST if "float" in str(one.type) else sys.maxsize):
            raise SettingsError(
                f"{type(settings).__name__}.{one.name} can't be {value:g}",
                hint=f"{'0 or more' if one.name in zero else 'more than 0'}, and not above {LONGEST:g}",
            )


def check_types(settings: Any) -> None:
    """Raises SettingsError for a field of a dataclass of settings whose value is of another type. Shows no value."""
    module = sys.modules[type(settings).__module__]
    for one in fields(settings):
        value = getattr(settings, one.name)
        if not any(_fits(value, wanted, module) for wanted in str(one.type).split(" | ")):
            raise SettingsError(
                f"{type(settings).__name__}.{one.name} can't be {_kind(value)}",
                hint=f"its type is {one.type}",
            )


def _fits(value: Any, wanted: str, module: ModuleType) -> bool:
    name, _, items = wanted.partition("[")
    if name == "tuple":
        inner = items.partition(",")[0]
        return isinstance(value, (tuple, list)) and all(_fits(one, inner, module) for one in value)
    if name == "Mapping":
        key, _, item = items.removesuffix("]").partition(", ")
        return isinstance(value, Mapping) and all(
            _fits(one, key, module) and _fits(other, item, module) for one, other in value.items()
        )
    if isinstance(value, bool):
        return name in ("bool", "Any")
    kinds = _TYPES.get(name) or vars(module).get(name)
    return kinds is None or isinstance(value, kinds)


def _kind(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of " + ", ".join(sorted({type(one).__name__ for one in value}))
    return "None" if value is None else f"of type {type(value).__name__}"


_TYPES: Mapping[str, Any] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "None": type(None),
    "Mapping": Mapping,
    "frozenset": (frozenset, set),
    "Any": object,
}
"""by the name in an annotation; a tuple is one of its types"""
