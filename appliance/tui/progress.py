# SPDX-License-Identifier: Apache-2.0
"""What the events of an installation have said so far: a record that each event makes anew. Pure."""

from dataclasses import dataclass, replace

from appliance.model.events import Event, Failed, Finished, Output, Progress, Started

_KEPT = 200


@dataclass(frozen=True)
class Work:
    """Step `index` of `total`, called `title`; in it `done` of `size` bytes at `rate` bytes a second, `size` 0 without bytes.

    `steps` are the titles of those that are in effect, `lines` the last things that commands printed.
    """

    index: int = 0
    total: int = 0
    title: str = ""
    done: int = 0
    size: int = 0
    rate: int = 0
    steps: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    failed: Failed | None = None

    @property
    def complete(self) -> bool:
        """Are all steps in effect?"""
        return bool(self.total) and len(self.steps) == self.total

    @property
    def left(self) -> int | None:
        """Seconds that this step still takes at its rate; None when nobody can say."""
        return round((self.size - self.done) / self.rate) if self.rate and self.size else None

    def after(self, event: Event) -> "Work":
        """The record with one more event."""
        match event:
            case Started():
                return replace(self, index=event.index, total=event.total, title=event.title, done=0, size=0, rate=0)
            case Progress():
                return replace(self, done=event.done, size=event.total, rate=event.rate)
            case Output():
                return replace(self, lines=(*self.lines, event.line)[-_KEPT:])
            case Finished():
                return replace(self, steps=(*self.steps, self.title), done=self.size)
            case Failed():
                return replace(self, failed=event)
