"""No secret is in anything that is written: logs at DEBUG, tracebacks, warnings, errors, reprs, the command line."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import traceback
import warnings
from contextlib import suppress
from functools import partial
from urllib.parse import quote

import pytest
from cli_kit import program
from crypto_kit import KEYS, RECORDS
from link_kit import LONG, Log
from secrets_kit import found_in, of_pem

from hivemind_sdk import BusMessage, HiveMessage, HiveMessageBusClient, NodeIdentity
from hivemind_sdk.contracts import Dial
from hivemind_sdk.contracts.observations import CallbackFailed, Dropped, StateChanged
from hivemind_sdk.contracts.status import State
from hivemind_sdk.errors import HiveMindError, SettingsError
from hivemind_sdk.satellite.handler_context import LiveContext
from hivemind_sdk.satellite.satellite import Satellite
from hivemind_sdk.settings import Backoff, Credentials, Deadlines, Endpoint, Settings
from hivemind_sdk.testing import Hub, HubClient, MemoryState
from hivemind_sdk.testing.misbehaviour import OFFER, Misbehaviour, change

KEY, PASSWORD, PRESHARED = "Open/Sesame+4711=?&%", "pässwörd /+&= 0815 long", "sixteen/byte+key"
WRONG_KEY, WRONG_PASSWORD = "Wrong/Sesame+0000=?", "wröng pässword /+ 4242"
PROXY_LOGIN = "proxy-pass+word/77"
USERAGENT, PAYLOAD = "test agent", "the payload nobody may read"
KNOWN = {
    "access key": KEY,
    "password": PASSWORD,
    "pre-shared key": PRESHARED,
    "wrong key": WRONG_KEY,
    "wrong password": WRONG_PASSWORD,
    "token": Credentials(KEY).token(USERAGENT),
    "wrong token": Credentials(WRONG_KEY).token(USERAGENT),
    "login of the proxy": PROXY_LOGIN,
    **{f"RSA key, part {n}": part for n, part in enumerate(of_pem(KEYS["bob"]["private_pem"]))},
}
CREDENTIALS = {
    "password": Credentials(KEY, PASSWORD),
    "rsa": Credentials(KEY),
    "preshared": Credentials(KEY, None, PRESHARED),
    "noise": Credentials(KEY, PASSWORD),
}
PROFILES = {"password": "4.6.1a1", "rsa": "4.0.0", "preshared": "4.0.0", "noise": "5.3.10a1"}


class Written:
    """All that goes into the log, at any level, and what else is shown; and every key that a cipher was bound to."""

    def __init__(self, monkeypatch):
        self.logged, self.above_debug = io.StringIO(), io.StringIO()
        self.handlers = [logging.StreamHandler(self.logged), logging.StreamHandler(self.above_debug)]
        for handler in self.handlers:
            handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s %(args)r"))
        self.handlers[1].setLevel(logging.INFO)
        self.keys: set[bytes] = set()
        self.shown: list[str] = []
        for record in RECORDS.values():
            cipher = type(record.create())
            monkeypatch.setattr(cipher, "bind", self._recording(cipher.bind))

    def show(self, *objects):
        """What a person may look at."""
        for one in objects:
            self.shown += [repr(one), str(one)]
            if isinstance(one, BaseException):
                self.shown += traceback.format_exception(one)

    def secrets(self, *states):
        keys = {f"key of a cipher {number}": key for number, key in enumerate(self.keys)}
        return {**KNOWN, **keys, **{name: kept for state in states for name, kept in kept_in(state).items()}}

    def has_none_of(self, secrets):
        text = self.logged.getvalue() + "\n".join(self.shown)
        assert len(text) > 1000
        assert found_in(text, secrets) == []
        assert PAYLOAD not in self.above_debug.getvalue()

    def _recording(self, bind):
        def recorded(cipher, key):
            self.keys.add(bytes(key))
            return bind(cipher, key)

        return recorded


@pytest.fixture
def written(monkeypatch, capfd):
    written, root = Written(monkeypatch), logging.getLogger()
    level = root.level
    for handler in written.handlers:
        root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield written
    out, err = capfd.readouterr()
    assert found_in(out + err + "".join(str(one.message) for one in caught), KNOWN) == []
    for handler in written.handlers:
        root.removeHandler(handler)
    root.setLevel(level)


def state_with_keys():
    state = MemoryState(public_key=KEYS["bob"]["public_pem"], trusted_keys={"alice": KEYS["alice"]["public_pem"]})
    state.write_secret("private.pem", KEYS["bob"]["private_pem"])
    return state


def kept_in(state):
    """The secrets that a node has come to hold: its static key, keys that were derived."""
    kept = {}
    for name, text in state.secrets.items():
        for number, hexed in enumerate(re.findall(r"[0-9a-f]{32,}", text)):
            kept[f"{name} {number}"] = hexed
            kept[f"{name} {number}, its bytes"] = bytes.fromhex(hexed)
    return kept


def secret_files(folder):
    """What the key files of an identity hold, part by part."""
    texts = {path.name: path.read_text() for path in folder.rglob("*") if path.suffix in (".pem", ".key")}
    private = {name: text for name, text in texts.items() if "PUBLIC" not in text}
    return {f"{name} {number}": part for name, text in private.items() for number, part in enumerate(of_pem(text))}


def satellite_of(hub, credentials, log, state, **changes):
    fields = {"useragent": USERAGENT, "deadlines": Deadlines(handshake=LONG), "reconnect": False, **changes}
    return Satellite(
        Settings(Endpoint("ws", "127.0.0.1", hub.port), credentials, **fields), identity=state, observers=[log]
    )


def raises(message):
    raise ValueError("the application's own fault")


@pytest.mark.parametrize("how", CREDENTIALS)
def test_a_whole_session_writes_no_secret(how, written):
    """Agreed, used, misused, lost, agreed again; with a callback that raises, frames that are none, and a denial."""
    log, state = Log(), state_with_keys()
    known = HubClient(KEY, CREDENTIALS[how].password, CREDENTIALS[how].preshared_key)
    with Hub([known], PROFILES[how]) as hub:
        hub.start()
        sat = satellite_of(hub, CREDENTIALS[how], log, state, backoff=Backoff(0.0, 0.0), reconnect=True)
        info = sat.connect()
        assert info.handshake == how
        sat.on_bus("boom", raises)
        peer = hub.wait_for(lambda hub: hub.peers)[0]
        peer.send_frame(json.dumps({"msg_type": "bus", "payload": {"type": PAYLOAD}}))
        if info.protocol < 3:
            peer.send_frame(bytes(80))
        peer.send_bus(BusMessage("boom", {"text": PAYLOAD}))
        sent = sat.emit(BusMessage("not.allowed", {"text": PAYLOAD}))
        with suppress(HiveMindError):
            sat.emit(HiveMessage("bin", b"x", metadata={"text": PAYLOAD * 50}))
        list(sat.ask("hello"))
        log.wait(lambda log: log.of(CallbackFailed) and log.of(Dropped))
        loop = sat.start()  # the one that runs
        link = loop._session.link
        session, credentials = link._session, sat.settings.credentials
        written.show(sat, loop, sat.settings, credentials, link, session, info, sat.status, sat.counters, sent)
        written.show(sat.catalogue, sat.crypto, state, sat.parts, hub, known, peer, sat.node.hub_session, sat.hive_map)
        context = LiveContext(sat.node, sat.parts.requests)
        written.show(Dial(sat.settings.endpoint, credentials, USERAGENT, 1.0), context)
        peer.close(1011)
        log.wait(lambda log: [one.after.state for one in log.of(StateChanged)].count(State.READY) == 2)
        sat.close()
        written.show(sat, sat.status, *log.events)
        assert len(written.keys) >= 1
        written.has_none_of(written.secrets(state, hub.state))


REFUSED = {
    "unknown key, 4.6": ("4.6.1a1", Credentials(WRONG_KEY, PASSWORD), {}),
    "unknown key, 5.3": ("5.3.10a1", Credentials(WRONG_KEY, PASSWORD), {}),
    "wrong password, 4.6": ("4.6.1a1", Credentials(KEY, WRONG_PASSWORD), {}),
    "wrong password, 5.3": ("5.3.10a1", Credentials(KEY, WRONG_PASSWORD), {}),
    "no password, 5.3": ("5.3.10a1", Credentials(KEY), {}),
    "the hub lies, 4.6": ("4.6.1a1", Credentials(KEY, PASSWORD), {"misbehaviour": Misbehaviour(wrong_password=True)}),
    "the hub lies, 5.3": ("5.3.10a1", Credentials(KEY, PASSWORD), {"misbehaviour": Misbehaviour(wrong_password=True)}),
    "no offer, 5.3": ("5.3.10a1", Credentials(KEY, PASSWORD), {"misbehaviour": change(OFFER, noise=None)}),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_session_that_is_refused_writes_no_secret(why, written):
    profile, credentials, options = REFUSED[why]
    log, state = Log(), state_with_keys()
    with Hub([HubClient(KEY, PASSWORD)], profile, **options) as hub:
        hub.start()
        sat = satellite_of(hub, credentials, log, state)
        with pytest.raises(HiveMindError) as caught:
            sat.connect()
        written.show(sat, sat.status, sat.settings, caught.value, *log.events)
        sat.close()
        written.has_none_of(written.secrets(state, hub.state))


def test_a_proxy_and_headers_that_do_not_work_are_told_without_their_secrets(written):
    log = Log()
    make = partial(
        Settings, Endpoint("ws", "127.0.0.1", 1), Credentials(KEY), headers={"Authorization": f"Bearer {PROXY_LOGIN}"}
    )
    with pytest.raises(SettingsError) as refused:
        make(proxy=f"ftp://bob:{PROXY_LOGIN}@127.0.0.1:1")
    settings = make(proxy=f"http://bob:{quote(PROXY_LOGIN, safe='')}@127.0.0.1:1")
    sat = Satellite(settings, identity=MemoryState(), observers=[log])
    with pytest.raises(HiveMindError) as caught:
        sat.connect()
    written.show(settings, sat, sat.status, refused.value, caught.value, *log.events)
    sat.close()
    written.has_none_of(KNOWN)


@pytest.mark.parametrize("profile", ["4.6.1a1", "5.3.10a1"])
def test_the_client_and_an_identity_that_holds_it_all_show_nothing(profile, written, tmp_path):
    identity = NodeIdentity(str(tmp_path / "_identity.json"))
    identity.access_key, identity.password = KEY, PASSWORD
    identity.create_keys()
    identity.save()
    with Hub([HubClient(KEY, PASSWORD)], profile) as hub:
        identity.default_master, identity.default_port = "ws://127.0.0.1", hub.start().port
        client = HiveMessageBusClient(identity=identity, crypto_key=PRESHARED, useragent=USERAGENT)
        with pytest.raises(HiveMindError) as caught:
            client.emit(BusMessage("speak", {"text": PAYLOAD}))
        client.connect()
        list(client.ask("hello"))
        written.show(client, client.identity, client.status, client.satellite, client.emitter, caught.value)
        client.close()
        written.show(client, identity, identity.state)
    files = {f"{path.name}": path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".pem", ".key")}
    parts = {
        f"{name} {n}": part for name, text in files.items() if "PRIVATE" in text for n, part in enumerate(of_pem(text))
    }
    noise = {name: text.strip() for name, text in files.items() if "-----" not in text}
    assert parts
    written.has_none_of({**written.secrets(), **parts, **noise})


def test_the_command_line_shows_nothing_however_much_it_is_asked_to(tmp_path):
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    given = {"HIVEMIND_KEY": KEY, "HIVEMIND_PASSWORD": PASSWORD}
    shown = []
    with Hub([HubClient(KEY, PASSWORD)], "5.3.10a1") as hub:
        port = str(hub.start().port)
        stored = program("set-identity", "--host", "ws://127.0.0.1", "--port", port, **given, **env)
        assert stored.code == 0
        shown.append(stored.out + stored.err)
        for command, code, more in (
            (("test-identity", "--json"), 0, {}),
            (("doctor", "--json"), 0, {}),
            (("doctor",), 3, {"HIVEMIND_PASSWORD": WRONG_PASSWORD}),
            (("status",), 3, {"HIVEMIND_KEY": WRONG_KEY}),
            (("send-mycroft", "--msg", "not.allowed", "--payload", '{"text": "' + PAYLOAD + '"}'), None, {}),
        ):
            done = program("-v", *command, **env, **more)
            assert code is None or done.code == code, done
            shown.append(done.out + done.err)
    text = "\n".join(shown)
    assert "INFO hivemind_sdk" in text
    files = secret_files(tmp_path)
    assert files
    assert found_in(text, {**KNOWN, **files}) == []
    assert PAYLOAD not in text


def test_a_secret_is_found_in_each_of_its_forms():
    for secret in (PASSWORD, b"\x00\xff\x10key of bytes, 32 of them, maybe"):
        raw = secret if isinstance(secret, bytes) else secret.encode()
        for form in (
            raw.hex(),
            base64.b64encode(raw).decode(),
            base64.urlsafe_b64encode(raw).decode(),
            quote(raw, safe=""),
            repr(raw),
            quote(base64.b64encode(raw), safe=""),
            "\n".join(base64.b64encode(raw).decode()),
        ):
            assert found_in(f"... {form} ...", {"it": secret}) == ["it"], form
    assert found_in("nothing of this kind", KNOWN) == []
