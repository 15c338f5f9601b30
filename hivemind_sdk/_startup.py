"""What keeps imports quick: names of a package that are loaded when first used, and dataclasses made when first used.

The standard `dataclass` decorator compiles up to six functions when a class is defined, 0.65 ms of CPU. For the 105
classes that a client imports that was 68 ms, a third of its start. The one here generates code when the first object of
a class is made. Its classes are dataclasses for everybody else: `dataclasses.fields`, `replace`, `asdict` and
subclasses work as usual.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "field", "fields", "lazy_names", "replace"]

_MISSING: Any = type("MISSING", (), {"__repr__": lambda _: "<factory>"})()
_FIELDS = "__hivemind_fields__"
_set = object.__setattr__


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of a package (PEP 562) whose names, the keys, are in the modules that `homes` tells."""

    def load(name: str) -> object:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f".{home}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    return load


class _Field:
    """One field, as `field` was told."""

    name: str
    type: str
    default: Any
    default_factory: Any
    init: bool
    repr: bool
    hash: bool | None
    compare: bool
    metadata: Any
    kw_only: bool | None

    def __init__(self, **told: Any) -> None:
        self.__dict__.update(told)


def _field(
    *,
    default: Any = _MISSING,
    default_factory: Any = _MISSING,
    init: bool = True,
    repr: bool = True,  # noqa: A002  as the standard library has it
    hash: bool | None = None,  # noqa: A002
    compare: bool = True,
    metadata: Any = None,
    kw_only: bool | None = None,
) -> Any:
    return _Field(
        default=default,
        default_factory=default_factory,
        init=init,
        repr=repr,
        hash=hash,
        compare=compare,
        metadata=metadata,
        kw_only=kw_only,
    )


def _fields_of(kind: Any) -> Any:
    own = getattr(kind, _FIELDS, None)
    if own is not None:
        return tuple(own.values())
    import dataclasses

    return dataclasses.fields(kind)


def _replace(instance: Any, /, **changes: Any) -> Any:
    fields = getattr(type(instance), _FIELDS, None)
    if fields is None:  # somebody else's class
        import dataclasses

        return dataclasses.replace(instance, **changes)
    kept = {one.name: getattr(instance, one.name) for one in fields.values() if one.init and one.name not in changes}
    return type(instance)(**kept, **changes)


def _dataclass(
    cls: Any = None, /, *, frozen: bool = False, slots: bool = False, eq: bool = True, kw_only: bool = False
) -> Any:
    if cls is None:
        return lambda cls: _made(cls, frozen, slots, eq, kw_only)
    return _made(cls, frozen, slots, eq, kw_only)


def _made(cls: Any, frozen: bool, slots: bool, eq: bool, kw_only: bool) -> Any:
    fields: dict[str, _Field] = {}
    for base in reversed(cls.__mro__[1:]):
        fields |= base.__dict__.get(_FIELDS, {})
    for name, annotation in cls.__annotations__.items():
        if annotation.startswith("ClassVar"):
            continue
        default = cls.__dict__.get(name, _MISSING)
        one: _Field = default if isinstance(default, _Field) else _field(default=default)
        one.name, one.type = name, annotation
        one.kw_only = kw_only if one.kw_only is None else one.kw_only
        fields[name] = one
        if default is one:
            if one.default is _MISSING:
                delattr(cls, name)
            else:
                setattr(cls, name, one.default)
    members = _members(tuple(fields.values()), frozen, eq)
    if slots:
        members |= _pickling() if frozen else {}
        cls = _with_slots(cls, fields)
    members |= {
        _FIELDS: fields,
        "__dataclass_fields__": _Standard("__dataclass_fields__", frozen, eq),
        "__dataclass_params__": _Standard("__dataclass_params__", frozen, eq),
    }
    for name, member in members.items():
        if name not in cls.__dict__ or (name == "__hash__" and cls.__dict__[name] is None):
            setattr(cls, name, member)
    return cls


def _with_slots(cls: Any, fields: dict[str, _Field]) -> Any:
    """The same class with `__slots__`, which can't be added to one that is there."""
    inherited = {name for base in cls.__mro__[1:-1] for name in base.__dict__.get("__slots__", ())}
    content = {name: value for name, value in cls.__dict__.items() if name not in {*fields, "__dict__", "__weakref__"}}
    content["__slots__"] = tuple(name for name in fields if name not in inherited)
    made = type(cls)(cls.__name__, cls.__bases__, content)
    made.__qualname__ = cls.__qualname__
    return made


