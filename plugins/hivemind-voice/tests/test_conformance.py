"""The command, and what is run from a file, keep their contracts."""

from __future__ import annotations

from hivemind_sdk.testing import ApplicationContract
from hivemind_sdk.testing.conformance import CommandContract
from hivemind_voice import VoiceSettings
from hivemind_voice.application import VoiceApplication
from hivemind_voice.command import voice


class TestVoiceCommand(CommandContract):
    name = "voice"

    def command(self):
        return voice


class TestVoiceApplication(ApplicationContract):
    def application(self):
        return VoiceApplication(VoiceSettings(microphone="none", sounds=False, timeout=1))
