# SPDX-License-Identifier: Apache-2.0
"""Where the answer comes from: the volume TRIVET-SPEC, then `trivet.answer=URL`, then the medium's own spec.yaml.

A source that is there and gives nothing usable is an error, never a reason to take the next one: what somebody plugged in
or wrote on the kernel line is what they meant. Over HTTP the machine posts its inventory and gets its own answer.
"""

import re
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.errors import AnswerError
from appliance.host.host import Host
from appliance.installer import fetch, media
from appliance.installer.media import Answer

MODES = ("install", "unattended", "inventory", "rescue")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ADDRESS_SECONDS = 120
_TRIES = 6
_PORT_DIGITS = 5
_PAUSE, _PAUSE_MAX = 2.0, 30.0


@dataclass(frozen=True)
class Options:
    """What the kernel's command line says of answers. `fingerprint` is 64 hexadecimal digits or "".

    `report` is where the server of a rack wants to hear how it goes, `record` where it keeps what this machine has; `peers` is
    the port where the node is to serve its slot to others; `token` is what we show the server: a secret, for one installation.
    """

    mode: str = "install"
    url: str = ""
    fingerprint: str = ""
    report: str = ""
    record: str = ""
    peers: int = 0
    token: str = field(default="", repr=False)


def options(cmdline: str) -> Options:
    """From /proc/cmdline; the last of several wins. AnswerError for what cannot be meant."""
    try:
        words = shlex.split(cmdline)
    except ValueError:
        words = cmdline.split()
    facts = dict(word.partition("=")[::2] for word in words if word.startswith("trivet."))
    mode, url = facts.get("trivet.mode", "install"), facts.get("trivet.answer", "")
    if mode not in MODES:
        raise AnswerError(f"trivet.mode={mode} is not known", f"it is one of {', '.join(MODES)}")
    if url and not url.startswith(("http://", "https://")):
        raise AnswerError(f"trivet.answer={url} is no address", "it begins with http:// or https://")
    pin = facts.get("trivet.answer.fingerprint", "")
    digits = pin.lower().removeprefix("sha256:").replace(":", "")  # openssl writes colons between the bytes
    if pin and not _SHA256.fullmatch(digits):
        hint = "write sha256: and the 64 hexadecimal digits of the certificate's SHA-256"
        raise AnswerError(f"trivet.answer.fingerprint={pin} is no fingerprint", hint)
    if pin and not url.startswith("https://"):
        hint = "give an https:// address, or no fingerprint"
        raise AnswerError("trivet.answer.fingerprint is given, and trivet.answer is not an https address", hint)
    report, record = facts.get("trivet.report", ""), facts.get("trivet.record", "")
    token = facts.get("trivet.answer.token", "")
    for name, address in (("report", report), ("record", record)):
        if address and not address.startswith(("http://", "https://")):
            raise AnswerError(f"trivet.{name}={address} is no address", "it begins with http:// or https://")
    peers = int(port) if (port := facts.get("trivet.peers", "")).isdecimal() and len(port) <= _PORT_DIGITS else 0
    if token and not _TOKEN.fullmatch(token):
        raise AnswerError("trivet.answer.token is no credential", "start the machine over the network again, for a new one")
    return Options(mode=mode, url=url, fingerprint=digits, report=report, record=record, peers=peers, token=token)


@dataclass
class Finder:
    """Looks for the answer. `inventory` makes the JSON document that an answer server is sent; `say` tells a person."""

    host: Host
    options: Options
    inventory: Callable[[], str]
    say: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep

    def find(self) -> Answer | None:
        """The first source's answer; None when there is no source at all."""
        if answer := media.volume(self.host):
            return answer
        if self.options.url:
            return self._ask()
        return media.medium(self.host)

    def wait(self) -> Answer:
        """For a machine that nobody watches: as `find`, and again, until there is an answer. What is wrong is said once."""
        pause, said = _PAUSE, ""
        while True:
            try:
                if answer := self.find():
                    return answer
                message = "there is no answer yet; waiting for a volume labelled TRIVET-SPEC"
            except AnswerError as error:
                message = str(error)
            if message != said:
                self.say(message)
                said = message
            self.sleep(pause)
            pause = min(pause * 2, _PAUSE_MAX)

    def _ask(self) -> Answer:
        """POST the inventory, and again after a pause when the server cannot be reached."""
        self._wait_for_address()
        pause, said, options = _PAUSE, "", self.options
        for left in reversed(range(_TRIES)):
            try:
                text = fetch.post(options.url, self.inventory(), pinned=options.fingerprint, token=options.token)
                return Answer(text, options.url)
            except fetch.TryAgain as error:
                if not left:
                    raise
                if error.message != said:
                    self.say(f"{error.message}; trying again in {pause:.0f} s")
                said = error.message
                self.sleep(pause)
                pause = min(pause * 2, _PAUSE_MAX)
        raise AssertionError("the last try raises")

    def _wait_for_address(self) -> None:
        for second in range(_ADDRESS_SECONDS):
            if any(a["scope"] == "global" for a in self.host.netlink.addresses()):
                return
            if second == 0:
                self.say("waiting for a network address")
            self.sleep(1.0)
        up = [link for link in self.host.netlink.links() if link["carrier"] and link["name"] != "lo"]
        if not up:
            raise AnswerError("no network port has a link", "plug in a cable, or bring the answer on a volume TRIVET-SPEC")
        hint = "there must be a DHCP server on that network, or bring the answer on a volume TRIVET-SPEC"
        raise AnswerError(f"no network port got an address within {_ADDRESS_SECONDS} s", hint)
