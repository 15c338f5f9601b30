"""Where the SDK comes from, for a plugin that is developed outside of this repository."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...errors import SettingsError

PUBLISHED = False
"""Whether the package index has `hivemind-satellite-sdk`. Set it to True when a release is uploaded: from then on new
plugins ask the index, and tests/docs/test_blocks.py demands that README and docs say so."""

DISTRIBUTION = "hivemind-satellite-sdk"


def sdk_source(given: str | None) -> str | None:
    """What pip is told to install to get the SDK: a folder, a wheel or a URL. None: its name is enough.

    `given` wins. Without it, an SDK that is not published is taken from where this one was installed from, as pip has
    recorded it. Raises SettingsError for a path that is not there.
    """
    source = given if given is not None else None if PUBLISHED else _recorded()
    if not source or "://" in source:
        return source or None
    path = Path(source).expanduser().resolve()
    if not path.exists():
        raise SettingsError(
            f"--sdk: there is no file or folder {str(path)!r}",
            hint="give the folder of a clone, a wheel, or a URL that pip understands",
        )
    return path.as_posix()


def _recorded() -> str | None:
    """The direct URL (PEP 610) that this SDK was installed from; None if it came from an index."""
    try:
        recorded = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None
    if not recorded:
        return None
    told = json.loads(recorded)
    url = str(told["url"])
    if vcs := told.get("vcs_info"):
        return f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    if not url.startswith("file://"):
        return url
    path = Path(unquote(urlsplit(url).path))
    return str(path) if path.exists() else None
