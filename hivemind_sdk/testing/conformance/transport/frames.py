"""Frames on a link: whole, in order, in both directions; and waiting for them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from ....contracts import Frame, ProbingTransport, Transport
from ....errors import LimitExceeded, LinkClosed, LinkTimeout, NotEncodable
from ....settings import Credentials
from ..contract import check, skip
from ..expect import at_once, must, refused, same, together
from .links import MOMENT, Links, receive_all, same_frames, send_all, send_and_drain

_MEGABYTE = 1 << 20


class Frames(Links):
    """Checks of `send` and `receive`."""

    @check
    def test_frames_to_the_hub_arrive_whole_and_in_order(self) -> None:
        ours, theirs = self._pair()
        self._passes(ours, theirs, ours.features)

    @check
    def test_frames_from_the_hub_arrive_whole_and_in_order(self) -> None:
        ours, theirs = self._pair()
        self._passes(theirs, ours, ours.features)

    @check
    def test_many_small_frames_keep_their_order_and_their_borders(self) -> None:
        ours, theirs = self._pair()
        frames = [f"{number}" for number in range(300)]
        for sender, receiver in ((ours, theirs), (theirs, ours)):
            got: list[Frame] = []
            # read meanwhile: a socket may hold far fewer frames that nobody reads
            both = [partial(send_all, sender, frames), partial(self._receive_all, receiver, got, len(frames))]
            together(both, "sending and receiving", self.patience)
            same_frames(got, frames, ours.features)

    def _receive_all(self, receiver: Transport, got: list[Frame], count: int) -> None:
        got += [receiver.receive(self.patience) for _ in range(count)]

    @check
    def test_a_frame_of_a_megabyte_travels_both_ways(self) -> None:
        ours, theirs = self._pair()
        size = min(_MEGABYTE, ours.features.max_frame or _MEGABYTE)
        for frame in ("é" * (size // 2), bytes(range(256)) * (size // 256)):
            if isinstance(frame, str) or ours.features.binary:
                for sender, receiver in ((ours, theirs), (theirs, ours)):
                    sending = partial(sender.send, frame)
                    got = together([sending, partial(receiver.receive, self.patience)], "1 MB", self.limit)[1]
                    must(got == frame, "a frame of 1 MB arrives altered")

    @check
    def test_a_frame_at_the_limit_is_taken_and_one_above_it_ends_the_link(self) -> None:
        limit = 50_000
        for frame in ("x" * (limit + 1), b"x" * (limit + 1), "é" * (limit // 2 + 1)):
            ours, theirs = self._pair(max_frame=limit)
            if not ours.features.binary and isinstance(frame, bytes):
                continue
            allowed = frame[:limit] if len(frame) > limit else frame[: limit // 2]
            # in a thread: the medium may hold less than a frame
            sending = threading.Thread(target=send_all, args=(theirs, [allowed]), daemon=True)
            sending.start()
            must(ours.receive(self.patience), "a frame as large as allowed does not come")
            sending.join(self.patience)
            threading.Thread(target=send_and_drain, args=(theirs, frame), daemon=True).start()
            with refused("a frame above max_frame", LimitExceeded):
                ours.receive(self.patience)
            with refused("receive, after a frame above max_frame", LinkClosed):
                ours.receive(self.patience)

    @check
    def test_text_that_utf_8_cannot_carry_is_refused_and_the_link_goes_on(self) -> None:
        ours, theirs = self._pair()
        with refused("a lone surrogate", NotEncodable):
            ours.send("\ud800")
        ours.send("fine")
        same(theirs.receive(self.patience), "fine", "the frame after it")

    @check
    def test_both_directions_at_full_speed_do_not_block_each_other(self) -> None:
        ends, payload, count = self._pair(), "é" * 10_000, 60
        sending = [partial(send_all, end, [payload] * count) for end in ends]
        reading = [partial(receive_all, end, count, self.patience) for end in ends]
        got = together([*sending, *reading], "sending and receiving", self.limit)[2:]
        must(got == [[payload] * count] * 2, "frames were altered at full speed")

    @check
    def test_many_links_of_one_process_do_not_meet(self) -> None:
        if not self.several:
            skip("it carries one link at a time")
        hub = self._hub()
        connector, names = self._connector(), [f"satellite {number}" for number in range(6)]
        dials = [replace(self._dial(hub.endpoint), credentials=Credentials(name)) for name in names]
        links = together([partial(connector.connect, dial) for dial in dials], "opening", self.limit)
        for link, name in zip(links, names, strict=True):
            self._to_close(link)
            link.send(name)
        for theirs in [hub.links.get(timeout=self.patience) for _ in names]:
            theirs.send(theirs.receive(self.patience))
        same([link.receive(self.patience) for link in links], names, "what comes back on each link")

    @check
    def test_a_receive_that_times_out_says_so_and_loses_nothing(self) -> None:
        ours, theirs = self._pair()
        for timeout in (0.0, MOMENT):
            with refused(f"receive({timeout}), and nothing comes", LinkTimeout) as caught:
                at_once(partial(ours.receive, timeout), f"receive({timeout})", self.patience)
            must(getattr(caught.error, "phase", ""), "LinkTimeout does not say in which phase")
            theirs.send(f"after {timeout}")
            same(ours.receive(self.patience), f"after {timeout}", "the frame after a time-out")

    @check
    def test_a_waiting_receive_gets_a_frame_as_soon_as_it_comes(self) -> None:
        ours, theirs = self._pair()
        waiting = self._waiting(ours)
        theirs.send("there")
        same(waiting(), "there", "what a waiting receive gets")

    @check
    def test_a_dead_peer_is_noticed(self) -> None:
        ours, _ = self._pair(keepalive=0.1, keepalive_timeout=0.1)
        if not ours.features.keepalive:
            skip("it has no keep-alive, and says so")
        self.falls_silent()
        with refused("receive, while the far end shows no sign of life", LinkClosed):
            at_once(ours.receive, "receive, with a keep-alive of 0.1 s", self.patience)

    @check
    def test_a_probe_tells_when_all_before_it_was_taken_and_not_earlier(self) -> None:
        ours, theirs = self._pair()
        if not ours.features.probes:
            skip("it has no probe, and says so")
        must(isinstance(ours, ProbingTransport), "its features say that there is a probe, and there is none")
        probe: Callable[[Callable[[], object]], None] = getattr(ours, "probe")  # noqa: B009  not every transport's
        arrived = [threading.Event(), threading.Event()]
        for number, event in enumerate(arrived):
            ours.send(f"{number}")
            probe(event.set)
        reading = self._waiting(ours)  # answers are found by who reads
        must(not any(event.is_set() for event in arrived), "a probe is answered before what was sent has been taken")
        got = [theirs.receive(self.patience) for _ in arrived]
        same_frames(got, ["0", "1"], ours.features)
        with suppress(LinkTimeout):
            theirs.receive(MOMENT)  # whoever asks for more has done with what he has
        for event in arrived:
            must(event.wait(self.patience), "a probe is not answered, though all was taken")
        theirs.send("last")
        same(reading(), "last", "what comes after the answers to probes")
