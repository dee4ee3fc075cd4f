# SPDX-License-Identifier: Apache-2.0
"""The first page: which language. It is drawn while the machine is still being looked at."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal, cast

from textual import on
from textual.app import ComposeResult

from appliance import __version__
from appliance.model.answer import RefusedAnswer
from appliance.tui import draft as drafts
from appliance.tui.i18n import NAMES, _, said
from appliance.tui.screens.base import Page, paragraph
from appliance.tui.widgets.choices import Choice, Choices
from appliance.tui.widgets.frame import Action, button


class LanguagePage(Page):
    """Both languages in their own words: who reads one of them finds it."""

    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("language",)

    def heading(self) -> str:
        return _("Language")

    def help(self) -> Sequence[str]:
        return (
            _("Choose the language of this console, here and on the node that is installed."),
            _("The arrow keys move, Space or Enter chooses. Tab goes to the next field, Ctrl+N to the next page, Esc back."),
            _("Nothing is changed on this machine before the last page, where you are asked for it in so many words."),
            _("F9 opens a root shell on this terminal; `exit` comes back here."),
            _("A screen that the kernel draws itself has no Chinese characters; a terminal on the serial line may have them."),
        )

    def actions(self) -> Iterable[Action]:
        return (Action(button("next"), id="next"),)

    def body(self) -> ComposeResult:
        terminal = self.console.terminal
        yield paragraph(_("This installs Trivet {version} on this server.").format(version=__version__), "lead")
        yield paragraph(_("You answer eight short pages. Nothing is changed before the last one."))
        if refused := self.console.live.refused() if self.console.live else None:
            yield from _refused(refused)
        choices = [Choice("en", NAMES["en"])]
        if terminal.chinese:
            choices.append(Choice("zh_CN", NAMES["zh_CN"]))
        else:
            choices.append(Choice("zh_CN", _("Chinese: this terminal cannot show it"), barred=True))
        yield Choices(choices, (self.console.draft.language,), id="language")

    @on(Choices.Changed, "#language")
    async def _chosen(self, event: Choices.Changed) -> None:
        language = cast("Literal['en', 'zh_CN']", event.chosen[0])
        if language != self.console.draft.language:
            self.console.speak(language)

    async def recompose(self) -> None:
        await super().recompose()
        self.query_one("#language").focus()

    def learned(self) -> None:
        """The title names the machine now; what one is choosing meanwhile stays under the cursor."""
        self.refresh(recompose=True)


def _refused(answer: RefusedAnswer) -> ComposeResult:
    found = _("The answer file was not followed: {source}").format(source=said(answer.source))
    yield paragraph(found if answer.source else _("There is no answer that can be followed:"), "lead")
    for problem in answer.problems:
        yield paragraph(f"! {said(str(problem))}", "wrong")
