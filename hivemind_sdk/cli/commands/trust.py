"""`trust`: whose end-to-end messages are accepted."""

from __future__ import annotations

import click

from ..console import json_line, json_option, line
from ..keys import read_public_key, shown


@click.group("trust")
def command() -> None:
    """Whose end-to-end messages are accepted, and under which alias we write to them."""


@command.command("add", context_settings={"ignore_unknown_options": True})  # a PEM begins with dashes
@click.argument("alias")
@click.argument("key", metavar="FILE|PEM")
@json_option()
@click.pass_obj
def add(app: str | None, alias: str, key: str, as_json: bool) -> None:
    """Trust the public key in FILE (`-`: stdin), and call it ALIAS.

    Whoever has the private key can make this node act: compare the fingerprint with its owner first.
    """
    from ...client.node_identity import NodeIdentity

    if not alias.strip() or not alias.isprintable():
        raise click.BadParameter("use printable characters", param_hint="ALIAS")
    pem = read_public_key(key)
    identity = NodeIdentity(app_name=app)
    known_as = identity.get_trusted_alias(pem)
    if known_as is None and not identity.add_trusted_key(alias, pem):
        hint = f"`hivemind-client trust remove {alias}` first, or use another alias"
        raise click.UsageError(f"{alias!r} is another key: {shown(identity.trusted_keys[alias])} ({hint})")
    if known_as is None:
        identity.save()
    if as_json:
        json_line({"alias": known_as or alias, "fingerprint": shown(pem), "added": known_as is None})
    elif known_as is None:
        line(f"trusted: {alias} {shown(pem)}")
        line(f"identity saved: {identity.state.location}")
    else:
        line(f"trusted already: {known_as} {shown(pem)}")


@command.command("list")
@json_option("Print as JSON.")
@click.pass_obj
def list_(app: str | None, as_json: bool) -> None:
    """List the trusted keys: alias and fingerprint."""
    from ...client.node_identity import NodeIdentity

    keys = NodeIdentity(app_name=app).trusted_keys
    if as_json:
        json_line([{"alias": alias, "fingerprint": shown(pem), "public_key": pem} for alias, pem in keys.items()])
        return
    width = max(map(len, keys), default=0)
    for alias, pem in sorted(keys.items()):
        line(f"{alias:<{width}}  {shown(pem)}")
    if not keys:
        line("no trusted keys")


@command.command("remove")
@click.argument("alias")
@json_option()
@click.pass_obj
def remove(app: str | None, alias: str, as_json: bool) -> None:
    """Trust the key of this alias no more."""
    from ...client.node_identity import NodeIdentity

    identity = NodeIdentity(app_name=app)
    if not identity.remove_trusted_key(alias):
        aliases = ", ".join(sorted(identity.trusted_keys)) or "none"
        raise click.BadParameter(f"{alias[:80]!r} is not trusted; aliases: {aliases}", param_hint="ALIAS")
    identity.save()
    if as_json:
        json_line({"removed": alias})
    else:
        line(f"no longer trusted: {alias}")
        line(f"identity saved: {identity.state.location}")
