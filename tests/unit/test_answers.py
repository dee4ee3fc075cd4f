# SPDX-License-Identifier: Apache-2.0
"""Where an answer is looked for, in what order, and what is said when there is none. No network: see tests/engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from appliance.errors import AnswerError
from appliance.host.host import Host, Result, UdevDevice
from appliance.installer import fetch, media, stick
from appliance.installer.answers import Finder, Options, options

PIN = "ab" * 32


@dataclass
class Bench:
    """A machine of plain values."""

    labels: tuple[dict[str, str], ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    fat: str | None = None
    addresses_: tuple[dict[str, Any], ...] = ({"link": "x", "address": "192.0.2.5/24", "scope": "global"},)
    carrier: bool = True
    slept: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def read(self, path: str) -> str | None:
        return self.texts.get(path)

    def __call__(self, argv: list[str], **_: object) -> Result:
        if argv[0] == "mtype" and self.fat is not None:
            return Result(0, self.fat, "")
        return Result(1, "", "not found")

    def devices(self, _: str) -> tuple[UdevDevice, ...]:
        return tuple(
            UdevDevice(path=p.get("PATH", f"/sys/{n}"), subsystem="block", node=f"/dev/n{n}", properties=p)
            for n, p in enumerate(self.labels)
        )

    def settle(self) -> None:
        """Nothing is under way."""

    def addresses(self) -> tuple[dict[str, Any], ...]:
        return self.addresses_

    def links(self) -> tuple[dict[str, Any], ...]:
        return ({"name": "lo", "carrier": True}, {"name": "x", "carrier": self.carrier})

    def finder(self, wish: Options) -> Finder:
        host = Host(files=self, run=self, udev=self, netlink=self)  # type: ignore[arg-type]
        return Finder(host, wish, lambda: "{}", self.said.append, self.slept.append)


FAT = {"ID_FS_LABEL": "TRIVET-SPEC", "ID_FS_TYPE": "vfat", "ID_MODEL": "Cruzer_Blade"}


def test_the_kernels_line() -> None:
    line = "BOOT_IMAGE=/live/vmlinuz root=live:CDLABEL=TRIVET trivet.mode=unattended trivet.answer=https://a.example/x?y=1"
    assert options(line) == Options("unattended", "https://a.example/x?y=1", "")
    assert options("quiet") == Options()
    colons = ":".join(["AB"] * 32)
    assert options(f"trivet.answer=https://a trivet.answer.fingerprint=sha256:{colons}").fingerprint == PIN
    assert options('x="a b" trivet.mode=install trivet.mode=rescue').mode == "rescue"
    assert options("trivet.mode=install it's").mode == "install"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("trivet.mode=instal", "trivet.mode=instal is not known; it is one of install, unattended"),
        ("trivet.answer=ftp://a", "trivet.answer=ftp://a is no address; it begins with http://"),
        ("trivet.answer=https://a trivet.answer.fingerprint=sha256:12", "fingerprint=sha256:12 is no fingerprint"),
        (f"trivet.answer=http://a trivet.answer.fingerprint=sha256:{PIN}", "trivet.answer is not an https address"),
    ],
)
def test_what_cannot_be_meant(line: str, said: str) -> None:
    with pytest.raises(AnswerError, match=said):
        options(line)


def test_the_volume_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "post", lambda *_, **__: "from the server")
    bench = Bench(labels=(FAT,), fat="from the stick", texts={media.MEDIUM: "from the medium"})
    answer = bench.finder(Options(url="http://a")).find()
    assert answer == media.Answer("from the stick", "spec.yaml on the volume TRIVET-SPEC (Cruzer Blade)")
    bench.labels = ()
    assert bench.finder(Options(url="http://a")).find() == media.Answer("from the server", "http://a")
    assert bench.finder(Options()).find() == media.Answer("from the medium", "spec.yaml on the installation medium")
    bench.texts = {}
    assert bench.finder(Options()).find() is None


def test_a_stick_that_is_its_own_first_partition_is_one_volume() -> None:
    bench = Bench(labels=(FAT | {"PATH": "/sys/sdb"}, FAT | {"PATH": "/sys/sdb/sdb1"}), fat="the spec")
    answer = bench.finder(Options()).find()
    assert answer is not None
    assert answer.text == "the spec"


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ((FAT, FAT), "2 volumes labelled TRIVET-SPEC: Cruzer Blade, Cruzer Blade; leave one"),
        ((FAT,), "on Cruzer Blade has no file spec.yaml"),
        ((FAT | {"ID_FS_TYPE": "ext4"},), "is ext4, neither FAT nor ISO 9660"),
        ((FAT | {"ID_FS_TYPE": "iso9660"},), "on Cruzer Blade has no file spec.yaml"),
    ],
)
def test_a_volume_that_is_no_use_is_never_passed_over(labels: tuple[dict[str, str], ...], said: str) -> None:
    bench = Bench(labels=labels, texts={media.MEDIUM: "from the medium"})
    bench.fat = None
    if labels[0]["ID_FS_TYPE"] == "iso9660":
        bench.__class__ = _Mounts
    with pytest.raises(AnswerError, match=said):
        bench.finder(Options()).find()


class _Mounts(Bench):
    def __call__(self, argv: list[str], **_: object) -> Result:
        return Result(0, "", "")


def test_a_server_that_comes_up_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = [fetch.TryAgain("a cannot be reached: connection refused"), fetch.TryAgain("a answered 503"), "the spec"]

    def post(*_: str, **__: str) -> str:
        reply = replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    monkeypatch.setattr(fetch, "post", post)
    bench = Bench()
    answer = bench.finder(Options(url="http://a")).find()
    assert answer is not None
    assert answer.text == "the spec"
    assert bench.slept == [2.0, 4.0]
    assert bench.said[0] == "a cannot be reached: connection refused; trying again in 2 s"


def test_a_server_that_stays_away_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def post(*_: str, **__: str) -> str:
        raise fetch.TryAgain("a cannot be reached: connection refused", "check the address and the network")

    monkeypatch.setattr(fetch, "post", post)
    bench = Bench()
    with pytest.raises(AnswerError, match="connection refused; check the address"):
        bench.finder(Options(url="http://a")).find()
    assert sum(bench.slept) == 2 + 4 + 8 + 16 + 30


@pytest.mark.parametrize(("carrier", "said"), [(False, "no network port has a link"), (True, "got an address within 120 s")])
def test_no_network(carrier: bool, said: str) -> None:
    bench = Bench(addresses_=({"link": "x", "address": "fe80::1/64", "scope": "link"},), carrier=carrier)
    with pytest.raises(AnswerError, match=said):
        bench.finder(Options(url="http://a")).find()
    assert bench.said == ["waiting for a network address"]


def test_unattended_waits_and_says_each_thing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    finder = bench.finder(Options(mode="unattended"))

    def sleep(seconds: float) -> None:
        bench.slept.append(seconds)
        if len(bench.slept) == 3:
            bench.labels = (FAT,)
        if len(bench.slept) == 5:
            bench.fat = "at last"

    finder.sleep = sleep
    assert finder.wait().text == "at last"
    assert [line[:30] for line in bench.said] == ["there is no answer yet; waitin", "the volume TRIVET-SPEC on Cruz"]
    assert bench.slept == [2.0, 4.0, 8.0, 16.0, 30.0]


def test_sticks_are_fat_volumes_on_usb_but_not_the_medium() -> None:
    usb = {"ID_BUS": "usb", "ID_FS_TYPE": "vfat"}
    bench = Bench(labels=(
        {**usb, "PATH": "/sys/sda", "ID_MODEL": "Cruzer_Blade"},
        {**usb, "PATH": "/sys/sda/sda1", "ID_MODEL": "Cruzer_Blade"},  # the same volume, by the table that mkfs.vfat makes
        {**usb, "PATH": "/sys/sdb/sdb2", "ID_FS_LABEL": "TRIVET-EFI"},
        {**usb, "PATH": "/sys/sdc", "ID_FS_TYPE": "ext4"},
        {"PATH": "/sys/sdd/sdd1", "ID_BUS": "ata", "ID_FS_TYPE": "vfat"},
        {**usb, "PATH": "/sys/sde/sde1", "ID_MODEL": "Ultra", "ID_FS_LABEL": "KEYS"},
    ))  # fmt: skip
    host = Host(files=bench, run=bench, udev=bench, netlink=bench)  # type: ignore[arg-type]
    assert [found.name for found in stick.sticks(host)] == ["Cruzer Blade, /dev/n0", "Ultra, KEYS, /dev/n5"]


def test_lines_that_are_public_keys() -> None:
    assert stick.public_keys("# of two\n ssh-rsa AAAA a\n-----BEGIN\nsk-ssh-ed25519@openssh.com AAAA b\n") == [
        "ssh-rsa AAAA a", "sk-ssh-ed25519@openssh.com AAAA b",
    ]  # fmt: skip
