"""Each client has its own instances, made once with their options and torn down in reverse; and chooses its ciphers."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from hivemind_sdk.errors import IdentityError, InvalidCipher, OptionError, PluginError, PluginMissing
from hivemind_sdk.hooks import CipherPlugin, IdentityPlugin, ObserverPlugin, PrimitivePlugin
from hivemind_sdk.plugins.catalogue import Catalogue
from hivemind_sdk.plugins.crypto_suite import CryptoSuite
from hivemind_sdk.plugins.instances import Instances
from hivemind_sdk.plugins.records import Origin, Registration
from hivemind_sdk.settings import PluginSettings


@dataclass(frozen=True)
class Options:
    pace: int = 1


class Thing:
    closed: list["Thing"] = []  # noqa: RUF012, UP037

    def __init__(self, options=None, **context):
        self.options, self.context = options, context

    def close(self):
        self.closed.append(self)


class Stubborn(Thing):
    def close(self):
        super().close()
        raise RuntimeError("no")


@pytest.fixture(autouse=True)
def _closed(monkeypatch):
    monkeypatch.setattr(Thing, "closed", [])


def observer(name, create=Thing, options=None):
    return ObserverPlugin(name=name, create=create, options=options)


def cipher(name, wire_name, rank=0, create=Thing):
    return CipherPlugin(name=name, cipher=wire_name, rank=rank, key_sizes=(16,), nonce_size=16, create=create)


AES, CHACHA = cipher("aes", "AES-GCM"), cipher("chacha", "CHACHA20-POLY1305")


def test_an_instance_is_made_once_for_each_client():
    record = observer("a")
    catalogue = Catalogue.of(record)
    mine, yours = Instances(catalogue), Instances(catalogue)
    assert mine.make(record) is mine.make(record)
    assert mine.make(record) is not yours.make(record)


def test_each_application_has_an_identity_of_its_own():
    record = IdentityPlugin(name="file", create=Thing)
    instances = Instances(Catalogue.of(record))
    kitchen = instances.make(record, app="kitchen")
    assert kitchen.context == {"app": "kitchen"}
    assert instances.make(record, app=None) is not kitchen
    assert instances.make(record, app="kitchen") is kitchen


def test_threads_share_one_instance():
    started = threading.Barrier(4)
    made, record = [], observer("a", create=lambda: made.append(1) or Thing())
    instances = Instances(Catalogue.of(record))

    def make():
        started.wait(10)
        instances.make(record)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert made == [1]


def test_teardown_is_in_reverse_and_one_that_fails_stops_nothing(caplog):
    records = [observer("a"), observer("b", create=Stubborn), observer("c", create=object), observer("d")]
    instances = Instances(Catalogue.of(*records))
    a, b, _, d = [instances.make(record) for record in records]
    instances.close()
    instances.close()
    assert Thing.closed == [d, b, a]
    assert "'b'" in caplog.text


def test_options_come_from_argument_environment_and_config():
    record = observer("counter", options=Options)
    registrations = [Registration(record, Origin("observer.counter"))]
    catalogue = Catalogue.resolved(registrations)
    settings = PluginSettings(options={"counter": {"pace": 2}})
    environ = {"HIVEMIND_OBSERVER_COUNTER_PACE": "3"}
    assert Instances(catalogue, environ={}).make(record).options == Options(1)
    assert Instances(catalogue, settings, {}).make(record).options == Options(2)
    assert Instances(catalogue, settings, environ).make(record).options == Options(3)
    assert Instances(catalogue, settings, environ).make(record, {"pace": 4}).options == Options(4)
    assert Instances(catalogue, settings, environ).make(observer("other")).options is None


def test_an_option_of_one_record_is_not_unknown_to_another_of_the_same_plugin():
    @dataclass
    class Others:
        depth: int = 0

    one, other, plain = observer("one", options=Options), observer("other", options=Others), observer("plain")
    catalogue = Catalogue.resolved([Registration(record, Origin("many")) for record in (one, other, plain)])
    instances = Instances(catalogue, PluginSettings(options={"many": {"pace": 2, "depth": 3}}), {})
    assert instances.make(one).options == Options(2)
    assert instances.make(other).options == Others(3)
    assert instances.make(plain).options is None
    with pytest.raises(OptionError, match="plugin many has no option 'peace'; it has: pace"):
        Instances(catalogue, PluginSettings(options={"many": {"peace": 2}}), {}).make(plain)


def test_a_plugin_that_can_not_be_set_up_is_named():
    def fail():
        raise RuntimeError("secret")

    def own_error():
        raise IdentityError("locked")

    records = [observer("a", create=fail), observer("b", create=lambda: None), observer("c", create=own_error)]
    instances = Instances(Catalogue.of(*records))
    with pytest.raises(PluginError, match=r"observer 'a' of this program \(plugin a\) can't be set up: RuntimeError$"):
        instances.make(records[0])
    with pytest.raises(PluginError, match="created nothing"):
        instances.make(records[1])
    with pytest.raises(IdentityError, match="locked"):
        instances.make(records[2])


def test_ciphers_go_by_rank_then_name_or_by_the_users_list():
    fast = cipher("fast", "CHACHA20-POLY1305", rank=1)
    assert CryptoSuite(Instances(Catalogue.of(CHACHA, AES))).cipher_names == ("AES-GCM", "CHACHA20-POLY1305")
    instances = Instances(Catalogue.of(CHACHA, AES, fast))
    assert CryptoSuite(instances).cipher_names == ("CHACHA20-POLY1305", "AES-GCM")
    assert CryptoSuite(instances, ["AES-GCM"]).cipher_names == ("AES-GCM",)
    assert CryptoSuite(instances).cipher("CHACHA20-POLY1305") is instances.make(fast)
    assert CryptoSuite(instances).nonce_size("AES-GCM") == 16


def test_nothing_is_made_before_it_is_used():
    def refuse():
        raise AssertionError

    suite = CryptoSuite(Instances(Catalogue.of(cipher("a", "AES-GCM", create=refuse))))
    assert suite.cipher_names == ("AES-GCM",)


def test_a_cipher_that_nobody_serves_is_refused_with_what_there_is():
    instances = Instances(Catalogue.of(AES))
    with pytest.raises(InvalidCipher, match=r"no cipher 'ROT13' is installed; there is: AES-GCM"):
        CryptoSuite(instances, ["ROT13"])
    with pytest.raises(InvalidCipher):
        CryptoSuite(instances).cipher("ROT13")
    with pytest.raises(PluginMissing, match="primitive 'RSA'"):
        CryptoSuite(instances).primitive("RSA")


def test_a_primitive_is_the_best_provider_of_it():
    slow = PrimitivePlugin(name="a-slow", primitive="RSA", create=object)
    fast = PrimitivePlugin(name="fast", primitive="RSA", rank=1, create=Thing)
    assert isinstance(CryptoSuite(Instances(Catalogue.of(slow, fast))).primitive("RSA"), Thing)


def test_the_program_may_give_a_cipher_of_its_own():
    mine = Thing()
    suite = CryptoSuite(Instances(Catalogue.of(AES)), given={"AES-GCM": mine})
    assert suite.cipher("AES-GCM") is mine
    assert suite.nonce_size("AES-GCM") == 16
    with pytest.raises(InvalidCipher, match="nonce_size"):
        CryptoSuite(Instances(Catalogue.of()), given={"AES-GCM": mine})
    mine.nonce_size = 12
    assert CryptoSuite(Instances(Catalogue.of()), given={"AES-GCM": mine}).nonce_size("AES-GCM") == 12
