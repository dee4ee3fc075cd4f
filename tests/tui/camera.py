# SPDX-License-Identifier: Apache-2.0
"""Read a QR code off a terminal, as a camera would: written after ISO/IEC 18004, and knows nothing of how it was drawn.

What the console draws has no dirt and is of error correction level L, so nothing is corrected here.
"""

from collections.abc import Iterator, Sequence

_DARK = {"█": (False, False), "▀": (False, True), "▄": (True, False), " ": (True, True)}
_QUIET = 4
_LEVEL_L = 0b01
_BLOCKS = (
    ((1, 19),), ((1, 34),), ((1, 55),), ((1, 80),), ((1, 108),), ((2, 68),), ((2, 78),), ((2, 97),), ((2, 116),),
    ((2, 68), (2, 69)), ((4, 81),), ((2, 92), (2, 93)), ((4, 107),), ((3, 115), (1, 116)), ((5, 87), (1, 88)),
    ((5, 98), (1, 99)), ((1, 107), (5, 108)), ((5, 120), (1, 121)), ((3, 113), (4, 114)), ((3, 107), (5, 108)),
)  # fmt: skip
"""Of each version from 1: how many blocks of how many data codewords."""
_MASKS = (
    lambda y, x: (y + x) % 2, lambda y, x: y % 2, lambda y, x: x % 3, lambda y, x: (y + x) % 3,
    lambda y, x: (y // 2 + x // 3) % 2, lambda y, x: y * x % 2 + y * x % 3, lambda y, x: (y * x % 2 + y * x % 3) % 2,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2,
)  # fmt: skip
Modules = Sequence[Sequence[bool]]


def read(lines: Sequence[str]) -> str:
    """The text of the code that these lines of a terminal show."""
    rows = [[_DARK[character][half] for character in line] for line in lines for half in (0, 1)]
    size = len(rows[0]) - 2 * _QUIET
    inside = range(_QUIET, _QUIET + size)
    light = [row[x] for y, row in enumerate(rows) for x in range(len(row)) if y not in inside or x not in inside]
    assert not any(light), "a camera needs the light around it"
    modules = [row[_QUIET : _QUIET + size] for row in rows[_QUIET : _QUIET + size]]
    version = (size - 17) // 4
    data = _data(_codewords(modules, version), version)
    return _text("".join(f"{byte:08b}" for byte in data), version)


def _format(modules: Modules) -> tuple[int, int]:
    """Level and mask: 15 bits around the corner above on the left, of which the first five say it."""
    places = [(8, 0), (8, 1), (8, 2), (8, 3), (8, 4)]
    bits = int("".join(str(int(modules[y][x])) for y, x in places), 2) ^ 0b10101
    return bits >> 3, bits & 0b111


def _codewords(modules: Modules, version: int) -> list[int]:
    """Column pair by column pair, from the right, up and down in turns."""
    level, mask = _format(modules)
    assert level == _LEVEL_L
    bits = [modules[y][x] ^ (_MASKS[mask](y, x) == 0) for y, x in _way(len(modules), version)]
    whole = len(bits) // 8 * 8
    return [int("".join(str(int(bit)) for bit in bits[i : i + 8]), 2) for i in range(0, whole, 8)]


def _way(size: int, version: int) -> Iterator[tuple[int, int]]:
    up = True
    columns = [x if x > 6 else x - 1 for x in range(size - 1, 0, -2)]  # the sixth column is a ruler
    for right in columns:
        for y in reversed(range(size)) if up else range(size):
            for x in (right, right - 1):
                if not _own(y, x, size, version):
                    yield y, x
        up = not up


def _own(y: int, x: int, size: int, version: int) -> bool:
    """Belongs to a pattern, not to the data?"""
    if y == 6 or x == 6 or (y < 9 and (x < 9 or x >= size - 8)) or (y >= size - 8 and x < 9):
        return True
    if version >= 7 and ((y < 6 and x >= size - 11) or (x < 6 and y >= size - 11)):
        return True
    centres = _centres(size, version)
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    return any(abs(y - a) <= 2 and abs(x - b) <= 2 for a in centres for b in centres if (a, b) not in corners)


def _centres(size: int, version: int) -> list[int]:
    """Rows and columns of the small squares: even steps from the last one, the first step takes what is left."""
    if version == 1:
        return []
    number = version // 7 + 2
    step = -(-(size - 13) // (number - 1) // 2) * 2 if version != 32 else 26
    return [6, *sorted(size - 7 - step * i for i in range(number - 1))]


def _data(codewords: list[int], version: int) -> list[int]:
    """The blocks, one after the other: on the code a codeword of each stands beside those of the others."""
    sizes = [length for count, length in _BLOCKS[version - 1] for _ in range(count)]
    blocks: list[list[int]] = [[] for _ in sizes]
    stream = iter(codewords)
    for place in range(max(sizes)):
        for block, length in zip(blocks, sizes, strict=True):
            if place < length:
                block.append(next(stream))
    return [byte for block in blocks for byte in block]


def _text(bits: str, version: int) -> str:
    assert bits[:4] == "0100", "bytes"
    digits = 8 if version < 10 else 16
    length, start = int(bits[4 : 4 + digits], 2), 4 + digits
    return bytes(int(bits[start + 8 * i : start + 8 * i + 8], 2) for i in range(length)).decode()
