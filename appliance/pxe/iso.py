# SPDX-License-Identifier: Apache-2.0
"""Where a file of an ISO 9660 image begins, and how long it is. Pure: who reads the image is handed in.

A file is one run of bytes there, so an ISO is served as it is: nothing is mounted, which takes root and a kernel module, and half
a gigabyte is not copied. Names are Rock Ridge's, as `images/iso.py` writes them; what that does not write is not read here.
"""

import struct
from collections.abc import Callable, Iterator

Read = Callable[[int, int], bytes]
"""offset, length -> bytes"""
_SECTOR = 2048
_DESCRIPTOR = 16 * _SECTOR
_ROOT_RECORD, _ROOT_END = 156, 190
_FOLDER, _MORE = 0x02, 0x80
_FIXED = 33
_HEADER = 4
_TALLEST, _LARGEST_FOLDER = 8, 2**20


def files(read: Read) -> dict[str, tuple[int, int]]:
    """Path -> (offset, length) of every file. ValueError for what is no ISO, or one that is damaged."""
    descriptor = read(_DESCRIPTOR, _SECTOR)
    if descriptor[:6] != b"\x01CD001":
        raise ValueError("it is no ISO 9660 image")
    try:
        offset, length = _extent(descriptor[_ROOT_RECORD:_ROOT_END])
        return dict(_walk(read, offset, length, "", 0))
    except (struct.error, IndexError, UnicodeDecodeError):
        raise ValueError("its folders are damaged") from None


def _extent(record: bytes) -> tuple[int, int]:
    """The little-endian halves of what is there in both byte orders."""
    (block,), (length,) = struct.unpack_from("<I", record, 2), struct.unpack_from("<I", record, 10)
    return block * _SECTOR, length


def _walk(read: Read, offset: int, length: int, above: str, depth: int) -> Iterator[tuple[str, tuple[int, int]]]:
    if depth > _TALLEST or length > _LARGEST_FOLDER:
        raise ValueError("its folders are damaged")
    data = read(offset, length)
    for record in list(_records(data))[2:]:  # the first two are the folder itself and the one above
        name, flags = _name(record), record[25]
        if flags & _MORE:
            raise ValueError(f"{above}{name} is in several pieces")
        if flags & _FOLDER:
            yield from _walk(read, *_extent(record), f"{above}{name}/", depth + 1)
        else:
            yield above + name, _extent(record)


def _records(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        length = data[at]
        if length == 0:  # no record goes over the end of a sector
            at = (at // _SECTOR + 1) * _SECTOR
            continue
        if length < _FIXED + 1:
            raise ValueError("its folders are damaged")
        yield data[at : at + length]
        at += length


def _name(record: bytes) -> str:
    """Rock Ridge's (entries NM in what follows the short name), or the short one."""
    length = record[32]
    at, long = _FIXED + length + (length + 1) % 2, b""
    while at + _HEADER <= len(record):
        kind, size = record[at : at + 2], record[at + 2]
        if size < _HEADER:
            break
        if kind == b"NM":
            long += record[at + 5 : at + size]
        at += size
    return long.decode() if long else record[_FIXED : _FIXED + length].decode().partition(";")[0].lower()
