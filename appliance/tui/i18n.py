# SPDX-License-Identifier: Apache-2.0
"""The console's languages. One process draws one console, so the language is the process's, as gettext has it.

`_` marks and translates a sentence of the console; `said` translates what the pure code below says (phrases.py).
"""

import gettext as _gettext
from pathlib import Path

from appliance.tui.node.carephrases import PHRASES as CARE
from appliance.tui.node.phrases import PHRASES as NODE
from appliance.tui.node.poolphrases import PHRASES as POOL
from appliance.tui.phrases import PHRASES, Phrase

LOCALE = Path(__file__).parent / "locale"
NAMES = {"en": "English", "zh_CN": "简体中文"}
_current: _gettext.NullTranslations = _gettext.NullTranslations()


def use(language: str) -> None:
    """Speak this language from now on."""
    global _current  # noqa: PLW0603 - see the module's docstring
    source = language == "en"  # the sentences in the code are English
    _current = _gettext.NullTranslations() if source else _gettext.translation("trivet", LOCALE, languages=[language])


def _(message: str) -> str:
    return _current.gettext(message) if message else ""


def N_(message: str) -> str:
    """Mark a sentence that is translated where it is shown."""
    return message


def ngettext(one: str, many: str, number: int) -> str:
    """One of two forms, by number."""
    return _current.ngettext(one, many, number)


def said(sentence: str) -> str:
    """A sentence of the pure code in the present language; as it is when no phrase knows it."""
    for phrase in (*PHRASES, *POOL, *NODE, *CARE):
        if (values := phrase.match(sentence)) is not None:
            return _fill(phrase, values)
    return sentence


def listed(text: str) -> str:
    """The same for what may be several things in a row, such as all that is on a disk."""
    if "; " in text:
        return _each(text, "; ", _("; "))
    whole = said(text)
    return _each(text, ", ", _(", ")) if whole == text else whole


def _each(text: str, separator: str, shown: str) -> str:
    """As it is when no phrase knows any of its parts."""
    parts = text.split(separator)
    words = [said(part) for part in parts]
    return text if words == parts else shown.join(words)


def lost(what: str) -> str:
    """A line of `Plan.destroys`: the disk, and what is on it."""
    disk, colon, contents = what.partition(": ")
    return _("{name}: {text}").format(name=listed(disk), text=listed(contents)) if colon else what


def _fill(phrase: Phrase, values: dict[str, str]) -> str:
    text = _(phrase.console)
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", listed(value) if name in phrase.nested else value)
    return text
