"""Handshakes with one fault each, around the built-in one with a password."""

from __future__ import annotations

import hmac
from dataclasses import replace
from unittest.mock import patch

from conformance.mutants import caught_by

import hivemind_handshakes.password as password_module
from hivemind_handshakes import PasswordHandshake
from hivemind_sdk.contracts import Compute, Declined, Established, Form
from hivemind_sdk.errors import HiveMindError
from hivemind_sdk.testing import HandshakeContract

CIPHERS = ["AES-GCM"]


class Twin(HandshakeContract):
    kind = PasswordHandshake

    def handshake(self):
        return self.kind()


def stepped(script, wrap):
    """The same script; `wrap(step)` sees what it yields."""
    if isinstance(script, Declined):
        return script

    def steps():
        value = None
        while True:
            try:
                request = script.send(value)
            except StopIteration as stop:
                return stop.value
            value = yield wrap(request)

    return steps()


def finished(script, change):
    """The same script; `change(session)` is handed over."""
    if isinstance(script, Declined):
        return script

    def steps():
        established = yield from script
        return replace(established, session=change(established.session))

    return steps()


class Wrapped:
    """A session that does what the right one does."""

    def __init__(self, right):
        self.right, self.info = right, right.info

    def seal(self, form, plaintext):
        return self.right.seal(form, plaintext)

    def open(self, frame):
        return self.right.open(frame)


