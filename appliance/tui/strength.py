# SPDX-License-Identifier: Apache-2.0
"""How hard a password is to guess, by zxcvbn: it knows words, names, dates and keyboards, and counts what a guesser would try."""

from appliance.tui.i18n import N_, _

_LONGEST = 72
"""Characters that are looked at: the time grows with the square, and nobody guesses longer ones."""
_WORDS = (
    N_("strength: very weak, guessed at once"),
    N_("strength: weak, guessed in minutes by who can try fast"),
    N_("strength: fair, it holds against trying at the login"),
    N_("strength: good"),
    N_("strength: very good"),
)


def load() -> None:
    """Read the word lists: 0.1 s and more, so before anybody waits for it."""
    import zxcvbn  # noqa: F401, PLC0415 - only the page of the password needs it


def score(password: str) -> int:
    """0 (guessed at once) to 4; -1 for none."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 - as above

    return int(zxcvbn(password[:_LONGEST])["score"]) if password else -1


def words(points: int) -> str:
    """The same in the console's language; "" for none."""
    return _(_WORDS[points]) if points >= 0 else ""
