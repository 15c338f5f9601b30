"""Options of plugins: who wins, what is read as what, and that no secret is shown."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import pytest

from hivemind_sdk.errors import OptionError
from hivemind_sdk.plugins.instances import check_option_names, option_variable, resolve_options
from hivemind_sdk.plugins.typehints import schema_fault

NAMES = ("transport.carrier-pigeon", "carrier-pigeon")


@dataclass(frozen=True)
class Options:
    loft: str = "default"
    grains: int = 3
    speed: float = 1.5
    homing: bool = True
    home: Path = Path("/loft")
    stops: tuple[str, ...] = ()
    ring: str | None = "blue"
    flock: Optional[int] = None  # noqa: UP045
    weights: tuple[int, ...] = (1,)
    whistle: str = field(default="", repr=False, metadata={"secret": True})
    code: int = field(default=0, repr=False, metadata={"secret": True})


@dataclass
class Needy:
    loft: Path


@dataclass
class Picky:
    low: int = 0
    high: int = 1

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


def options(schema=Options, arguments=(), environ=(), config=()):
    return resolve_options(NAMES, schema, arguments=dict(arguments), environ=dict(environ), config=dict(config))


def test_argument_over_environment_over_config_over_default():
    long, short = {"HIVEMIND_TRANSPORT_CARRIER_PIGEON_LOFT": "env"}, {"HIVEMIND_CARRIER_PIGEON_LOFT": "short"}
    config, by_short = {NAMES[0]: {"loft": "file"}}, {NAMES[1]: {"loft": "file, short"}}
    assert options().loft == "default"
    assert options(config=by_short).loft == "file, short"
    assert options(config=config | by_short).loft == "file"
    assert options(environ=short, config=config).loft == "short"
    assert options(environ=long | short, config=config).loft == "env"
    assert options(Options, {"loft": "argument"}, long, config).loft == "argument"
    assert option_variable(NAMES[0], "loft") in long


@pytest.mark.parametrize(
    ("option", "given", "read"),
    [
        ("grains", "12", 12),
        ("grains", 12, 12),
        ("speed", "2.5", 2.5),
        ("speed", 2, 2.0),
        ("homing", "off", False),
        ("homing", "Yes", True),
        ("homing", False, False),
        ("home", "/a/b", Path("/a/b")),
        ("stops", "a, b,,c", ("a", "b", "c")),
        ("stops", ["a", "b"], ("a", "b")),
        ("weights", "1,2", (1, 2)),
        ("ring", None, None),
        ("ring", "", None),
        ("ring", "red", "red"),
        ("flock", "7", 7),
    ],
)
def test_values_are_read_as_the_type_of_the_field(option, given, read):
    value = getattr(options(arguments={option: given}), option)
    assert value == read
    assert type(value) is type(read)


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("loft", 3),
        ("grains", "many"),
        ("grains", 1.5),
        ("grains", True),
        ("speed", "fast"),
        ("homing", "maybe"),
        ("homing", 1),
        ("home", 3),
        ("stops", 5),
        ("stops", ["a", 5]),
        ("loft", None),
        ("flock", "x"),
    ],
)
def test_a_value_of_another_type_is_refused_with_plugin_option_and_type(option, given):
    with pytest.raises(OptionError) as error:
        options(arguments={option: given})
    for part in (NAMES[0], repr(option), type(given).__name__, "given as an argument"):
        assert part in str(error.value)


@pytest.mark.parametrize(("option", "value"), [("code", "hunter2"), ("whistle", ["hunter2"])])
def test_a_secret_is_shown_nowhere(option, value):
    with pytest.raises(OptionError) as error:
        options(config={NAMES[0]: {option: value}})
    assert type(value).__name__ in str(error.value)
    assert "hunter2" not in "".join(traceback.format_exception(error.value))
    assert error.value.__context__ is None


@dataclass
class Leaky:
    key: str = field(default="", repr=False, metadata={"secret": True})

    def __post_init__(self) -> None:
        if self.key:
            raise ValueError(f"bad key {self.key}")


@pytest.mark.parametrize("value", ["hunter2"])
def test_a_secret_in_the_words_of_the_plugin_is_not_shown_either(value):
    with pytest.raises(OptionError) as error:
        options(Leaky, {"key": value})
    assert value not in "".join(traceback.format_exception(error.value))


def test_where_a_bad_value_came_from_is_said():
    with pytest.raises(OptionError, match="HIVEMIND_CARRIER_PIGEON_GRAINS"):
        options(environ={"HIVEMIND_CARRIER_PIGEON_GRAINS": "many"})
    with pytest.raises(OptionError, match="config file"):
        options(config={NAMES[1]: {"grains": "many"}})


def test_a_required_option_that_nobody_gave_is_asked_for():
    with pytest.raises(OptionError, match="needs the option 'loft'") as error:
        options(Needy)
    assert "HIVEMIND_TRANSPORT_CARRIER_PIGEON_LOFT" in error.value.hint
    assert options(Needy, {"loft": "~"}).loft == Path.home()


def test_what_the_plugin_itself_refuses_is_an_option_error():
    with pytest.raises(OptionError, match="low is above high"):
        options(Picky, {"low": 5})


def test_an_unknown_option_is_refused_with_the_nearest_names():
    with pytest.raises(OptionError, match=r"no option 'grain'; it has: grains"):
        check_option_names("p", ["grain"], ["grains", "loft"])
    with pytest.raises(OptionError, match="it has no options"):
        check_option_names("p", ["grain"], [])


@dataclass
class Nested:
    birds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    eggs: Mapping[str, int] = field(default_factory=dict)


def test_a_table_is_read_from_the_config_file_and_as_json_from_the_environment():
    assert not schema_fault(Nested)
    found = options(
        Nested,
        config={NAMES[0]: {"birds": {"dove": {"legs": 2}}}},
        environ={"HIVEMIND_TRANSPORT_CARRIER_PIGEON_EGGS": '{"dove": 3}'},
    )
    assert found == Nested({"dove": {"legs": 2}}, {"dove": 3})
    for wrong in ({"dove": {"legs": 2}}, "[1]", "{"):
        with pytest.raises(OptionError, match="option 'eggs'"):
            options(Nested, {"eggs": wrong})


@dataclass
class Unreadable:
    birds: dict[str, int] = field(default_factory=dict)


@dataclass
class Unresolvable:
    bird: "NoSuchBird" = None  # type: ignore[name-defined]  # noqa: F821, UP037


@pytest.mark.parametrize("schema", [dict, Options(), Unreadable, Unresolvable])
def test_what_can_not_be_an_options_class_is_told(schema):
    assert schema_fault(schema)
    assert not schema_fault(Options)
