# SPDX-License-Identifier: Apache-2.0
"""A menu of what is there now: read in a worker when it is opened, and every few seconds while it is there."""

from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from appliance.tui.i18n import _, said
from appliance.tui.node import reading
from appliance.tui.node.pages.menu import Items, Menu
from appliance.tui.screens.base import paragraph

Found = TypeVar("Found")
_SECONDS = 3.0


class Looking(Menu, Generic[Found]):
    """`found` is what is known already: who types ahead meets no empty page."""

    BINDINGS: ClassVar = [("f5", "again")]

    def __init__(self, found: Found | None = None) -> None:
        super().__init__()
        self._found = found
        self._trouble = ""
        self._reading = False

    def look(self) -> Found:
        """In a worker."""
        raise NotImplementedError

    def keys(self) -> list[tuple[str, str]]:
        return [*super().keys()[:3], ("F10", _("Log out"))]

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_SECONDS, self.action_again)
        self.action_again()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.action_again()

    def action_again(self) -> None:
        """Look once more, unless somebody does so just now."""
        if self.is_current and not self._reading:
            self._reading = True
            self.run_worker(self._read, thread=True)

    def _read(self) -> None:
        found, trouble = None, ""
        try:
            found = self.look()
        except Exception as error:  # whatever it is, it is said here: a list that cannot be read is no reason to die
            trouble = reading.plain(error)
        self.app.call_from_thread(self._saw, found, trouble)

    def _saw(self, found: Found | None, trouble: str) -> None:
        self._reading = False
        if (found, trouble) == (self._found, self._trouble) or not self.is_attached:
            return
        under = self._under_the_cursor() if self._found is not None else []
        self._found, self._trouble = found, trouble
        keys = [item.label for item in self.items()]
        self._at = next((at for at, label in enumerate(keys) if label.split()[:1] == under), 0)
        self.refresh(recompose=True)

    def _under_the_cursor(self) -> list[str]:
        """The first word of that line: the lines may come and go while somebody reads them."""
        items = [item for each in self.query(Items) for item in each.items]
        return items[self._at].label.split()[:1] if self._at < len(items) else []

    def missing(self) -> str:
        """Why there is nothing to be shown, or ""."""
        if self._trouble:
            return said(self._trouble)
        return "" if self._found is not None else _("Looking at this machine ...")


class Listing(Looking[Found]):
    """A line for each thing that was found, and below them what else is known of the one under the cursor."""

    def above(self, found: Found) -> ComposeResult:
        """What stands over the lines."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        items = list(self.items())
        at = min(self._at, len(items) - 1)
        self._was_on_trial = self.node.seen.reverts_in is not None
        with Vertical(id="listing"):
            if text := self.missing():
                yield paragraph(f"! {text}" if self._trouble else text, "wrong" if self._trouble else "")
            elif self._found is not None:
                yield from self.above(self._found)
            yield Items(items, at)
            yield Static(Content(items[at].about), id="about")
