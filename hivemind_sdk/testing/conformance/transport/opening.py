"""Opening a link: what is reached, what is not, and how long that takes."""

from __future__ import annotations

from functools import partial

from ....contracts import Transport, TransportFeatures
from ....errors import AuthenticationRefused, LinkError, LinkTimeout, Unreachable
from ..contract import check
from ..expect import at_once, must, refused, same
from ..servers import dead_port, talking_server
from .links import Links


class Opening(Links):
    """Checks of `connect`."""

    @check
    def test_what_is_opened_is_a_transport_that_says_what_it_can_do(self) -> None:
        ours, _ = self._pair()
        must(isinstance(ours, Transport), f"{type(ours).__name__} has no send, receive and close")
        must(isinstance(ours.features, TransportFeatures), "features are no TransportFeatures")

    @check
    def test_the_credentials_reach_the_hub(self) -> None:
        hub = self._hub()
        self._connect(hub)
        hub.links.get(timeout=self.patience)
        same(hub.tokens, [self._dial(hub.endpoint).token], "the tokens that the hub saw")

    @check
    def test_a_port_where_nothing_listens_is_unreachable(self) -> None:
        self._needs_network()
        with refused("a port where nothing listens", Unreachable) as caught:
            self._connect_to(dead_port())
        must(str(caught.error), "Unreachable says nothing")

    @check
    def test_a_server_that_says_nothing_does_not_outlast_the_deadline(self) -> None:
        self._needs_network()
        port = self.entered(talking_server(b"", stays=True))
        with refused("a server that accepts and stays silent", LinkTimeout) as caught:
            at_once(partial(self._connect_to, port, timeout=0.3), "connect, with a timeout of 0.3 s", self.patience)
        must(getattr(caught.error, "phase", ""), "LinkTimeout does not say in which phase")

    @check
    def test_a_server_that_hangs_up_or_talks_nonsense_is_an_error_of_ours(self) -> None:
        self._needs_network()
        for text in (b"", b"\x00" * 40, b"HTTP/1.1 500 no\r\n\r\n", b"SSH-2.0-x\r\n", b"\x15\x03\x01\x00\x02\x02\x46"):
            port = self.entered(talking_server(text))
            with refused(f"a server that says {text[:12]!r} and hangs up", LinkError):
                at_once(partial(self._connect_to, port), "connect", self.patience)

    @check
    def test_refused_credentials_are_told_as_such(self) -> None:
        endpoint = self.entered(self.refusing())
        with refused("a server that refuses the credentials", AuthenticationRefused):
            self._connector().connect(self._dial(endpoint))

    @check
    def test_a_satellite_talks_to_the_embedded_hub_over_it(self) -> None:
        from ..conversation import conversation

        with conversation(self.credentials, patience=self.patience) as talk, self.serving(talk.hub.serve) as endpoint:
            talk.over(endpoint, transport=self._connector())
