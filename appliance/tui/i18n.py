# SPDX-License-Identifier: Apache-2.0
"""The console's languages. One process draws one console, so the language is the process's, as gettext has it.

`_` marks and translates a sentence of the console; `said` translates what the pure code below says (phrases.py).
"""

import gettext as _gettext
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from appliance.tui import clusterphrases, failures, phrases, rackphrases, refusals
from appliance.tui.node import boardphrases as board
from appliance.tui.node import carephrases as care
from appliance.tui.node import enginephrases as engines
from appliance.tui.node import phrases as node
from appliance.tui.node import poolphrases as pool
from appliance.tui.node import vmphrases as vms
from appliance.tui.phrases import ROWS, WHOLE, Phrase

LOCALE = Path(__file__).parent / "locale"
NAMES = {"en": "English", "zh_CN": "简体中文"}
_KNOWN = (
    *phrases.PHRASES, *node.PHRASES, *pool.PHRASES, *engines.PHRASES, *care.PHRASES, *refusals.PHRASES, *failures.PHRASES,
    *rackphrases.PHRASES, *vms.PHRASES, *clusterphrases.PHRASES, *board.PHRASES,
)  # fmt: skip
_PHRASES = sorted(_KNOWN, key=lambda each: -each.weight)
_PLACE = re.compile(r"[\w./\[\]-]+|line \d+(, column \d+)?|the document|the medium")
"""Where in a spec something is wrong."""
_CHILD = "trivet: "
"""With which the last words of a child begin."""
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


_SEPARATORS = {"; ": N_("{first}; {second}"), ": ": N_("{first}: {second}"), ", or ": N_("{first}, or {second}")}
_SPLITS = 6
"""At so many places a sentence is taken apart at most: an error has its place, its step, its reason and its remedy."""

_LONG = 200
"""No sentence is so long that stands within another one; a row of things may be."""


@dataclass(frozen=True)
class Reading:
    """A way to understand a sentence: as a phrase and what stands for its names, or as two sentences.

    `weight` is how many of its characters are the phrases' own: of several readings the one with most of them is meant.
    """

    weight: int
    phrase: Phrase | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[str, str] = ("", "")
    shown: str = ""


def said(sentence: str) -> str:
    """A sentence of the pure code in the present language; as it is when no phrase knows it."""
    sentence = sentence.removeprefix(_CHILD)
    reading = read(sentence)
    if reading is None:
        return sentence
    if reading.phrase is not None:
        return _fill(reading.phrase, reading.values)
    first, second = reading.parts
    key = "." in first and _PLACE.fullmatch(first) is not None  # a reason may be called like a place
    return _(reading.shown).format(first=first if key else said(first), second=said(second))


@lru_cache(maxsize=4096)
def read(sentence: str) -> Reading | None:
    """The best reading of a sentence; None when nothing of it is known.

    Errors come as `place: message; hint`, those of a step with its title before it.
    """
    return max((*_wholly(sentence), *_apart(sentence)), key=lambda reading: reading.weight, default=None)


def _wholly(sentence: str) -> Iterator[Reading]:
    for phrase in _PHRASES:
        if (values := phrase.match(sentence)) is not None:
            inside = (read(value) for name, value in values.items() if name in phrase.nested and len(value) < _LONG)
            yield Reading(phrase.weight + sum(each.weight for each in inside if each), phrase, values)
            return
    capital = sentence[:1].upper() + sentence[1:]  # the system's own words, within another sentence
    if capital != sentence:
        yield from _wholly(capital)


def _apart(sentence: str) -> Iterator[Reading]:
    for separator, shown in _SEPARATORS.items():
        for first, second in _halves(sentence, separator)[:_SPLITS]:
            one, other = read(first), read(second)
            place = separator == ": " and _PLACE.fullmatch(first) is not None
            if (other and place) or (one and (other or separator != ", or ")) or (other and separator == "; "):
                weight = (one.weight if one else 0) + (other.weight if other else 0)
                yield Reading(weight, parts=(first, second), shown=shown)


def _halves(sentence: str, separator: str) -> list[tuple[str, str]]:
    """What is in brackets belongs together."""
    found = ((sentence[: at.start()], sentence[at.end() :]) for at in re.finditer(re.escape(separator), sentence))
    return [(first, second) for first, second in found if first.count("(") <= first.count(")")]


def listed(text: str) -> str:
    """The same for what may be several things in a row, such as all that is on a disk."""
    if "; " in text:
        return _each(text, "; ", _("; "))
    whole = said(text)
    return _each(text, ", ", _(", ")) if whole == text else whole


def _each(text: str, separator: str, shown: str) -> str:
    """As it is when no phrase knows any of its parts."""
    parts = re.split(f"{separator}(?!not )", text)  # "size is 1 GiB, not 2 GiB" is one
    words = [lost(part) for part in parts] if separator == "; " else [said(part) for part in parts]
    return text if words == parts else shown.join(words)


def lost(what: str) -> str:
    """A line of `Plan.destroys`: the disk, and what is on it. A thing that no selector takes is said in the same way."""
    reading = read(what)
    if reading is not None and reading.phrase is not None:
        return said(what)
    thing, colon, contents = what.partition(": ")
    return _("{name}: {text}").format(name=listed(thing), text=listed(contents)) if colon else listed(what)


def _fill(phrase: Phrase, values: Mapping[str, str]) -> str:
    text = _(phrase.console)
    for name, value in values.items():
        inside = _row if name in ROWS else said if name in WHOLE else _inside
        text = text.replace(f"{{{name}}}", inside(value) if name in phrase.nested else value)
    return text


def _inside(value: str) -> str:
    """A sentence within another one."""
    return _each(value, "; ", _("; ")) if "; " in value else lost(value)


def _row(value: str) -> str:
    """Things with a word between the last two."""
    for word, shown in ((" and ", _(" and ")), (" or ", _(" or "))):
        if word in value:
            return shown.join(map(_row, value.split(word)))
    return _inside(value)
