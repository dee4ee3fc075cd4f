# SPDX-License-Identifier: Apache-2.0
"""How a host asks etcd: it takes time both ways, nobody may be there, and the answer may be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from appliance.cluster.state import Compare

if TYPE_CHECKING:
    from tests.sim.world import World


class Questions:
    world: World
    reaches_etcd: bool
    frozen: bool
    life: int
    agent: int
    """Counts starts of the agent: an answer to the one before is nobody's."""
    _held: list[Callable[[], None]]

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Done by this host: not before it goes on, when it is frozen by then, and never in another life."""
        life = self.life

        def go() -> None:
            if self.life != life:
                return
            if self.frozen:
                self._held.append(go)
            else:
                what()

        self.world.at(seconds, go)

    def ask(self, question: Callable[[], Any], answer: Callable[[Any], None]) -> None:
        """`question` takes place in etcd, `answer` here: None when nobody answered, which may be after it took place."""
        world, agent = self.world, self.agent

        def heard(said: Any) -> None:
            if self.agent == agent:
                answer(said)

        def there() -> None:
            if world.now < world.stalled:
                world.at(world.stalled - world.now + world.delay(), there)
                return
            if not self.reaches_etcd:
                self.later(world.timers.answer, lambda: heard(None))
                return
            said = question()
            lost = world.random.random() < world.options.lost_answers
            self.later(world.timers.answer if lost else world.delay(), lambda: heard(None if lost else said))

        world.at(world.delay(), there)

    def txn(
        self, compares: Iterable[Compare], puts: Mapping[str, Any], answer: Callable[[bool | None], None], lease: int = 0
    ) -> None:
        wanted = tuple(compares)
        self.ask(lambda: self.world.etcd.txn(self.world.now, wanted, puts, lease), answer)
