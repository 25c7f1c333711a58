"""Registries: one place for each closed set, open to other packages through entry points.

A registry knows the built-in members of a set, one module each in a package of its own, and the members that other
distributions declare as entry points. Everything that has to know the set asks its registry, so adding a member means
adding one file.

A built-in member has the name of its module, which holds it in a variable, e.g. ``COLLECTOR``. Another distribution
adds a member in its ``pyproject.toml``::

    [project.entry-points."vertebra.collectors"]
    mqtt = "my_package.mqtt:COLLECTOR"
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakSet

from vertebra.errors import RegistryError
from vertebra.suggestions import did_you_mean

_REGISTRIES: WeakSet[Registry[Any]] = WeakSet()


class Member(Protocol):
    """What every member of a registry has: its name, as it is written in declarations."""

    @property
    def name(self) -> str:
        """The name in declarations, e.g. ``http``."""
        ...


M = TypeVar("M", bound=Member)


class Registry(Mapping[str, M], Generic[M]):
    """A closed set by name, in alphabetical order. Members are imported when first asked for.

    Args:
        kind: what the members are called in messages, e.g. ``collector``.
        package: the package whose modules hold the built-in members, one each, e.g. ``vertebra.landing.collectors``.
            It holds no other modules, so that listing the names imports nothing.
        variable: the module variable that holds a built-in member, e.g. ``COLLECTOR``.
        member: the class that every member is an instance of, as ``module:Class``; checked when a member is loaded.
        group: the entry point group for members of other distributions, e.g. ``vertebra.collectors``; None for a set
            that only Vertebra can extend.

    Example:
        >>> from vertebra.registry import Registry
        >>> sugars = Registry("rule sugar", "vertebra.declare.sugar", "SUGAR")  # doctest: +SKIP
        >>> sorted(sugars)  # doctest: +SKIP
        ['deny', 'determines', 'matches', 'range', 'references', 'required', 'unique', 'values']
    """

    def __init__(self, kind: str, package: str, variable: str, member: str = "", group: str | None = None) -> None:
        self.kind = kind
        self.group = group
        self._package = package
        self._variable = variable
        self._member = member
        self._modules: dict[str, str] | None = None
        self._plugins: dict[str, EntryPoint] | None = None
        self._loaded: dict[str, M] = {}
        _REGISTRIES.add(self)

    def __getitem__(self, name: str) -> M:
        """The member of a name.

        Raises:
            KeyError: there is none; :meth:`get_or_refuse` raises an error for people instead.
            RegistryError: a plug-in cannot be loaded, or is not what the entry point says.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._built_in(), *self._plugged_in()}))

    def __len__(self) -> int:
        return len({*self._built_in(), *self._plugged_in()})

    def __contains__(self, name: object) -> bool:
        return name in self._built_in() or name in self._plugged_in()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def get_or_refuse(self, name: str) -> M:
        """The member of a name.

        Raises:
            RegistryError: there is none, with the nearest name; or a plug-in cannot be loaded.
        """
        if name not in self:
            raise RegistryError(
                f"there is no {self.kind} {name!r}",
                cause=f"there are {', '.join(self)}",
                remedy=did_you_mean(name, self, "write one of them, or install the package that adds it"),
            )
        return self[name]

    def is_plugin(self, name: str) -> bool:
        """Whether a member comes from another distribution."""
        return name not in self._built_in() and name in self._plugged_in()

    def plugin_version(self, name: str) -> str | None:
        """The version of the distribution that a plug-in comes from; None for a built-in member.

        Results depend on it: a step that uses a plug-in has the version in its fingerprint.
        """
        point = None if name in self._built_in() else self._plugged_in().get(name)
        return None if point is None else point.dist.version if point.dist else "unknown"

    def refresh(self) -> None:
        """Forget what was found, e.g. after a distribution was installed into the running process."""
        self._modules, self._plugins, self._loaded = None, None, {}

    def _built_in(self) -> Mapping[str, str]:
        """Module by member name. A built-in member has the name of its module; a trailing underscore is dropped."""
        if self._modules is None:
            package = import_module(self._package)
            found = (module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg)
            self._modules = {name.rstrip("_"): f"{self._package}.{name}" for name in found}
        return self._modules

    def _plugged_in(self) -> Mapping[str, EntryPoint]:
        if self._plugins is None:
            found: dict[str, EntryPoint] = {}
            for point in entry_points(group=self.group) if self.group else ():
                if point.name in self._built_in() or point.name in found:
                    raise RegistryError(
                        f"two packages add the {self.kind} {point.name!r}",
                        cause=f"{_origin(point)} declares it in {self.group}, and it already exists",
                        remedy=f"uninstall one of them, or rename the entry point of {_origin(point)}",
                    )
                found[point.name] = point
            self._plugins = found
        return self._plugins

    def _load(self, name: str) -> M:
        if name in self._built_in():
            member: M = getattr(import_module(self._built_in()[name]), self._variable)
            return self._checked(name, member, self._built_in()[name])
        point = self._plugged_in()[name]
        try:
            member = point.load()
        except (Exception, SystemExit) as error:  # its code may not end the command without a word
            raise RegistryError(
                f"the {self.kind} {name!r} of {_origin(point)} cannot be loaded",
                cause=f"{point.value}: {type(error).__name__}: {error}",
                remedy=f"correct or uninstall {_origin(point)}",
            ) from error
        return self._checked(name, member, _origin(point))

    def _checked(self, name: str, member: Any, origin: str) -> M:
        if self._member:
            module, _, attribute = self._member.partition(":")
            wanted = getattr(import_module(module), attribute)
            if not isinstance(member, wanted):
                raise RegistryError(
                    f"the {self.kind} {name!r} of {origin} is a {type(member).__name__}",
                    cause=f"a {self.kind} is an instance of {module}.{attribute}",
                    remedy="see docs/plugins.md",
                )
        own_name = getattr(member, "name", None)
        if own_name is None:
            raise RegistryError(
                f"the {self.kind} {name!r} of {origin} has no name",
                cause=f"{type(member).__name__} has no attribute `name`",
                remedy=f"give it the name of its entry point: name = {name!r}",
            )
        if own_name != name:
            raise RegistryError(
                f"the {self.kind} {name!r} of {origin} calls itself {own_name!r}",
                remedy="give both the same name",
            )
        checked: M = member
        return checked


def refresh_registries() -> None:
    """Find the plug-ins again, e.g. after a distribution was installed into the running process."""
    for registry in tuple(_REGISTRIES):
        registry.refresh()


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
