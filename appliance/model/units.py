# SPDX-License-Identifier: Apache-2.0
"""Sizes and speeds as people write them, and comparisons over them.

Sizes are integers of bytes; speeds are integers of Mbit/s. Both forms of prefix are taken: GiB is 2**30, GB is 10**9.
"""

import operator
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_BINARY = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}
_DECIMAL = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
_SIZES = {name.lower(): factor for name, factor in (_BINARY | _DECIMAL).items()}
_SPEEDS = {"": 1, "m": 1, "mbit/s": 1, "g": 1000, "gbit/s": 1000}
_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z/]*)\s*", re.IGNORECASE)
_COMPARISON = re.compile(r"\s*(>=|<=|>|<|==|=)?\s*(.+?)\s*")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq, "=": operator.eq,
}  # fmt: skip


def _parse(value: object, units: dict[str, int], example: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    factor = units.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"{value!r} is not understood; write it like {example}")
    return round(float(match[1]) * factor)


def parse_size(value: object) -> int:
    """Bytes of "500GB", "1.5 TiB" or a plain number. ValueError says what would be right."""
    return _parse(value, _SIZES, '"4GiB" or "500GB"')


def parse_seconds(value: object) -> int:
    """Seconds from "60s", "2m", "1h" or a number."""
    return _parse(value, {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}, "60s or 2m")


def parse_speed(value: object) -> int:
    """Mbit/s of "10G", "25 Gbit/s" or a plain number of Mbit/s."""
    return _parse(value, _SPEEDS, '"10G" or 1000 (Mbit/s)')


def format_size(size: int) -> str:
    """The largest binary unit that keeps at least 1 before the point: 1.8 TiB, 512 B."""
    for name, factor in reversed(_BINARY.items()):
        if name and size >= factor:
            value = size / factor
            return f"{value:.0f} {name}" if value == int(value) or value >= 100 else f"{value:.1f} {name}"  # noqa: PLR2004 - three digits are enough
    return f"{size} B"


def format_speed(mbits: int) -> str:
    """10 Gbit/s, 100 Mbit/s."""
    return f"{mbits / 1000:g} Gbit/s" if mbits >= 1000 else f"{mbits} Mbit/s"  # noqa: PLR2004 - Mbit to Gbit


def _split(text: object, parse: Callable[[object], int]) -> tuple[str, int]:
    match = _COMPARISON.fullmatch(str(text))
    if match is None:
        raise ValueError('a comparison is empty; write it like ">= 1TiB"')
    value: object = int(match[2]) if match[2].isdigit() else match[2]
    return match[1] or "==", parse(value)


def compare(text: str, observed: int, parse: Callable[[object], int]) -> bool:
    """Does `observed` satisfy a comparison such as ">= 1TiB"? A bare value means equality."""
    op, wanted = _split(text, parse)
    return _OPERATORS[op](observed, wanted)


def _checked(parse: Callable[[object], int]) -> Callable[[object], str]:
    def check(value: object) -> str:
        _split(value, parse)
        return str(value)

    return check


Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(lambda v: v, return_type=int)]
SizeComparison = Annotated[str, BeforeValidator(_checked(parse_size))]
SpeedComparison = Annotated[str, BeforeValidator(_checked(parse_speed))]
