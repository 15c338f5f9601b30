"""What is deprecated is told to whoever still uses it: plugin, distribution, since when, what instead. And to no other.

Nothing is deprecated today, so each test brings its own entry.
"""

from __future__ import annotations

import warnings
from textwrap import dedent

import pytest
from cli_kit import run
from plugins.dists import HEAD, PIGEON, ROT13

from hivemind_sdk.errors import PluginDeprecationWarning
from hivemind_sdk.plugins import deprecation
from hivemind_sdk.plugins.deprecation import Deprecation
from hivemind_sdk.plugins.loader import load
from hivemind_sdk.settings import PluginSettings

CREATORS = """
class Handshake:
    def hub(self, context, first): ...
class Vault:
    def __init__(self, app=None): ...
"""
HANDSHAKE = (
    CREATORS
    + """
@hookimpl
def hivemind_handshakes():
    return [HandshakePlugin(name="h", protocol=2, create=Handshake)]
"""
)
VAULT = (
    CREATORS
    + """
@hookimpl
def hivemind_identities():
    return [IdentityPlugin(name="v", create=Vault)]
"""
)


@pytest.fixture
def deprecated(monkeypatch):
    def deprecate(what):
        monkeypatch.setattr(deprecation, "DEPRECATED", {what: Deprecation("0.2", "do otherwise")})

    return deprecate


def told(dists):
    """The warnings of loading, and of the reports."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reports = load(PluginSettings()).reports
    assert {one.category for one in caught} <= {PluginDeprecationWarning}
    return [str(one.message) for one in caught], {one.name: one.warnings for one in reports if one.warnings}


@pytest.mark.parametrize(
    ("what", "source"),
    [
        ("hivemind_transports", PIGEON),
        ("CipherPlugin.nonce_size", ROT13),
        ("PluginRecord.rank", PIGEON.replace("create=", "rank=5, create=")),
        ("Handshake.hub(first)", HANDSHAKE),
        ("IdentityPlugin.create(app)", VAULT),
    ],
)
def test_who_uses_what_is_deprecated_is_told_so_and_works_as_before(what, source, dists, deprecated):
    dists.install("pigeon-post", {"old": source}, version="2.5")
    deprecated(what)
    text = f"uses {what}, deprecated since 0.2: do otherwise"
    assert told(dists) == ([f"pigeon-post 2.5 (plugin old) {text}"], {"old": (text,)})
    (report,) = load_quietly().reports
    assert (report.state, len(report.records)) == ("active", 1)


def load_quietly():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load(PluginSettings())


@pytest.mark.parametrize(
    ("what", "source"),
    [
        ("hivemind_ciphers", PIGEON),
        ("PluginRecord.rank", PIGEON),  # has the default
        ("CipherPlugin.rank", PIGEON.replace("create=", "rank=5, create=")),  # another record
        ("Handshake.hub(last)", HANDSHAKE),
        ("Handler.handle(message)", HANDSHAKE),
        ("IdentityPlugin.create(app)", HANDSHAKE),
        ("Handshake.hub(first)", HANDSHAKE.replace("create=Handshake", "create=lambda: Handshake()")),  # can't be seen
        ("TransportConnector.connect(dial)", PIGEON.replace("create=object", "create=zip")),
    ],
)
def test_nobody_else_is_told(what, source, dists, deprecated):
    dists.install("pigeon-post", {"old": source})
    deprecated(what)
    assert told(dists) == ([], {})


def test_nothing_is_deprecated_that_does_not_exist():
    from hivemind_sdk import contracts, hooks

    for what in deprecation.DEPRECATED:
        owner, _, member = what.partition(".")
        home = getattr(hooks, owner, None) or getattr(contracts, owner, None) or getattr(hooks.Hooks, owner)
        assert not member or member.partition("(")[0] in {*dir(home), *getattr(home, "__annotations__", ())}


def test_a_warning_can_be_made_an_error_and_be_told_by_the_module_of_the_plugin(dists, deprecated):
    dists.install("pigeon-post", {"old": PIGEON})
    deprecated("hivemind_transports")
    with warnings.catch_warnings(), pytest.raises(PluginDeprecationWarning, match="pigeon-post 1.0"):
        warnings.filterwarnings("error", module=dists.modules["pigeon-post", "old"])
        load(PluginSettings())


def test_the_command_line_shows_it_wherever_the_plugin_is_imported(dists, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    entry = """
        from hivemind_sdk.plugins import deprecation
        deprecation.DEPRECATED = {"hivemind_ciphers": deprecation.Deprecation("0.2", "do otherwise")}
    """
    dists.install("zoo", {"old": dedent(entry) + PIGEON + ROT13}, head=HEAD)
    text = "uses hivemind_ciphers, deprecated since 0.2: do otherwise"
    assert f"warning: it {text}" in " ".join(run("plugins", "list").out.split())
    assert f"warning it {text}" in " ".join(run("plugins", "show", "old").out.split())
    (listed,) = run("plugins", "list", "--json").json["plugins"]
    (shown,) = run("plugins", "show", "old", "--json").json
    assert listed["warnings"] == shown["warnings"] == [text]