def _members(fields: tuple[_Field, ...], frozen: bool, eq: bool) -> dict[str, Any]:
    """What the decorator adds to a class that does not have it."""
    shown = tuple(one.name for one in fields if one.repr)
    values = _values(one.name for one in fields if one.compare)

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:  # noqa: N807
        kind: Any = next(one for one in type(self).__mro__ if one.__dict__.get("__init__") is __init__)
        kind.__init__ = real = _init(kind, fields, frozen)
        real(self, *arguments, **named)

    @recursive_repr()
    def __repr__(self: Any) -> str:  # noqa: N807
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    members: dict[str, Any] = {"__init__": __init__, "__repr__": __repr__, "__signature__": _Signature(fields)}
    members["__match_args__"] = tuple(one.name for one in fields if one.init and not one.kw_only)
    if eq:
        members["__eq__"] = __eq__
        members["__hash__"] = None
    if frozen:
        names = frozenset(one.name for one in fields)
        if eq:
            hashed = _values(one.name for one in fields if (one.compare if one.hash is None else one.hash))
            members["__hash__"] = lambda self: hash(hashed(self))

        def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807
            if name in names or _FIELDS in type(self).__dict__:
                raise _frozen(f"cannot assign to field {name!r}")
            _set(self, name, value)

        def __delattr__(_self: Any, name: str) -> None:  # noqa: N807
            raise _frozen(f"cannot delete field {name!r}")

        members |= {"__setattr__": __setattr__, "__delattr__": __delattr__}
    return members


def _values(names: Any) -> Any:
    """-> a function from an object to a tuple of the values of these fields"""
    names = tuple(names)
    if len(names) > 1:
        return attrgetter(*names)
    return lambda self: tuple(getattr(self, name) for name in names)


def _frozen(text: str) -> Exception:
    from dataclasses import FrozenInstanceError

    return FrozenInstanceError(text)


def _init(cls: Any, fields: tuple[_Field, ...], frozen: bool) -> Any:
    """The constructor, compiled for these fields."""
    scope: dict[str, Any] = {"_set": _set, "_missing": _MISSING}
    parameters: dict[bool, list[str]] = {False: [], True: []}
    lines = []
    for one in fields:
        value = one.name
        if one.default is not _MISSING:
            scope[f"_default_{one.name}"] = one.default
        elif one.default_factory is not _MISSING:
            scope[f"_factory_{one.name}"] = one.default_factory
            value = f"_factory_{one.name}() if {one.name} is _missing else {one.name}"
        if one.init:
            default = f"_default_{one.name}" if one.default is not _MISSING else "_missing"
            has_default = one.default is not _MISSING or one.default_factory is not _MISSING
            parameters[bool(one.kw_only)].append(f"{one.name}={default}" if has_default else one.name)
        elif one.default_factory is not _MISSING:
            value = f"_factory_{one.name}()"
        elif one.default is not _MISSING:
            value = f"_default_{one.name}"
        else:
            continue
        lines.append(f"_set(self, {one.name!r}, {value})" if frozen else f"self.{one.name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    named = ["*", *parameters[True]] if parameters[True] else []
    head = ", ".join(["self", *parameters[False], *named])
    body = "\n ".join(lines or ["pass"])
    exec(f"def __init__({head}):\n {body}", scope)  # noqa: S102  as dataclasses does
    made = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {**{one.name: one.type for one in fields if one.init}, "return": None}
    return made


def _pickling() -> dict[str, Any]:
    """For frozen classes with slots, whose state can't be set by assignment."""

    def __getstate__(self: Any) -> list[Any]:  # noqa: N807
        return [getattr(self, name) for name in getattr(type(self), _FIELDS)]

    def __setstate__(self: Any, state: list[Any]) -> None:  # noqa: N807
        for name, value in zip(getattr(type(self), _FIELDS), state, strict=True):
            _set(self, name, value)

    return {"__getstate__": __getstate__, "__setstate__": __setstate__}


class _Signature:
    """The signature of a class, made when somebody asks for it."""

    def __init__(self, fields: tuple[_Field, ...]) -> None:
        self._fields = fields

    def __get__(self, _instance: Any, owner: Any) -> Any:
        import inspect

        made = inspect.signature(_init(owner, self._fields, frozen=False))
        return made.replace(parameters=list(made.parameters.values())[1:])


class _Standard:
    """What the standard library keeps of a dataclass, made when somebody asks for it."""

    def __init__(self, name: str, frozen: bool, eq: bool) -> None:
        self._name, self._frozen, self._eq = name, frozen, eq

    def __get__(self, _instance: Any, owner: Any) -> Any:
        import dataclasses

        kind = next(one for one in owner.__mro__ if _FIELDS in one.__dict__)
        told = [(one.name, one.type, _standard(one)) for one in kind.__dict__[_FIELDS].values()]
        twin = dataclasses.make_dataclass(kind.__name__, told, frozen=self._frozen, eq=self._eq)
        kind.__dataclass_fields__ = twin.__dataclass_fields__  # type: ignore[attr-defined]
        kind.__dataclass_params__ = twin.__dataclass_params__  # type: ignore[attr-defined]
        return getattr(twin, self._name)


def _standard(one: _Field) -> Any:
    import dataclasses

    defaults = {
        name: getattr(one, name) for name in ("default", "default_factory") if getattr(one, name) is not _MISSING
    }
    return dataclasses.field(
        **defaults,
        init=one.init,
        repr=one.repr,
        hash=one.hash,
        compare=one.compare,
        metadata=one.metadata,
        kw_only=bool(one.kw_only),
    )


if not TYPE_CHECKING:
    dataclass, field, fields, replace = _dataclass, _field, _fields_of, _replace
else:  # the same for type checkers and tools that read the source
    from dataclasses import dataclass, field, fields, replace
