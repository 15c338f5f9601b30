"""A hub of our own making that listens for HTTP requests, and does what a real one does, or what it should not."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from hivemind_sdk.contracts import Dial
from hivemind_sdk.settings import Credentials, Endpoint


class Session:
    """Queues as hivemind-http-protocol has them for each token."""

    def __init__(self):
        self.text, self.binary, self.got = [], [], []
        self.connected = False

    def disconnect(self, _):
        was, self.connected = self.connected, False
        return {"status": "Disconnected"} if was else {"error": "Already Disconnected"}

    def connect(self, _):
        self.connected = True
        return {"status": "Connected"}

    def send_message(self, form):
        self.got.append(base64.b64decode(form["message"][0]) if form.get("binary") == ["1"] else form["message"][0])
        return {"status": "message sent"}

    def get_messages(self, _):
        return self.drained("messages", self.text)

    def get_binary_messages(self, _):
        return self.drained("b64_messages", self.binary)

    def drained(self, name, frames):
        if not self.connected:
            return {"error": "Client is not connected"}
        found, frames[:] = list(frames), []
        return {"status": "messages retrieved", name: found}


class StubHub(Session):
    """Listens, with one session for whoever comes. `says[call]`: status and text in place of what it would answer."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        super().__init__()
        self.calls, self.says = [], {}
        self.asked = threading.Event()
        self.silent = threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are written one after the other

            def do_POST(self):
                size = int(self.headers["Content-Length"])
                self.answer(parse_qs(self.rfile.read(size).decode(), keep_blank_values=True))

            def do_GET(self):
                self.answer({})

            def answer(self, form):
                call = urlsplit(self.path).path.removeprefix("/")
                hub.token = token = parse_qs(urlsplit(self.path).query)["authorization"][0]
                hub.calls.append(call)
                if hub.silent.is_set() and call != "disconnect":
                    hub.asked.set()
                    hub.over.wait(60)
                    return
                status, text = hub.says.get(call) or (
                    200,
                    json.dumps(getattr(hub.session(token), call.rpartition("/")[2])(form)),
                )
                self.send_response(status)
                self.send_header("Set-Cookie", "hivemind_http_replica=one; Path=/")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.over = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=lambda: self.server.serve_forever(0.02), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def session(self, token):
        """The one that belongs to a token."""
        return self

    def dial(self, **changes):
        fields = {"timeout": 10.0, "credentials": Credentials("the-key"), "useragent": "test"} | changes
        fields.setdefault("endpoint", Endpoint("http", "127.0.0.1", self.server.server_port))
        return Dial(**fields)
