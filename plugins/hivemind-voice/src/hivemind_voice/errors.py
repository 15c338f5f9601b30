"""What can go wrong with sound, as an error of the SDK."""

from __future__ import annotations

from hivemind_sdk.errors import HiveMindError


class SoundFailed(HiveMindError):
    """A microphone or a speaker can't be used, or a sound can't be read."""
