"""What contracts.IdentityBackend promises: whole versions, private ones, and none that is lost."""

from __future__ import annotations

from ..contract import check
from ..expect import same
from .fields import Fields
from .saving import Saving
from .secrets import Secrets

__all__ = ["IdentityContract"]


class IdentityContract(Secrets, Saving, Fields):
    """Holds a contracts.IdentityBackend to its contract. Override `backend`: whatever it keeps belongs in `folder`.

    A backend that can't be written has to be made with something in it, and passes by refusing what would change it.
    """

    @check
    def test_a_satellite_keeps_its_keys_and_its_pin_in_it(self) -> None:
        """Joins the embedded hub twice, in the way of version 3: at first unknown, then as an old acquaintance."""
        from ....identity.state import Identity
        from ..conversation import conversation, talk

        self._writable()
        with conversation(self.credentials, "5.3.10a1", patience=self.patience) as talking:
            patterns = []
            for _ in range(2):
                state = Identity([self.backend()])
                with talking.satellite(identity=state) as satellite:
                    talk(satellite)
                    patterns.append(info.pattern if (info := satellite.status.info) else "")
        same(patterns, ["XXpsk2", "KKpsk0"], "the patterns of two links")
