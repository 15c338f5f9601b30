"""Whatever is installed, loading ends in a catalogue and a reason for everything that is not in it."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from plugins.dists import HEAD, PIGEON, ROT13, WAVE, cipher, transport

from hivemind_sdk.errors import PluginConflict, PluginError, PluginMissing, SettingsError
from hivemind_sdk.plugins.catalogue import Catalogue
from hivemind_sdk.plugins.entrypoints import DISTRIBUTION
from hivemind_sdk.plugins.loader import load, load_command, load_identities, shared
from hivemind_sdk.plugins.records import PluginReport, PluginState
from hivemind_sdk.settings import PluginSettings

ALL = PluginSettings()


def report(catalogue: Catalogue, name: str, provider: str | None = None) -> PluginReport:
    (found,) = [one for one in catalogue.reports if one.name == name and provider in (None, one.provider)]
    return found


def states(catalogue: Catalogue) -> dict[tuple[str, str], str]:
    return {(one.name, one.provider): str(one.state) for one in catalogue.reports}


def test_a_plugin_is_in_the_catalogue_and_its_report_says_where_it_came_from(dists):
    dists.install("pigeon-post", {"transport.pigeon": PIGEON}, version="2.5")
    catalogue = load(ALL)
    assert catalogue.transport("pigeon").name == "pigeon"
    found = report(catalogue, "transport.pigeon")
    assert (found.provider, found.version, found.kinds, found.records, found.state, found.builtin) == (
        "pigeon-post",
        "2.5",
        ("transport",),
        ("transport:pigeon",),
        PluginState.ACTIVE,
        False,
    )
    assert found.value == dists.modules["pigeon-post", "transport.pigeon"]
    assert 0 < found.import_seconds < 10


def test_threads_that_share_a_catalogue_get_the_same_one(dists):
    dists.install("pigeon-post", {"transport.pigeon": PIGEON})
    settings, found, start = PluginSettings(only=frozenset({"pigeon"})), [], threading.Barrier(8)

    def ask():
        start.wait(30)
        found.append(shared(settings))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [one.transport("pigeon") for one in found] == [found[0].transport("pigeon")] * 8
    assert {id(one) for one in found} == {id(shared(settings))}


def test_a_plugin_may_wait_for_a_thread_that_shares_the_catalogue_while_it_is_imported(dists):
    dists.install(
        "nested",
        {
            "transport.nested": f"""{PIGEON}
import threading
from hivemind_sdk.plugins.loader import shared
from hivemind_sdk.settings import PluginSettings
thread = threading.Thread(target=shared, args=(PluginSettings(only=frozenset()),))
thread.start()
thread.join(30)
assert not thread.is_alive()
"""
        },
    )
    catalogue = shared(PluginSettings(only=frozenset({"nested"})))
    assert report(catalogue, "transport.nested").state is PluginState.ACTIVE


def vault(*names: str) -> str:
    return f"""
@hookimpl
def hivemind_identities():
    return [IdentityPlugin(name=name, create=lambda app: (name, app)) for name in {names}]
