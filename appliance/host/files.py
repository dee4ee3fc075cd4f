# SPDX-License-Identifier: Apache-2.0
"""The files door of a running machine, or of a tree that stands for one."""

import os
from pathlib import Path

_LINKS_MAX = 40  # as many as the kernel follows

_KERNEL = ("/proc/", "/sys/")  # their files are knobs of the kernel: there is nothing to rename over them


class LiveFiles:
    """Files below `root`. Absolute links inside are links within that root, so nothing outside is ever touched."""

    def __init__(self, root: str = "/") -> None:
        self._root = os.path.realpath(root)

    def read(self, path: str) -> str | None:
        data = self._bytes(path)
        return None if data is None else data.decode(errors="replace").rstrip()

    def read_hex(self, path: str, length: int = -1) -> str | None:
        data = self._bytes(path, length)
        return None if data is None else data.hex()

    def link(self, path: str) -> str | None:
        try:
            return os.readlink(self._entry(path))
        except (OSError, ValueError):
            return None

    def real(self, path: str) -> str | None:
        try:
            found = self._resolve(path)
        except OSError:
            return None
        return found if os.path.lexists(self._at(found)) else None

    def list(self, path: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(os.listdir(self._at(self._resolve(path)))))
        except OSError:
            return ()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        target = Path(self._entry(path))
        if path.startswith(_KERNEL):
            target.write_text(text, encoding="utf-8")
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(f".{target.name}.new")
        new.unlink(missing_ok=True)
        # The mode holds from the first byte on: a secret is never readable, not even while it is being written.
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
        _sync_folder(target.parent)

    def remove(self, path: str) -> None:
        target = Path(self._entry(path))
        target.unlink(missing_ok=True)
        if target.parent.is_dir():
            _sync_folder(target.parent)

    def _bytes(self, path: str, length: int = -1) -> bytes | None:
        try:
            # Unbuffered: a file of /sys answers a single read, and one attempt at a broken one is enough.
            with open(self._at(self._resolve(path)), "rb", buffering=0) as file:
                return file.readall() if length < 0 else file.read(length)
        except (OSError, ValueError):
            return None

    def _at(self, path: str) -> str:
        return path if self._root == "/" else self._root + path

    def _entry(self, path: str) -> str:
        """Where the last component itself is, be it a link or not: its folder with all links followed."""
        folder, name = os.path.split(os.path.normpath(path))
        return os.path.join(self._at(self._resolve(folder)), name)

    def _resolve(self, path: str) -> str:
        """The path inside the root with all links followed, as the machine itself would follow them."""
        if self._root == "/":
            return os.path.realpath(path)
        todo, done, links = [p for p in reversed(path.split("/")) if p], "", 0
        while todo:
            part = todo.pop()
            if part in (".", ".."):
                done = os.path.dirname(done).rstrip("/") if part == ".." else done
                continue
            here = f"{done}/{part}"
            if not os.path.islink(self._at(here)):
                done = here
                continue
            links += 1
            if links > _LINKS_MAX:
                raise OSError(f"too many links in {path}")
            target = os.readlink(self._at(here))
            done = "" if target.startswith("/") else done
            todo += [p for p in reversed(target.split("/")) if p]
        return done or "/"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
