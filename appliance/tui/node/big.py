# SPDX-License-Identifier: Apache-2.0
"""Letters that can be read from two metres: of half blocks in three lines, in ASCII of # in five. Pure."""

_FONT = {
    "A": ".#. #.# ### #.# #.#", "B": "##. #.# ##. #.# ##.", "C": ".## #.. #.. #.. .##", "D": "##. #.# #.# #.# ##.",
    "E": "### #.. ##. #.. ###", "F": "### #.. ##. #.. #..", "G": ".## #.. #.# #.# .##", "H": "#.# #.# ### #.# #.#",
    "I": "### .#. .#. .#. ###", "J": "..# ..# ..# #.# .#.", "K": "#.# #.# ##. #.# #.#", "L": "#.. #.. #.. #.. ###",
    "M": "#...# ##.## #.#.# #...# #...#", "N": "#..# ##.# #.## #..# #..#", "O": ".#. #.# #.# #.# .#.",
    "P": "##. #.# ##. #.. #..", "Q": ".#. #.# #.# ### .##", "R": "##. #.# ##. #.# #.#", "S": ".## #.. .#. ..# ##.",
    "T": "### .#. .#. .#. .#.", "U": "#.# #.# #.# #.# ###", "V": "#.# #.# #.# #.# .#.", "W": "#...# #...# #.#.# ##.## #...#",
    "X": "#.# #.# .#. #.# #.#", "Y": "#.# #.# .#. .#. .#.", "Z": "### ..# .#. #.. ###",
    "0": "### #.# #.# #.# ###", "1": ".#. ##. .#. .#. ###", "2": "### ..# ### #.. ###", "3": "### ..# ### ..# ###",
    "4": "#.# #.# ### ..# ..#", "5": "### #.. ### ..# ###", "6": "### #.. ### #.# ###", "7": "### ..# ..# ..# ..#",
    "8": "### #.# ### #.# ###", "9": "### #.# ### ..# ###",
    ".": ". . . . #", ":": ". # . # .", "-": "... ... ### ... ...", " ": ".. .. .. .. ..",
}  # fmt: skip
_HALVES = {"..": " ", "#.": "▀", ".#": "▄", "##": "█"}


def lines(text: str, *, utf8: bool) -> list[str]:
    """The text as lines, of the same length each; [] when there is a character that nobody has drawn."""
    glyphs = [_FONT.get(character, "").split() for character in text.upper()]
    if not glyphs or not all(glyphs):
        return []
    rows = [".".join(glyph[number] for glyph in glyphs) for number in range(5)]
    if not utf8:
        return [row.replace(".", " ") for row in rows]
    rows.append("." * len(rows[0]))
    return ["".join(_HALVES[a + b] for a, b in zip(*rows[y : y + 2], strict=True)) for y in (0, 2, 4)]


def height(*, utf8: bool) -> int:
    """How many lines that takes."""
    return 3 if utf8 else 5
