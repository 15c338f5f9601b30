#!/usr/bin/env bash
# hivemind-email 0.1.4a1 beside hivemind-core 5.3.10a1, which it asks for as >=4.6.2a1: the wormhole gives its connection
# no password, so the hub, which speaks protocol 3 alone, refuses the peer before it has said a word. No greeting leaves
# by mail, and the satellite waits for ever. (hivemind-usenet 0.1.3a3 makes its connection in the same way.)
# Seen: `0 mails, 0 clients`. Exit 1 if that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --pre \
  hivemind-email==0.1.4a1 hivemind-core==5.3.10a1 hivemind_bus_client==1.2.12a1 hivescope==0.8.8a1 "setuptools<81"
cd "$folder"
HOME=$folder "$folder/venv/bin/python" - <<'PYTHON'
from hivemind_email.carrier import EmailCarrier
from hivemind_email.wormhole import EmailWormhole
from hivescope import TopologyBuilder


class Mailbox:
    sent = []

    def send(self, to_addr, subject, body):
        self.sent.append(body)


class Keys:
    def encrypt(self, text, _key):
        return text


hub = TopologyBuilder().add_master("hub")
hub.register_satellite(key="sat", password="correct-horse-battery-9")
config = {"peer_id": "sat", "peer_email": "sat@example.org", "peer_secret": "down", "peer_pubkey": ""}
wormhole = EmailWormhole(config=config, hm_protocol=hub.hm_protocol)
connection = wormhole._ensure_client(EmailCarrier(Keys(), Mailbox()))
hub.hm_protocol.handle_new_client(connection)
print(f"{len(Mailbox.sent)} mails, {len(hub.hm_protocol.clients)} clients")
assert not Mailbox.sent
assert not hub.hm_protocol.clients
PYTHON
