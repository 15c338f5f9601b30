"""A satellite that prints what the assistant says.

Where the hub is, and who we are, comes from the environment or the identity.
"""

import logging

from hivemind_sdk import HiveMessageBusClient, run


def show(message):
    print(message.data["utterance"], flush=True)


logging.basicConfig(level=logging.INFO)
client = HiveMessageBusClient()
client.on_mycroft("speak", show)
run(client)
