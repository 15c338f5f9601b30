"""Plugin settings come from the config file, and the environment over it."""

from __future__ import annotations

import json

import pytest

from hivemind_sdk.errors import SettingsError
from hivemind_sdk.settings import PluginSettings
from hivemind_sdk.settings.plugins import config_file, plugin_settings


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "hivemind" / "sdk.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return {"XDG_CONFIG_HOME": str(tmp_path)}

    return write


def test_without_a_file_nothing_is_set(tmp_path):
    assert plugin_settings({"XDG_CONFIG_HOME": str(tmp_path)}) == PluginSettings()


def test_a_relative_config_home_is_ignored():
    assert config_file({"XDG_CONFIG_HOME": "here"}) == config_file({})


def test_the_file_is_read_when_asked(write):
    environ = write(
        {"plugins": {"only": ["a"], "disabled": ["b"], "prefer": {"cipher": ["x"]}, "options": {"a": {"n": 1}}}}
    )
    assert plugin_settings(environ) == PluginSettings(
        frozenset({"a"}), frozenset({"b"}), {"cipher": ("x",)}, {"a": {"n": 1}}
    )
    assert plugin_settings(write({"other": 1})) == PluginSettings()


def test_the_environment_wins(write):
    environ = write({"plugins": {"only": ["a"], "disabled": ["b"], "prefer": {"cipher": ["x"], "handler": ["y"]}}})
    environ |= {
        "HIVEMIND_PLUGINS_ONLY": "c, d",
        "HIVEMIND_PLUGINS_DISABLED": "",
        "HIVEMIND_PLUGINS_PREFER": "cipher=one, transport:ws=two,cipher=three",
    }
    assert plugin_settings(environ) == PluginSettings(
        frozenset({"c", "d"}),
        frozenset(),
        {"cipher": ("one", "three"), "handler": ("y",), "transport:ws": ("two",)},
    )


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "\N{SNOWMAN}",
        [],
        {"plugins": []},
        {"plugins": {"disable": ["typo"]}},
        {"plugins": {"only": "a"}},
        {"plugins": {"prefer": ["a"]}},
        {"plugins": {"prefer": {"cipher": "a"}}},
        {"plugins": {"options": {"a": 1}}},
    ],
)
def test_a_file_that_can_not_be_used_is_named_and_stays(content, write):
    environ = write(content)
    before = config_file(environ).read_bytes()
    with pytest.raises(SettingsError, match=r"hivemind.sdk\.json") as error:
        plugin_settings(environ)
    assert error.value.hint
    assert config_file(environ).read_bytes() == before


def test_bytes_that_are_no_text_are_no_crash(write):
    environ = write("")
    config_file(environ).write_bytes(b"{\xff\xfe}")
    with pytest.raises(SettingsError, match="can't be read"):
        plugin_settings(environ)


@pytest.mark.parametrize("value", ["cipher", "=x", "cipher="])
def test_a_preference_that_prefers_nothing_is_refused(value, tmp_path):
    with pytest.raises(SettingsError, match="HIVEMIND_PLUGINS_PREFER"):
        plugin_settings({"XDG_CONFIG_HOME": str(tmp_path), "HIVEMIND_PLUGINS_PREFER": value})