"""


def test_an_identity_is_found_by_the_name_of_its_plugin_and_no_other_is_imported(dists):
    dists.install("banks", {"identity.vault": vault("vault"), "identity.safe": vault("safe"), "zoo": vault("cage")})
    with pytest.raises(PluginMissing, match="there is: cage, safe, vault"):
        load_identities(["mattress"])
    dists.forget()
    assert load_identities(["cage", "vault"], app="kitchen") == (("cage", "kitchen"), ("vault", "kitchen"))
    assert dists.is_imported("banks", "identity.vault")
    assert not dists.is_imported("banks", "identity.safe")


def test_an_identity_of_another_name_than_its_plugin_is_refused_with_the_reason(dists):
    dists.install("banks", {"identity.vault": vault("vault", "safe")})
    with pytest.raises(PluginMissing, match="provides the identity 'vault', and it has 'safe'"):
        load_identities(["safe"])
    with pytest.raises(PluginMissing, match="provides the identity 'vault', and it has 'safe'"):
        load_identities(["vault"])


def test_of_two_identities_of_one_name_the_preferred_one_is_used(dists):
    dists.install("banks", {"identity.vault": vault("vault")})
    dists.install("thieves", {"gang": vault("vault")})
    with pytest.raises(PluginConflict, match="is provided by banks"):
        load_identities(["vault"])
    chosen = PluginSettings(prefer={"identity:vault": ("gang",)})
    assert load_identities(["vault"], chosen) == (("vault", None),)
    assert dists.is_imported("thieves", "gang")


def test_one_plugin_may_provide_several_kinds(dists):
    dists.install("zoo", {"zoo": PIGEON + ROT13})
    found = report(load(ALL), "zoo")
    assert set(found.kinds) == {"transport", "cipher"}
    assert set(found.records) == {"transport:pigeon", "cipher:rot13"}


def hook(body: str, name: str = "hivemind_transports", signature: str = "") -> str:
    return f"@hookimpl\ndef {name}({signature}):\n    {body}\n"


GOOD = 'TransportPlugin(name="p", schemes=("p",), create=object)'
BROKEN = {
    "a missing dependency": ("import no_such_library", "No module named 'no_such_library'"),
    "an error at import": ("raise ValueError('out of seed')", "import: ValueError: out of seed"),
    "an exit at import": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "an exotic exception at import": ("class E(BaseException): pass\nraise E('odd')", "E: odd"),
    "a syntax error": ("def :", "SyntaxError"),
    "a hook that raises": (hook("raise RuntimeError('no loft')"), "hivemind_transports: RuntimeError: no loft"),
    "a hook that exits": (hook("raise SystemExit"), "SystemExit"),
    "a generator that raises late": (hook(f"yield {GOOD}; raise RuntimeError('late')"), "RuntimeError: late"),
    "a record of no type": (hook("return ['pigeon']"), "returned str, not TransportPlugin"),
    "a record of the wrong type": (hook(f"return [{GOOD}]", "hivemind_ciphers"), "returned TransportPlugin"),
    "one record instead of a list": (hook(f"return {GOOD}"), "a list of records"),
    "something that is no list": (hook("return 7"), "not iterable"),
    "schemes that are text": (hook(f"return [{GOOD}]".replace('("p",)', '"p"')), "schemes should be"),
    "no schemes": (hook(f"return [{GOOD}]".replace('("p",)', "()")), "schemes is empty"),
    "no name": (hook(f"return [{GOOD}]".replace('name="p"', 'name=""')), "name is empty"),
    "a rank that is text": (hook(f"return [{GOOD}]".replace("create=", "rank='1', create=")), "rank should be int"),
    "a rank that is true": (hook(f"return [{GOOD}]".replace("create=", "rank=True, create=")), "rank should be int"),
    "a create that can't be called": (hook(f"return [{GOOD}]".replace("=object", "=None")), "create should be"),
    "options that are no dataclass": (
        hook(f"return [{GOOD}]".replace("create=", "options=dict, create=")),
        "dataclass",
    ),
    "missing fields": (hook("return [TransportPlugin(name='p')]"), "TypeError"),
    "an unknown hook": (hook("return []", "hivemind_transport"), "did you mean hivemind_transports"),
    "a hook with arguments": (hook("return []", signature="link"), "can not be found in the hookspec"),
    "a wrapper": (hook("yield", signature="").replace("@hookimpl", "@hookimpl(wrapper=True)"), "wrapper"),
    "a command under another name": (WAVE, "only as command.NAME"),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_reported_with_its_reason_and_takes_nothing_else_down(source, reason, dists):
    dists.install("good", {"transport.pigeon": PIGEON})
    dists.install("bad", {"bad": source})
    catalogue = load(ALL)
    found = report(catalogue, "bad")
    assert found.state is PluginState.BROKEN
    assert reason in found.reason
    assert "\n" not in found.reason
    assert set(catalogue.transports) == {"pigeon"}
    assert report(catalogue, "transport.pigeon").state is PluginState.ACTIVE


@pytest.mark.parametrize("version", ["", "HIVEMIND_API = 2", "HIVEMIND_API = '1'", "HIVEMIND_API = True"])
def test_a_plugin_of_another_api_version_is_incompatible(version, dists):
    dists.install("old", {"old": version + PIGEON}, head=HEAD.replace("HIVEMIND_API = 1", ""))
    catalogue = load(ALL)
    assert report(catalogue, "old").state is PluginState.INCOMPATIBLE
    assert "API" in report(catalogue, "old").reason
    assert not catalogue.transports


def test_a_prefix_promises_that_there_is_nothing_else(dists):
    dists.install("sly", {"transport.pigeon": PIGEON + ROT13})
    assert "nothing but transports" in report(load(ALL), "transport.pigeon").reason


def test_a_module_without_hooks_is_told_so(dists):
    dists.install("idle", {"idle": "def hivemind_transports(): return []"})
    assert "@hookimpl" in report(load(ALL), "idle").reason


def test_one_module_under_two_names_counts_once(dists):
    dists.install("twice", {"one": PIGEON})
    module = dists.modules["twice", "one"]
    dists.install("thrice", {}, more=f"two = {module}")
    catalogue = load(ALL)
    assert report(catalogue, "one").state is PluginState.ACTIVE
    assert "same object as the plugin one" in report(catalogue, "two").reason


def test_a_built_in_is_there_before_anyone_who_points_at_its_module(dists):
    dists.install(DISTRIBUTION, {"transport.websocket": PIGEON})
    dists.install("parrot", {}, more=f"a-parrot = {dists.modules[DISTRIBUTION, 'transport.websocket']}")
    catalogue = load(ALL)
    assert report(catalogue, "transport.websocket").state is PluginState.ACTIVE
    assert report(catalogue, "a-parrot").state is PluginState.BROKEN


def test_an_entry_point_that_names_nothing_is_broken(dists):
    dists.install("typo", {}, more="typo = hivemind_sdk.hooks:NoSuchThing")
    assert "NoSuchThing" in report(load(ALL), "typo").reason


def test_a_plugin_may_be_an_object(dists):
    source = """
        class Plugin:
            HIVEMIND_API = 1
            @hookimpl
            def hivemind_transports(self):
                return [TransportPlugin(name="kite", schemes=("kite",), create=object)]
        plugin = Plugin()
    """
    dists.install("kites", {"module": source})
    dists.install("kite-objects", {}, more=f"kite = {dists.modules['kites', 'module']}:plugin")
    assert load(ALL).transport("kite").name == "kite"


def test_unreadable_metadata_is_reported_and_harms_nobody(dists):
    dists.install("good", {"transport.pigeon": PIGEON})
    dists.install("garbled", {}, more="no equals sign here")
    catalogue = load(ALL)
    assert set(catalogue.transports) == {"pigeon"}
    assert "metadata" in report(catalogue, "garbled").reason


def test_the_user_can_interrupt_loading(dists):
    dists.install("slow", {"slow": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        load(ALL)


def test_strict_raises_what_is_otherwise_reported(dists):
    dists.install("bad", {"bad": "raise ValueError('out of seed')"})
    with pytest.raises(PluginError, match="bad of bad is broken .*out of seed") as caught:
        load(ALL, strict=True)
    assert isinstance(caught.value.__cause__, ValueError)


# --- what is not even imported ---


@pytest.mark.parametrize("name", ["transport.pigeon", "pigeon"])
def test_a_disabled_plugin_is_not_imported(name, dists):
    dists.install("pigeon-post", {"transport.pigeon": PIGEON})
    catalogue = load(PluginSettings(disabled=frozenset({name})))
    assert report(catalogue, "transport.pigeon").state is PluginState.DISABLED
    assert not dists.is_imported("pigeon-post", "transport.pigeon")


def test_with_only_nothing_else_is_imported(dists):
    dists.install("pigeon-post", {"transport.pigeon": PIGEON})
    dists.install("intruder", {"cipher.rot13": ROT13})
    catalogue = load(PluginSettings(only=frozenset({"transport.pigeon"})))
    assert states(catalogue) == {
        ("transport.pigeon", "pigeon-post"): "active",
        ("cipher.rot13", "intruder"): "disabled",
    }
    assert not dists.is_imported("intruder", "cipher.rot13")


def test_an_impostor_under_an_allowed_name_is_not_imported(dists):
    dists.install(DISTRIBUTION, {"transport.pigeon": PIGEON})
    dists.install("impostor", {"transport.pigeon": transport("other")})
    catalogue = load(PluginSettings(only=frozenset({"transport.pigeon"})))
    assert set(catalogue.transports) == {"pigeon"}
    assert report(catalogue, "transport.pigeon", "impostor").state is PluginState.SHADOWED
    assert not dists.is_imported("impostor", "transport.pigeon")


def test_kinds_that_are_not_wanted_are_not_imported(dists):
    dists.install("zoo", {"transport.pigeon": PIGEON, "mixed": transport("kite") + ROT13})
    catalogue = load(ALL, kinds={"cipher"})
    assert not dists.is_imported("zoo", "transport.pigeon")
    assert set(catalogue.ciphers) == {"ROT13"}
    assert not catalogue.transports


def test_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(SettingsError, match="pigeons"):
        load(ALL, kinds={"pigeons"})


def test_a_command_is_imported_alone(dists):
    dists.install("waving", {"command.wave": WAVE, "command.shout": "raise RuntimeError", "transport.pigeon": PIGEON})
    assert load(ALL).commands == {}
    assert not dists.is_imported("waving", "command.wave")
    assert load_command("wave", ALL) == "a click command"
    assert not dists.is_imported("waving", "command.shout")
    with pytest.raises(PluginMissing, match="command.shout is broken"):
        load_command("shout", ALL)
    with pytest.raises(PluginMissing, match="no command 'sing'"):
        load_command("sing", ALL)


def test_a_command_that_two_distributions_claim_is_in_conflict(dists):
    dists.install("a", {"command.wave": WAVE})
    dists.install("b", {"command.wave": WAVE})
    with pytest.raises(PluginConflict, match=r"a 1\.0.*b 1\.0"):
        load_command("wave", ALL)


# --- names ---


@pytest.mark.parametrize(("first", "second"), [("transport.pigeon", "transport.pigeon"), ("transport.x", "y")])
def test_two_third_parties_under_one_name_both_stay_out_until_one_is_preferred(first, second, dists):
    dists.install(DISTRIBUTION, {"transport.websocket": transport("websocket", "ws", "wss")})
    dists.install("pigeon-a", {first: PIGEON}, version="1.1")
    dists.install("pigeon-b", {second: PIGEON}, version="2.2")
    catalogue = load(ALL)
    assert set(catalogue.transports) == {"ws", "wss"}
    for name, provider in ((first, "pigeon-a"), (second, "pigeon-b")):
        found = report(catalogue, name, provider)
        assert found.state is PluginState.CONFLICT
        assert "pigeon-a 1.1" in found.reason
        assert "pigeon-b 2.2" in found.reason
        assert "`hivemind-client plugins prefer transport:pigeon pigeon-a`" in found.reason
    with pytest.raises(PluginConflict, match=r"pigeon-a 1\.1.*pigeon-b 2\.2"):
        catalogue.transport("pigeon")
    with pytest.raises(PluginConflict):
        load(ALL, strict=True)
    for key in ("transport", "transport:pigeon"):
        settled = load(PluginSettings(prefer={key: ("Pigeon_B",)}))
        assert report(settled, second, "pigeon-b").state is PluginState.ACTIVE
        assert report(settled, first, "pigeon-a").state is PluginState.SHADOWED
        assert settled.origin(settled.transport("pigeon")).provider == "pigeon-b"
        assert set(settled.transports) == {"ws", "wss", "pigeon"}


def test_a_built_in_keeps_its_name_until_the_challenger_is_preferred(dists):
    dists.install("fast-ws", {"transport.fast": transport("fast", "ws", "quick")})
    dists.install(DISTRIBUTION, {"transport.websocket": transport("websocket", "ws", "wss")})
    catalogue = load(ALL)
    assert catalogue.transport("ws").name == "websocket"
    assert catalogue.transport("quick").name == "fast"
    fates = {one.state: one for one in catalogue.reports if one.name == "transport.fast"}
    assert set(fates) == {PluginState.ACTIVE, PluginState.SHADOWED}
    assert f"served by {DISTRIBUTION} 1.0" in fates[PluginState.SHADOWED].reason
    assert "fast-ws 1.0" in fates[PluginState.SHADOWED].reason
    preferring = load(PluginSettings(prefer={"transport:ws": ("fast-ws",)}))
    assert preferring.transport("ws").name == "fast"
    assert preferring.transport("wss").name == "websocket"


def test_many_may_provide_a_cipher_and_rank_then_name_then_the_user_decides(dists):
    dists.install(DISTRIBUTION, {"ciphers": cipher("slow")})
    dists.install("z-fast", {"cipher.z": cipher("a-fast", rank=10)})
    dists.install("a-fast", {"cipher.a": cipher("b-fast", rank=10)})
    assert [one.name for one in load(ALL).ciphers["ROT13"]] == ["a-fast", "b-fast", "slow"]
    for prefer in ({"cipher": (DISTRIBUTION,)}, {"cipher:ROT13": ("slow",)}, {"cipher": ("ciphers",)}):
        assert next(one.name for one in load(PluginSettings(prefer=prefer)).ciphers["ROT13"]) == "slow"
    assert all(one.state is PluginState.ACTIVE for one in load(ALL).reports)


def test_of_two_copies_on_the_path_the_first_counts(dists):
    dists.install("pigeon-post", {"transport.old": transport("old")}, version="1.0")
    dists.install("pigeon-post", {"transport.new": transport("new")}, version="2.0")
    assert set(load(ALL).transports) == {"new"}


def test_importing_the_sdk_leaves_the_import_system_as_it_was_until_plugins_are_loaded(tmp_path):
    code = "import sys; before = list(sys.meta_path)\n"
    code += "import hivemind_sdk.plugins.loader, hivemind_sdk.satellite.satellite\n"
    code += "assert sys.meta_path == before and 'importlib_metadata' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=60)
