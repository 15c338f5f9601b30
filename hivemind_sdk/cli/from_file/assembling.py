"""From a Program to what runs: one satellite, its applications, its commands; and from one Program to the next."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from ..._startup import replace
from ...contracts import Application
from ...errors import HiveMindError, PluginError
from ...plugins.instances import Instances
from ...plugins.loader import load, shared
from ...satellite.satellite import Satellite
from .bus_commands import BusCommand
from .program import Program

log = logging.getLogger(__name__)


def make_satellite(program: Program) -> Satellite:
    """Not started. Raises HiveMindError."""
    catalogue = shared(program.plugins)
    if program.observers is not None:
        chosen = tuple(one for one in catalogue.observers if one.name in program.observers)
        catalogue = replace(catalogue, observers=chosen)
    return Satellite(program.settings, catalogue, identity=program.identity.open(program.plugins).state)


class Running:
    """A satellite with what uses it. One thread, that of the program, calls all of it."""

    def __init__(self, program: Program) -> None:
        """Raises HiveMindError; then nothing is left running."""
        self.program = program
        self.satellite = make_satellite(program)
        self._applications: dict[str, Application] = {}
        self._commands: list[BusCommand] = []
        try:
            self._start_commands()
            for name in program.applications:
                self._start_application(name)
        except BaseException:
            self.close(0.0)
            raise

    def keeps_link(self, program: Program) -> bool:
        """Whether this program can be taken over on the satellite that runs."""
        return _fixed(program) == _fixed(self.program)

    def take(self, program: Program) -> list[str]:
        """Go on with this program, on the same link; see `keeps_link`. -> what has changed, for people"""
        before, self.program = self.program, program
        changed = []
        if program.settings.site_id != before.settings.site_id:
            self.satellite.node.site_id = program.settings.site_id or ""
            changed.append("site_id")
        if program.settings.delivery != before.settings.delivery:
            self.satellite.set_delivery(program.settings.delivery)
            changed.append("delivery")
        if (program.commands, program.secret_variables) != (before.commands, before.secret_variables):
            self._stop_commands()
            self._start_commands()
            changed.append("commands")
        for name in sorted({*before.applications, *program.applications}):
            if before.applications.get(name) != program.applications.get(name):
                self._stop_application(name)
                changed.append(name)
                if name in program.applications:
                    self._try_application(name)
        return changed

    def close(self, drain: float) -> None:
        """End all of it; what waits to be sent has `drain` seconds."""
        with ExitStack() as stack:
            stack.callback(self.satellite.close)
            if drain > 0:
                stack.callback(self._drain, drain)
            stack.callback(self._stop_commands)
            for name in list(self._applications):
                stack.callback(self._stop_application, name)

    def _drain(self, seconds: float) -> None:
        if not self.satellite.drain(seconds):
            log.warning("not everything was sent within %g s", seconds)

    def _start_commands(self) -> None:
        self._commands = [BusCommand(one, self.program.secret_variables) for one in self.program.commands]
        for one in self._commands:
            one.start(self.satellite)

    def _stop_commands(self) -> None:
        commands, self._commands = self._commands, []
        for one in commands:
            one.close()

    def _start_application(self, name: str) -> None:
        catalogue = load(self.program.plugins, kinds={"application"})
        options: Mapping[str, Any] = self.program.applications[name]
        application: Application = Instances(catalogue, self.program.plugins).make(catalogue.application(name), options)
        try:
            application.start(self.satellite)
        except HiveMindError:
            raise
        except Exception as error:
            raise PluginError(f"the application {name!r} can't be started: {type(error).__name__}") from error
        self._applications[name] = application

    def _try_application(self, name: str) -> None:
        """The satellite goes on without one that can't be started."""
        try:
            self._start_application(name)
        except HiveMindError as error:
            log.error("%s: %s", name, error)  # noqa: TRY400
            log.debug("traceback", exc_info=error)

    def _stop_application(self, name: str) -> None:
        application = self._applications.pop(name, None)
        if application is None:
            return
        try:
            application.close()
        except Exception as error:
            log.error("closing %s: %s", name, type(error).__name__)  # noqa: TRY400
            log.debug("traceback", exc_info=error)


def _fixed(program: Program) -> tuple[Any, ...]:
    """What a satellite is made with, and can't change."""
    settings = replace(program.settings, delivery={}, site_id=None)
    return settings, program.identity, program.observers
