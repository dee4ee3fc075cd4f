# SPDX-License-Identifier: Apache-2.0
"""A text as a QR code of half blocks, two modules in a character. Pure.

What is light is drawn, what is dark is left out: on a terminal without colours the ground is dark. Four light modules around
it are part of the code: a camera finds it by them.
"""

_HALVES = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
"""By what is dark: the upper module, the lower one."""
_MOST = 2953
"""Bytes that the largest code holds."""


def lines(text: str) -> tuple[str, ...]:
    """Of the same length each; () when the text is too long for any code."""
    import qrcode  # noqa: PLC0415 - few ask for it, and it takes its time
    from qrcode.util import MODE_8BIT_BYTE, QRData  # noqa: PLC0415 - the same

    data = text.encode()
    if len(data) > _MOST:
        return ()
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_L)  # a screen has no dirt on it
    code.add_data(QRData(data, mode=MODE_8BIT_BYTE))
    rows: list[list[bool]] = code.get_matrix()  # with the light around it
    rows.append([False] * len(rows[0]))  # their number is odd
    pairs = (zip(*rows[y : y + 2], strict=True) for y in range(0, len(rows), 2))
    return tuple("".join(_HALVES[pair] for pair in line) for line in pairs)
