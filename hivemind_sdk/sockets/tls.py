"""TLS on a connected socket: which certificates are trusted, and an error with a hint for those that are not."""

from __future__ import annotations

import hashlib
import socket
import ssl

from ..errors import SettingsError, Unreachable
from ..settings import TLSSettings
from ..settings.user_input import sha256_pin, text_of, user_path
from .deadline import Deadline

_TRUST = "give its certificate or its CA's as `ca`, or the certificate's SHA-256 as `pin`; verify=False trusts anybody"
_CLOCK = "check the clocks of both machines, or renew the hub's certificate; `pin` accepts just this one"
_NAME = "use the name that the certificate was made for as host; or accept just this certificate with `pin`"
_UNTRUSTED = ("is signed by an authority that is not trusted here", _TRUST)
_WRONG_NAME = ("was made for another host", _NAME)
# X509_V_ERR_* of OpenSSL, by number
_VERDICTS = {
    9: ("is not valid yet", _CLOCK),
    10: ("has expired", _CLOCK),
    18: ("is self-signed", _TRUST),
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    21: _UNTRUSTED,
    62: _WRONG_NAME,
    64: _WRONG_NAME,
}
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
"""reasons of OpenSSL for an answer that is no TLS"""


def start_tls(
    sock: socket.socket, context: ssl.SSLContext, host: str, pin: str | None, deadline: Deadline
) -> ssl.SSLSocket:
    """Do the TLS handshake and check the certificate, before application data is sent.

    `pin`: SHA-256 of the DER certificate in hex; with a pin, the certificate must be that one and nothing else is
    checked. Raises Unreachable, LinkTimeout(phase="tls") or SettingsError, and closes the socket first.
    """
    try:
        wrapped = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:  # the peer is gone already, or no certificate can have such a name
        sock.close()
        raise Unreachable(f"TLS with {host!r} can't begin: {error}", hint="check host and port") from None
    try:
        wrapped.settimeout(deadline.left("tls"))
        wrapped.do_handshake()
        if pin:
            check_pin(wrapped.getpeercert(binary_form=True), pin)
    except TimeoutError:  # LinkTimeout is one, too
        wrapped.close()
        raise deadline.timeout("tls") from None
    except OSError as error:
        wrapped.close()
        raise failure(error, host) from None
    except BaseException:
        wrapped.close()
        raise
    return wrapped


def tls_context(settings: TLSSettings) -> ssl.SSLContext:
    """An SSLContext for these settings. Raises SettingsError for a pin or a CA file that can't be used."""
    context = ssl.create_default_context()
    context.options |= ssl.OP_NO_RENEGOTIATION  # a write never has to wait for reading
    # The same on every Python: 3.13 is stricter about form, and allows any certificate of the store to be the anchor
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if settings.pin or not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.ca:
        try:
            context.load_verify_locations(cadata=text_of(user_path(settings.ca, "CA file").read_bytes()))
        except (OSError, ValueError) as error:  # ssl.SSLError is one
            known = error.strerror if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
            raise SettingsError(
                f"the CA file {settings.ca!r} can't be used: {known or 'it holds no PEM certificate'}",
                hint="give a file with PEM certificates",
            ) from None
    return context


def check_pin(certificate: bytes | None, pin: str) -> None:
    """`certificate`: DER. Raises Unreachable where it is not the pinned one."""
    found = hashlib.sha256(certificate or b"").hexdigest()
    if found != sha256_pin(pin):
        raise Unreachable(
            f"the hub's certificate is not the pinned one: its SHA-256 is {found}",
            hint="if the hub was given a new certificate, set its SHA-256 as `pin`; if not, somebody is in between",
        )


def failure(error: OSError, host: str) -> Unreachable:
    """What to tell when TLS with this host has failed so."""
    if isinstance(error, Unreachable):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        verdict, hint = _VERDICTS.get(error.verify_code, (f"is not accepted: {error.verify_message}", _TRUST))
        return Unreachable(f"the certificate of {host!r} {verdict}", hint=hint)
    if isinstance(error, ssl.SSLError) and error.reason not in _NOT_TLS and not isinstance(error, ssl.SSLEOFError):
        return Unreachable(
            f"TLS with {host!r} failed: {error.reason or type(error).__name__}", hint="check the hub's TLS"
        )
    return Unreachable(
        f"{host!r} does not speak TLS on this port", hint="check the port, or use ws:// instead of wss://"
    )