@caught_by("test_a_hub_with_another_secret_is_not_believed")
class WrongProofAccepted(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            return unverified(super().satellite(context))


@caught_by("test_a_satellite_with_another_secret_is_not_believed")
class WrongProofAcceptedByTheHub(Twin):
    class kind(PasswordHandshake):
        def hub(self, context, first):
            return unverified(super().hub(context, first))


def unverified(script):
    """Every comparison of a proof says that it fits."""
    if isinstance(script, Declined):
        return script

    def steps():
        value = None
        while True:
            try:
                with patch.object(hmac, "compare_digest", lambda *_: True):
                    request = script.send(value)
            except StopIteration as stop:
                return stop.value
            value = yield request

    return steps()


@caught_by("test_a_forged_answer_of_the_hub_is_refused")
class ProofComparedInPart(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            script = super().satellite(context)
            if isinstance(script, Declined):
                return script

            def steps():
                reply = yield script.send(None)
                with patch.object(hmac, "compare_digest", lambda one, other: one[:32] == other[:32]):
                    request = script.send(reply)
                return (yield from resumed(script, request))

            return steps()


def resumed(script, request):
    try:
        while True:
            request = script.send((yield request))
    except StopIteration as stop:
        return stop.value


@caught_by("test_our_own_payload_sent_back_is_refused")
class ReflectionAccepted(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            verify = password_module.verify_envelope

            def lenient(envelope, password, own_iv):
                return verify(envelope, password, b"")

            script = super().satellite(context)
            if isinstance(script, Declined):
                return script

            def steps():
                reply = yield script.send(None)
                with patch.object(password_module, "verify_envelope", lenient):
                    request = script.send(reply)
                return (yield from resumed(script, request))

            return steps()


@caught_by("test_garbled_answers_give_only_our_own_errors_at_the_satellite")
class KeyErrorForAMissingField(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            script = super().satellite(context)

            def steps():
                reply = yield script.send(None)
                len(reply["envelope"])
                return (yield from resumed(script, script.send(reply)))

            return script if isinstance(script, Declined) else steps()


@caught_by("test_garbled_payloads_give_only_our_own_errors_at_the_hub")
class TypeErrorForAnotherType(Twin):
    class kind(PasswordHandshake):
        def hub(self, context, first):
            if "envelope" in first:
                first["envelope"].lower()
            return super().hub(context, first)


@caught_by("test_a_satellite_declines_without_work_what_is_not_offered")
class WorksBeforeItDeclines(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            context.crypto.cipher("AES-GCM")
            return super().satellite(context)


@caught_by("test_a_satellite_declines_without_work_what_is_not_offered")
class NeverDeclines(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            return super().satellite(replace(context, offer={"password": True}))


@caught_by("test_a_hub_declines_a_first_payload_that_is_not_its_own")
class HubTakesEverything(Twin):
    class kind(PasswordHandshake):
        def hub(self, context, first):
            return super().hub(context, {"envelope": "", **first})


@caught_by("test_keys_are_derived_where_the_engine_does_not_wait")
class DerivesInTheEngine(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            script = super().satellite(context)
            return stepped(script, lambda step: ready(step.work()) if isinstance(step, Compute) else step)


def ready(result):
    return Compute(lambda: result)


@caught_by("test_only_what_is_allowed_here_is_used")
class UsesWhatIsNotAllowed(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            return super().satellite(replace(context, ciphers=CIPHERS, offer={**context.offer, "ciphers": CIPHERS[:]}))

        def hub(self, context, first):
            return super().hub(replace(context, ciphers=CIPHERS), first)


@caught_by("test_two_links_have_two_keys")
class OneKeyForAllLinks(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            return super().satellite(replace(context, random=lambda size: b"\x01" * size))

        def hub(self, context, first):
            return super().hub(replace(context, random=lambda size: b"\x02" * size), first)


@caught_by("test_garbage_and_frames_in_clear_are_refused")
class ClearFramesTaken(Twin):
    class kind(PasswordHandshake):
        def hub(self, context, first):
            class Session(Wrapped):
                def open(self, frame):
                    if isinstance(frame, str) and '"msg_type"' in frame:
                        return Form.TEXT, frame.encode()
                    return super().open(frame)

            return finished(super().hub(context, first), Session)


@caught_by("test_tampered_frames_do_not_open")
class FramesNotSealed(Twin):
    class kind(PasswordHandshake):
        class Session(Wrapped):
            def seal(self, form, plaintext):
                return [plaintext.decode("latin-1") if form is Form.TEXT else plaintext]

            def open(self, frame):
                return (Form.BINARY, frame) if isinstance(frame, bytes) else (Form.TEXT, frame.encode("latin-1"))

        def satellite(self, context):
            return finished(super().satellite(context), self.Session)

        def hub(self, context, first):
            return finished(super().hub(context, first), self.Session)


@caught_by("test_what_one_side_seals_the_other_opens")
class BinaryBecomesText(Twin):
    class kind(PasswordHandshake):
        def hub(self, context, first):
            class Session(Wrapped):
                def open(self, frame):
                    return Form.TEXT, super().open(frame)[1]

            return finished(super().hub(context, first), Session)


@caught_by("test_nothing_shows_a_secret")
class PasswordInTheError(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            script = super().satellite(context)

            def steps():
                try:
                    return (yield from script)
                except HiveMindError as error:
                    raise type(error)(f"{error}; ours is {context.credentials.password}") from None

            return script if isinstance(script, Declined) else steps()


@caught_by("test_one_instance_serves_one_link_after_the_other")
class GoodForOneLink(Twin):
    class kind(PasswordHandshake):
        used = False

        def satellite(self, context):
            if self.used:
                return Declined("it was used before")
            self.used = True
            return super().satellite(context)


@caught_by("test_both_sides_reach_sessions_that_say_the_same")
class ReturnsABareKey(Twin):
    class kind(PasswordHandshake):
        def satellite(self, context):
            script = super().satellite(context)

            def steps():
                established = yield from script
                return established.session

            return script if isinstance(script, Declined) else steps()


@caught_by("test_a_satellite_and_the_embedded_hub_talk_after_it", patience=0.5)
class LastWordForgotten(Twin):
    class kind(PasswordHandshake):
        def hub(self, context, first):
            script = super().hub(context, first)

            def steps():
                established = yield from script
                return Established(established.session)

            return script if isinstance(script, Declined) else steps()
