# SPDX-License-Identifier: Apache-2.0
"""Python's search for memory that nobody holds any more, when nobody waits for the screen.

By itself it comes after so many objects were made, which is in the middle of drawing a page: with all of Textual to look
through it takes a tenth of a second and more, and the key that was hit meanwhile waits. What the program has once it has started
stays until its end, so it is looked through once and never again; the rest is looked through while no key is hit.
"""

import gc

FEW = 2_000
"""Objects made since the last search, for which another one is not worth it."""
MANY = 500_000
"""So many that it cannot wait until somebody stops typing: some 50 MiB."""
CALM = 0.7
"""Seconds without a key after which nobody is taken to wait."""


class Keeper:
    """Begun when the program has drawn its first page, ended with it: other programs of the same process have their own way."""

    def __init__(self) -> None:
        self._begun = False

    def begin(self) -> None:
        """From now on it is searched for when `look` says so."""
        self._begun = True
        gc.collect()
        gc.freeze()
        gc.disable()

    def look(self, calm: float) -> bool:
        """Search, if there is something to be found and nobody has hit a key for `calm` seconds. Has it been done?"""
        made = gc.get_count()[0]
        due = self._begun and (made > MANY or (made > FEW and calm > CALM))
        if due:
            gc.collect()
        return due

    def end(self) -> None:
        """As Python does by itself."""
        if self._begun:
            self._begun = False
            gc.unfreeze()
            gc.enable()
