"""`hivemind-client voice`: a satellite that listens and speaks, until Ctrl-C or the end of a WAV file."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import Any

import click

from hivemind_sdk.hooks import CommandPlugin, hookimpl

from .events import Kind
from .settings import MODES, VoiceSettings

HIVEMIND_API = 1
CONNECT = 30.0
"""seconds"""
_FAILURES = (Kind.FAILED, Kind.DROPPED)
"""what is to be said was not"""
_HELP = {
    "microphone": "An OVOS plugin, none, or a WAV file.",
    "microphone_device": "A part of its name, see --devices.",
    "speaker": "`device`, or a WAV file to write.",
    "speaker_device": "A part of its name, see --devices.",
    "vad": "What finds speech: an OVOS plugin.",
    "wake_word": "An OVOS plugin; none: speech alone begins a recording.",
    "wake_phrase": "What the wake word plugin is to find.",
    "stt": "An OVOS plugin, or `hub`.",
    "tts": "An OVOS plugin, or `hub`.",
    "volume": "0 to 100.",
    "sounds": "For listening, done and failure.",
    "barge_in": "Listen while it speaks; the wake word stops what it says.",
    "lang": "Language of what is said. [default: that of the identity]",
    "silence": "Seconds that end a recording.",
    "patience": "Seconds for speech to begin.",
    "longest": "Seconds of a recording.",
    "timeout": "Seconds for an answer.",
}


def _setting_options(command: Any) -> Any:
    """An option for each setting, with its default."""
    for one in reversed(fields(VoiceSettings)):
        if one.name not in _HELP:
            continue
        name = one.name.replace("_", "-")
        text = _HELP[one.name]
        default = one.default
        shown = default not in ("", MISSING)
        if isinstance(default, bool):
            option = click.option(f"--{name}/--no-{name}", default=default, show_default=True, help=text)
        else:
            option = click.option(f"--{name}", default=default, show_default=shown, help=text)
        command = option(command)
    return command


@click.command("voice")
@click.option("--mode", type=click.Choice(list(MODES)), default="relay", show_default=True, help="What is done here.")
@_setting_options
@click.option("--option", "options", metavar="ENGINE.NAME=VALUE", multiple=True, help="An option of an engine.")
@click.option("--host", metavar="HOST", envvar="HIVEMIND_HOST", help="ws://NAME. [default: that of the identity]")
@click.option("--port", metavar="PORT", type=click.IntRange(1, 65535), envvar="HIVEMIND_PORT", help="Of the hub.")
@click.option("--say", "texts", metavar="TEXT", multiple=True, help="Say this first; with --microphone none, end then.")
@click.option("--devices", is_flag=True, help="List microphones, speakers and engines, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one a line.")
@click.pass_obj
def voice(
    app: str | None,
    /,
    options: tuple[str, ...],
    host: str | None,
    port: int | None,
    texts: tuple[str, ...],
    devices: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Listen and speak, as the ears and the mouth of the hub.

    In push-to-talk, Enter begins and ends a recording.
    """
    from .display import JSONLines, Lines

    if devices:
        for text in _listing():
            click.echo(text)
        return
    chosen = VoiceSettings(options=_parsed(options), **settings)
    show = JSONLines() if as_json else Lines()
    with _client(app, host, port) as client:
        from .satellite import VoiceSatellite

        satellite = VoiceSatellite(client, chosen)
        failures: list[str] = []
        satellite.on_event(show, levels=show.levels)
        satellite.on_event(lambda event: failures.append(event.text) if event.kind in _FAILURES else None)
        with satellite:
            for text in texts:
                satellite.say(text)
            if chosen.trigger == "button" and chosen.microphone != "none":
                threading.Thread(target=_button, args=(satellite,), daemon=True).start()
            _until_over(satellite, chosen, ends=bool(texts))
    if failures and texts and chosen.microphone == "none":
        click.get_current_context().exit(1)  # it is shown already


def _client(app: str | None, host: str | None, port: int | None) -> Any:
    from hivemind_sdk import HiveMessageBusClient, NodeIdentity

    client = HiveMessageBusClient(host=host, port=port, identity=NodeIdentity(app_name=app))
    client.connect(timeout=CONNECT)
    return client


def _until_over(satellite: Any, settings: VoiceSettings, *, ends: bool) -> None:
    """Until a file is over and answered; without a microphone, until all is said; else until Ctrl-C."""
    if settings.microphone == "none":
        if ends:
            satellite.wait_idle(settings.timeout)
        else:
            threading.Event().wait()
        return
    satellite.wait_over()
    satellite.wait_answered(settings.timeout)


def _button(satellite: Any) -> None:
    """Enter is the button."""
    while sys.stdin.readline():
        satellite.release() if satellite.phase.value == "recording" else satellite.press()


def _parsed(options: Iterable[str]) -> dict[str, dict[str, Any]]:
    """`ENGINE.NAME=VALUE` of each option. A value that is JSON is taken as such."""
    import json

    found: dict[str, dict[str, Any]] = {}
    for one in options:
        name, equals, value = one.partition("=")
        engine, dot, option = name.rpartition(".")
        if not (equals and dot and engine and option):
            raise click.BadParameter(f"{one!r} is not ENGINE.NAME=VALUE", param_hint="--option")
        try:
            found.setdefault(engine, {})[option] = json.loads(value)
        except ValueError:
            found.setdefault(engine, {})[option] = value
    return found


def _listing() -> Iterable[str]:
    from . import ovos
    from .engines import devices

    for title, which in (("microphones", "captures"), ("speakers", "playbacks")):
        yield f"{title}:"
        yield from (f"  {name}" for name in devices.names(which) or ["(none)"])
    for kind, about in ovos.KINDS.items():
        yield f"{kind}:"
        ours = {full: f" ({short})" for short, full in about.short.items()}
        yield from (f"  {name}{ours.get(name, '')}" for name in sorted(ovos.installed(kind)) or ["(none)"])


@hookimpl
def hivemind_commands() -> Iterable[CommandPlugin]:
    return [CommandPlugin(name="voice", create=lambda: voice, help="listen and speak")]
