#!/usr/bin/env bash
# Mosquitto 2.0.11 (Debian 12) as it comes and paho-mqtt 2.2.0 on both sides: neither sets TCP_NODELAY, so with QoS 1 an
# answer waits for the TCP acknowledgement of a PUBACK, which the kernel delays by 40 ms on each side. With QoS 0 the same
# round trip on loopback takes a millisecond at the most.
# Seen (medians of 40): `QoS 0: 0 ms, QoS 1: 92 ms; TCP_NODELAY of paho's socket: 0`. Exit 1 if that has changed.
# Needs Debian 12: the broker is unpacked, not installed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check paho-mqtt==2.2.0
cd "$folder"
apt-get -qq download mosquitto=2.0.11-1.2+deb12u2 libcjson1 libwebsockets17 libdlt2 libev4 libuv1 libwrap0 libcap2
for package in *.deb; do dpkg -x "$package" root; done
libraries=$(find "$folder/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" > mosquitto.conf
[ "$(id -u)" -ne 0 ] || echo 'user root' >> mosquitto.conf
LD_LIBRARY_PATH=$libraries root/usr/sbin/mosquitto -c mosquitto.conf > broker.log 2>&1 &
broker=$!
trap 'kill $broker 2>/dev/null; rm -rf "$folder"' EXIT
timeout 60 "$folder/venv/bin/python" - "$port" <<'PYTHON'
import socket
import statistics
import sys
import threading
import time

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

port = int(sys.argv[1])
end = time.monotonic() + 20
while True:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        break
    except OSError:
        assert time.monotonic() < end, open("broker.log").read()
        time.sleep(0.05)


def client(topic, qos, on_message):
    one, subscribed = Client(CallbackAPIVersion.VERSION2), threading.Event()
    one.on_message, one.on_subscribe = on_message, lambda *_: subscribed.set()
    one.connect("127.0.0.1", port)
    one.loop_start()
    one.subscribe(topic, qos)
    assert subscribed.wait(10)
    return one


def round_trip(qos):
    """-> milliseconds, the median of 40"""
    came, took = threading.Event(), []
    far = client("ask", qos, lambda c, _, message: c.publish("answer", message.payload, qos=qos))
    near = client("answer", qos, lambda *_: came.set())
    for _ in range(40):
        came.clear()
        began = time.perf_counter()
        near.publish("ask", b"x" * 1000, qos=qos)
        assert came.wait(10)
        took.append(1000 * (time.perf_counter() - began))
    nodelay = near.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    for one in (near, far):
        one.disconnect()
        one.loop_stop()
    return statistics.median(took), nodelay


(fast, nodelay), (slow, _) = round_trip(0), round_trip(1)
print(f"QoS 0: {fast:.0f} ms, QoS 1: {slow:.0f} ms; TCP_NODELAY of paho's socket: {nodelay}")
assert nodelay == 0
assert slow > 35 > fast
PYTHON
