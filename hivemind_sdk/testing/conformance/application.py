"""What contracts.Application promises: it starts at once, on a satellite that may not be linked, and leaves nothing."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from ...contracts import Application
from ...settings import Credentials
from .contract import Contract, check
from .conversation import conversation, talk
from .expect import at_once, same
from .leaks import leftovers

_CREDENTIALS = Credentials("Sesame-4711-open", "sw0rdf1sh-4711")


class ApplicationContract(Contract):
    """Holds a contracts.Application to its contract. Override `application`."""

    credentials: ClassVar[Credentials] = _CREDENTIALS

    def application(self) -> Application:
        """A new one."""
        raise NotImplementedError

    @check
    def test_it_can_be_closed_before_it_starts_and_twice(self) -> None:
        application = self.application()
        for _ in range(2):
            at_once(application.close, "close()", self.patience)

    @check
    def test_it_starts_at_once_though_there_is_no_link(self) -> None:
        with conversation(self.credentials, patience=self.patience) as talking, talking.unlinked() as satellite:
            application = self.application()
            self.after(application.close)
            at_once(partial(application.start, satellite), "start()", self.patience)
            at_once(application.close, "close()", self.patience)

    @check
    def test_a_conversation_goes_on_beside_it_and_after_it(self) -> None:
        with conversation(self.credentials, patience=self.patience) as talking, talking.satellite() as satellite:
            application = self.application()
            self.after(application.close)
            at_once(partial(application.start, satellite), "start()", self.patience)
            talk(satellite, "beside it", patience=self.patience)
            at_once(application.close, "close()", self.patience)
            talk(satellite, "after it", patience=self.patience)

    @check
    def test_nothing_is_left_of_it(self) -> None:
        with conversation(self.credentials, patience=self.patience) as talking, talking.satellite() as satellite:
            talk(satellite, patience=self.patience)
            with leftovers(self.patience) as left:
                application = self.application()
                application.start(satellite)
                talk(satellite, "meanwhile", patience=self.patience)
                application.close()
                del application
                self.teardown_method()
        same(left, [], "threads and file descriptors that are left")
