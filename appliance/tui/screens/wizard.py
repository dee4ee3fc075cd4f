# SPDX-License-Identifier: Apache-2.0
"""The order of the pages."""

from appliance.tui.screens.admin import AdminPage
from appliance.tui.screens.base import Page
from appliance.tui.screens.consent import ConsentPage
from appliance.tui.screens.disk import DiskPage
from appliance.tui.screens.language import LanguagePage
from appliance.tui.screens.machine import MachinePage
from appliance.tui.screens.network import NetworkPage
from appliance.tui.screens.node import NodePage
from appliance.tui.screens.plan import PlanPage

PAGES: tuple[type[Page], ...] = (
    LanguagePage, MachinePage, DiskPage, NetworkPage, NodePage, AdminPage, PlanPage, ConsentPage,
)  # fmt: skip
"""Those that one goes through, forward and back. Progress and its end come after, and have no way back."""


def number_of(page: type[Page]) -> tuple[int, int]:
    """Which page of how many; (0, 0) for one that is not counted."""
    return (PAGES.index(page) + 1, len(PAGES)) if page in PAGES else (0, 0)


def neighbour(page: type[Page], by: int) -> type[Page] | None:
    """The page before or after; None at the ends."""
    index = PAGES.index(page) + by
    return PAGES[index] if 0 <= index < len(PAGES) else None
