# SPDX-License-Identifier: Apache-2.0
"""Four easy words, which a person reads on one screen and types on another.

The list is the English one of BIP 39 (MIT licence, Copyright 2013-2016 Pavol Rusnak): 2048 words, no two of which begin with the
same four letters. Four of them are 44 bits: with three attempts in ten minutes nobody guesses them.
"""

import difflib
import re
import secrets
from functools import cache
from importlib.resources import files

from appliance.errors import ApplianceError

COUNT = 4


@cache
def every() -> tuple[str, ...]:
    """The whole list."""
    return tuple(files(__package__).joinpath("words.txt").read_text(encoding="ascii").split())


def choose() -> str:
    """Four words by chance."""
    return " ".join(secrets.choice(every()) for _ in range(COUNT))


def normal(text: str) -> str:
    """The words as they are compared, however they were typed; four letters of each are enough.

    ApplianceError says which is none.
    """
    typed = re.split(r"[\s,.-]+", text.strip().lower())
    known = {word[:4]: word for word in every()} | {word: word for word in every()}
    for word in typed:
        if word not in known:
            near = difflib.get_close_matches(word, every(), n=1)
            hint = f"did you mean {near[0]}?" if near else "read it again on the other screen"
            raise ApplianceError(f"{word!r} is none of the words", hint)
    if len(typed) != COUNT:
        raise ApplianceError(f"these are {len(typed)} words, and there are {COUNT}", "read them again on the other screen")
    return " ".join(known[word] for word in typed)
