"""A satellite that prints what the assistant says. Where the hub is, and who we are, comes from the environment."""

import logging

from hivemind_sdk import HiveMessageBusClient, run

logging.basicConfig(level=logging.INFO)
client = HiveMessageBusClient()
client.on_mycroft("speak", lambda message: print(message.data["utterance"], flush=True))
run(client)
