"""The kit passes correct transports that have no network: a Unix socket, a serial line."""

from __future__ import annotations

from transport.local_links import SerialConnector, UnixConnector, serial_server, unix_server

from hivemind_sdk.testing import TransportContract


class TestUnixSocket(TransportContract):
    scheme = "unix"
    network = False

    def connector(self):
        return UnixConnector()

    def serving(self, accept):
        return unix_server(accept)

    def refusing(self):
        return unix_server(lambda *_: None, answer="go away")


class TestSerialLine(TransportContract):
    scheme = "serial"
    network = False
    several = False

    def connector(self):
        return SerialConnector()

    def serving(self, accept):
        return serial_server(accept)

    def refusing(self):
        return serial_server(lambda *_: None, answer="go away")
