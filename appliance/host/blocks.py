# SPDX-License-Identifier: Apache-2.0
"""Bytes of block devices and image files: copy, hash, read, write, zero. As fast as `dd`, and past the page cache.

Reading, hashing and writing overlap, since read(2), write(2) and SHA-256 all run without Python's lock: some blocks are
read ahead, and some wait for the hash, so that none of the three waits for a hiccup of another. With O_DIRECT what is
read back comes from the disk and not from memory; where a file system has none (tmpfs), buffered I/O does, and what is
cached is given up before it is read.
"""

import hashlib
import mmap
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self

BLOCK = 4 * 2**20
_ALIGN = 4096
_AHEAD, _BEHIND = 2, 3  # blocks that are read before they are asked for, and that may be hashed after they were given
_BUFFERS = _AHEAD + 1 + _BEHIND

OnProgress = Callable[[int, int], None]


def copy_hashed(source: str, target: str, size: int, on_progress: OnProgress) -> str:
    """Copy the first `size` bytes of a file onto a device, and make them durable. The SHA-256 of what was copied.

    OSError when the source is shorter or the target is full.
    """
    done = 0
    with _opened(source, os.O_RDONLY) as reading, _writing(target) as write, _Sha256() as digest:
        for block in _blocks(reading, source, size):
            digest.update(block)
            write(block, done)
            done += len(block)
            on_progress(done, size)
    flush(target)
    return digest.hex


def hash_bytes(path: str, size: int, on_progress: OnProgress | None = None) -> str:
    """The SHA-256 of the first `size` bytes, read from the medium itself. OSError when there are fewer."""
    done = 0
    with _opened(path, os.O_RDONLY, direct=True) as reading, _Sha256() as digest:
        for block in _blocks(reading, path, size):
            digest.update(block)
            done += len(block)
            if on_progress:
                on_progress(done, size)
    return digest.hex


def read(path: str, offset: int, length: int) -> bytes:
    """As many bytes as there are, up to `length`."""
    with _opened(path, os.O_RDONLY) as descriptor:
        return os.pread(descriptor, length, offset)


def write(path: str, offset: int, data: bytes) -> None:
    """Write bytes into a device, durably when this returns."""
    with _opened(path, os.O_WRONLY) as descriptor:
        _write_all(descriptor, memoryview(data), offset)
        os.fsync(descriptor)


def zero(path: str, offset: int, length: int) -> None:
    """Write zeros, in one go where they are few: what is erased is erased at once."""
    write(path, offset, bytes(length))


def size(path: str) -> int:
    """Bytes of a device or a file."""
    with _opened(path, os.O_RDONLY) as descriptor:
        return os.lseek(descriptor, 0, os.SEEK_END)


def flush(path: str) -> None:
    """All that was written to it, by whomever, is on the medium, and is read from there from now on."""
    with _opened(path, os.O_RDONLY) as descriptor:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def _opened(path: str, flags: int, *, direct: bool = False) -> Iterator[int]:
    flags |= os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | (os.O_DIRECT if direct else 0))
    except OSError:
        if not direct:
            raise
        descriptor = os.open(path, flags)  # tmpfs, overlayfs: no O_DIRECT there
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _writing(path: str) -> Iterator[Callable[[memoryview, int], None]]:
    """A function that writes a block at an offset: whole sectors past the cache, a tail through it."""
    with _opened(path, os.O_WRONLY, direct=True) as direct, _opened(path, os.O_WRONLY) as buffered:

        def write_block(block: memoryview, offset: int) -> None:
            whole = len(block) // _ALIGN * _ALIGN
            _write_all(direct, block[:whole], offset)
            _write_all(buffered, block[whole:], offset + whole)

        yield write_block
        os.fsync(buffered)


def _write_all(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


class _Sha256:
    """A hash that works in a thread of its own, at most _BEHIND blocks behind."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def update(self, block: memoryview) -> None:
        """Take a block, which stays as it is until _BEHIND more were given."""
        self._waiting.append(self._pool.submit(self._digest.update, block))
        if len(self._waiting) > _BEHIND:
            self._waiting.popleft().result()

    @property
    def hex(self) -> str:
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()  # waits for the blocks that are left


def _blocks(descriptor: int, path: str, size: int) -> Iterator[memoryview]:
    """The first `size` bytes in blocks, each in memory that stays as it is until _BEHIND + 1 more were asked for."""
    buffers = [memoryview(mmap.mmap(-1, BLOCK)) for _ in range(_BUFFERS)]  # mmap: aligned, as O_DIRECT wants it

    def fill(number: int) -> memoryview:
        offset = number * BLOCK
        wanted, buffer, got = min(BLOCK, size - offset), buffers[number % _BUFFERS], 0
        while got < wanted:
            # Whole blocks are asked for even at the end: O_DIRECT reads no half sector.
            count = os.preadv(descriptor, [buffer[got:]], offset + got)
            if count == 0:
                raise OSError(0, f"it ends after {offset + got} of {size} bytes", path)
            got += count
        return buffer[:wanted]

    total = -(-size // BLOCK)
    with ThreadPoolExecutor(1) as pool:
        ahead = deque(pool.submit(fill, number) for number in range(min(_AHEAD, total)))
        for number in range(total):
            block = ahead.popleft().result()
            if number + _AHEAD < total:
                ahead.append(pool.submit(fill, number + _AHEAD))
            yield block
