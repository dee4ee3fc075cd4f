# SPDX-License-Identifier: Apache-2.0
"""Copying and hashing of bytes, with files in the place of devices."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from appliance.host import blocks


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 5000, blocks.BLOCK, blocks.BLOCK + 1, 3 * blocks.BLOCK + 8192 + 7])
def test_copy_copies_and_hashes(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "image").write_bytes(data + b"what comes after is not copied")
    (tmp_path / "slot").write_bytes(b"\xff" * (size + 9000))
    seen: list[tuple[int, int]] = []
    digest = blocks.copy_hashed(str(tmp_path / "image"), str(tmp_path / "slot"), size, lambda *p: seen.append(p))
    assert digest == hashlib.sha256(data).hexdigest()
    assert (tmp_path / "slot").read_bytes() == data + b"\xff" * 9000
    assert blocks.hash_bytes(str(tmp_path / "slot"), size) == digest
    assert [d for d, _ in seen] == sorted(d for d, _ in seen)
    assert not size or seen[-1] == (size, size)


def test_a_slow_hash_sees_every_block_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def __init__(self) -> None:
            self._real = hashlib.new("sha256")

        def update(self, block: memoryview) -> None:
            time.sleep(0.002)
            self._real.update(block)

        def hexdigest(self) -> str:
            return self._real.hexdigest()

    monkeypatch.setattr(blocks, "BLOCK", 4096)
    monkeypatch.setattr(blocks.hashlib, "sha256", Slow)
    data = os.urandom(4096 * 50 + 7)
    (tmp_path / "image").write_bytes(data)
    (tmp_path / "slot").write_bytes(b"")
    digest = blocks.copy_hashed(str(tmp_path / "image"), str(tmp_path / "slot"), len(data), lambda *_: None)
    assert digest == hashlib.new("sha256", data).hexdigest()
    assert (tmp_path / "slot").read_bytes() == data


def test_a_source_that_is_too_short_is_said(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"x" * 5000)
    (tmp_path / "slot").write_bytes(b"")
    with pytest.raises(OSError, match="it ends after 5000 of 5001 bytes"):
        blocks.copy_hashed(str(tmp_path / "image"), str(tmp_path / "slot"), 5001, lambda *_: None)
    with pytest.raises(OSError, match="it ends after 5000 of 9000 bytes"):
        blocks.hash_bytes(str(tmp_path / "image"), 9000)


def test_read_write_zero_size(tmp_path: Path) -> None:
    path = str(tmp_path / "disk")
    Path(path).write_bytes(b"a" * 100)
    blocks.write(path, 10, b"bcd")
    blocks.zero(path, 20, 5)
    blocks.flush(path)
    assert blocks.read(path, 9, 5) == b"abcda"
    assert blocks.read(path, 19, 7) == b"a" + bytes(5) + b"a"
    assert blocks.size(path) == 100
    assert blocks.read(path, 95, 50) == b"a" * 5


def test_a_hash_that_is_reported(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(2 * blocks.BLOCK))
    seen: list[tuple[int, int]] = []
    blocks.hash_bytes(str(tmp_path / "x"), 2 * blocks.BLOCK, lambda *p: seen.append(p))
    assert seen == [(blocks.BLOCK, 2 * blocks.BLOCK), (2 * blocks.BLOCK, 2 * blocks.BLOCK)]
