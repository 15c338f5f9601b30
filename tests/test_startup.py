"""Our `dataclass` behaves as the standard one, which it takes the place of for its import time."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import ClassVar

import pytest

from hivemind_sdk import _startup as ours

FROZEN_SLOTS = {"frozen": True, "slots": True}
WAYS = [
    {},
    {"frozen": True},
    {"slots": True},
    FROZEN_SLOTS,
    {"frozen": True, "kw_only": True},
    {"frozen": True, "eq": False},
]


def made(library, **how):
    """The same class by this library."""

    @library.dataclass(**how)
    class Point:
        kind: ClassVar[str] = "point"
        x: int
        y: int = 2
        tags: list = library.field(default_factory=list, compare=False)
        secret: str = library.field(default="s", repr=False, metadata={"secret": True})
        total: int = library.field(default=0, init=False)

        def __post_init__(self):
            if self.x < 0:
                raise ValueError("x")
            object.__setattr__(self, "total", self.x + self.y)

    @library.dataclass(**how)
    class Sub(Point):
        z: str = "z"

    return Point, Sub


def outcome(call):
    try:
        return call()
    except Exception as error:
        return type(error), str(error).replace("made.<locals>.", "")


def outcomes(library, how):
    """What a class made by this library does."""
    point, sub = made(library, **how)
    one = point(x=1)
    return [
        outcome(lambda: repr(one)),
        outcome(lambda: repr(point(x=1, y=5, tags=[1], secret="t"))),
        outcome(lambda: repr(sub(x=3, z="q"))),
        outcome(lambda: repr(point(1, 2))),
        outcome(lambda: point()),
        outcome(lambda: point(x=1, nothing=2)),
        outcome(lambda: point(x=-1)),
        outcome(lambda: point(x=1) == point(x=1, tags=[5])),
        outcome(lambda: (point(x=1) == point(x=2), point(x=1) == sub(x=1), point(x=1) != 5)),
        outcome(lambda: hash(point(x=1)) == hash(point(x=1))),
        outcome(lambda: setattr(one, "x", 5)),
        outcome(lambda: delattr(one, "x")),
        outcome(lambda: setattr(one, "other", 5)) if how != FROZEN_SLOTS else None,  # a TypeError there
        outcome(lambda: repr(library.replace(point(x=1, y=7), x=2))),
        outcome(lambda: repr(dataclasses.replace(point(x=1, y=7), x=2))),
        outcome(lambda: dataclasses.asdict(point(x=1))),
        outcome(
            lambda: [
                (f.name, f.type, f.init, f.repr, f.compare, f.kw_only, dict(f.metadata))
                for f in dataclasses.fields(sub)
            ]
        ),
        outcome(lambda: [f.default for f in dataclasses.fields(point)][:2] == [dataclasses.MISSING, 2]),
        outcome(lambda: str(inspect.signature(sub))),
        outcome(lambda: point.__match_args__),
        outcome(lambda: dataclasses.is_dataclass(point)),
        outcome(lambda: hasattr(point(x=1), "__dict__")),
        outcome(lambda: repr(copy.copy(point(x=1, y=9)))),
        outcome(lambda: repr(copy.deepcopy(sub(x=1, tags=[1])))),
        outcome(lambda: (point.kind, hasattr(point, "x"), getattr(point, "y", "none") if "slots" not in how else 0)),
        outcome(lambda: [f.name for f in library.fields(point)]),
    ]


@pytest.mark.parametrize("how", WAYS, ids=str)
def test_it_does_what_the_standard_library_does(how):
    mine, standard = outcomes(ours, how), outcomes(dataclasses, how)
    assert [pair for pair in zip(mine, standard, strict=True) if pair[0] != pair[1]] == []


def test_a_standard_dataclass_may_inherit_from_one_of_ours():
    point, _ = made(ours, frozen=True)

    @dataclasses.dataclass(frozen=True)
    class More(point):
        more: int = 4

    assert repr(More(1)).endswith("More(x=1, y=2, tags=[], total=3, more=4)")
    assert [one.name for one in dataclasses.fields(More)][-1] == "more"


def test_frozen_objects_of_the_sdk_can_be_pickled():
    from hivemind_sdk import Credentials, Endpoint, Settings

    settings = Settings(Endpoint.parse("ws://127.0.0.1:5678"), Credentials("key", "correct-horse-battery-9"))
    for again in (pickle.loads(pickle.dumps(settings)), copy.deepcopy(settings), copy.copy(settings)):
        assert again == settings
        assert again is not settings
