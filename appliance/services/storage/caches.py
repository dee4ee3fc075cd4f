# SPDX-License-Identifier: Apache-2.0
"""How often each read cache had what was asked for: the device mapper's own count, by the disk that stands behind it."""

from appliance.host.host import Host

_HITS, _LEAST = 7, 9
"""Words of a cache's status: NAME: START LENGTH cache BLOCK USED/ALL BLOCK USED/ALL HITS MISSES ..."""


def read(host: Host) -> dict[str, tuple[int, int]]:
    """Reads that the SSD answered and those that it did not, by the kernel's name of each disk that is under a cache.

    The SSD itself is under it, too: whoever asks knows which of the two it means.
    """
    result = host.run(["dmsetup", "status", "--target", "cache"], check=False)
    found: dict[str, tuple[int, int]] = {}
    if result.code:
        return found
    counts = parse(result.stdout)
    names = [name for name in host.files.list("/sys/block") if name.startswith("dm-")]
    maps = {host.files.read(f"/sys/block/{name}/dm/name") or "": name for name in names}
    for name, count in counts.items():
        for disk in _beneath(host, maps.get(name, "")):
            found[disk] = count
    return found


def parse(text: str) -> dict[str, tuple[int, int]]:
    """`dmsetup status --target cache` -> hits and misses by the map's name. A cache that failed says `Fail`, and is left out."""
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(": ")
        words = rest.split()
        if len(words) > _LEAST - 1 and words[2] == "cache":
            found[name] = (int(words[_HITS]), int(words[_HITS + 1]))
    return found


def _beneath(host: Host, name: str) -> set[str]:
    """The disks that a map stands on, through other maps and partitions."""
    if not name:
        return set()
    lower = host.files.list(f"/sys/block/{name}/slaves")
    found: set[str] = set()
    for each in lower:
        found |= _beneath(host, each) if each.startswith("dm-") else {whole(host, each)}
    return found


def whole(host: Host, name: str) -> str:
    """The disk that a partition is of; the name itself when it is none."""
    words = (host.files.real(f"/sys/class/block/{name}") or "").split("/")
    return words[words.index("block") + 1] if "block" in words[:-1] else name
