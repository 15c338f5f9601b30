"""Every public method of our Message beside OVOS' class: random messages, before and after that class is imported.

Run by an interpreter that has some ovos-bus-client; prints what differed as JSON. Only the standard library is used.
"""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import random
import sys
import warnings

from hivemind_sdk.client.ovos_message import Message

CASES = 400
WORDS = ("a", "source", "destination", "target", "session", "lang", "")
LIGHT = (
    "fields",
    "copy",
    "pickle",
    "equal",
    "forward",
    "reply",
    "reply, data alone",
    "response",
    "shared, reply",
    "chain",
)
"""calls for which 1.x need not be imported"""
TYPES = ("speak", "a:b", "x.response", "", "ö b", "recognizer_loop:utterance")


def value(chance: random.Random, depth: int = 0):
    kind = chance.randrange(9 if depth < 2 else 7)
    if kind < 7:
        return [None, True, 0, -1.5, "", "grüß", chance.choice(["A", "B"])][kind]
    return [value(chance, depth + 1) for _ in range(chance.randrange(3))] if kind == 7 else obj(chance, depth + 1)


def obj(chance: random.Random, depth: int = 0):
    return {chance.choice(WORDS): value(chance, depth) for _ in range(chance.randrange(4))}


def maybe(chance: random.Random):
    return obj(chance) if chance.randrange(4) else None


def calls(seed: int):
    """Name -> a call on a message; the arguments are new ones each time."""

    def given(what: int):
        return maybe(random.Random(seed * 10 + what))

    kind = random.Random(seed).choice(TYPES)
    return {
        "fields": lambda message: message,
        "forward": lambda message: message.forward(kind, given(1)),
        "reply": lambda message: message.reply(kind, given(1), given(2)),
        "reply, data alone": lambda message: message.reply(kind, given(1)),
        "response": lambda message: message.response(given(1), given(2)),
        "publish": lambda message: message.publish(kind, given(1) or {}, given(2)),
        "serialize": lambda message: message.serialize(),
        "as_dict": lambda message: message.as_dict,
        "deserialize": lambda message: message.deserialize(json.dumps({"type": kind, "data": given(1) or {}})),
        "round trip": lambda message: message.deserialize(message.serialize()),
        "hash": lambda message: hash(message) == hash(copy.deepcopy(message)),
        "equal": lambda message: (message == copy.deepcopy(message), message != message.forward("other"), message == 5),
        "copy": copy.copy,
        "pickle": lambda message: pickle.loads(pickle.dumps(message)),
        "chain": lambda message: message.reply(kind, given(1)).forward("next").response(given(2)),
        "shared": lambda message: shared(message, message.forward(kind, given(1))),
        "shared, reply": lambda message: shared(message, message.reply(kind, given(1))),
        "unknown": lambda message: message.no_such_thing,
    }


def shared(message, other):
    """Whether a change of one context is seen in the other."""
    other.context["changed"] = True
    return "changed" in message.context


def outcome(call, message):
    """What came out, as plain values; of an exception its type."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            result = call(message)
        except Exception as error:
            kinds = [one.__name__ for one in type(error).__mro__ if one.__module__ == "builtins"]
            return ["raised", kinds]
    if hasattr(result, "msg_type"):
        result = [result.msg_type, result.data, result.context, message.data, message.context]
    return [result, sorted({one.category.__name__ for one in told})]


def made(kind, seed: int):
    chance = random.Random(seed)
    message_type = chance.choice(TYPES)
    return kind(message_type, obj(chance), obj(chance))


def outcomes(kind, names):
    return {name: [outcome(calls(seed)[name], made(kind, seed)) for seed in range(CASES)] for name in names}


def imported():
    return sorted({"ovos_bus_client", "ovos_spec_tools", "ovos_config"} & set(sys.modules))


def main():
    sys.stderr.close()  # what OVOS logs is of no interest
    kept = Message("speak", {"utterance": "hi"}, {"source": "A"})
    early, steps = {}, []
    for names in LIGHT, [name for name in calls(0) if name not in LIGHT]:
        early |= outcomes(Message, names)
        steps.append(imported())

    from ovos_bus_client.message import CollectionMessage
    from ovos_bus_client.message import Message as Theirs

    late, wanted = outcomes(Message, calls(0)), outcomes(Theirs, calls(0))
    differs = [
        [name, seed, state, mine[name][seed], wanted[name][seed]]
        for state, mine in (("before", early), ("after", late))
        for name in wanted
        for seed in range(CASES)
        if mine[name][seed] != wanted[name][seed]
    ]
    same = Theirs("speak", {"utterance": "hi"}, {"source": "A"})
    is_theirs = [isinstance(kept, Theirs), isinstance(kept, Message), same == kept, kept == same]
    is_theirs += [
        isinstance(kept.forward("x"), Theirs),
        isinstance(kept, Theirs),
        not isinstance(kept, CollectionMessage),
    ]
    with contextlib.redirect_stdout(sys.__stdout__):
        print(json.dumps({"differs": differs[:20], "imported": steps, "is_theirs": is_theirs}))


if __name__ == "__main__":
    main()
