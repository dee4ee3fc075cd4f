# SPDX-License-Identifier: Apache-2.0
"""Both sides of a join by words: SPAKE2, into which both fingerprints are bound.

Whoever stands in between with a certificate of his own gets another key than the two, and one guess at the words. One attempt
is made at a time, three wrong ones end it, and so do ten minutes. The offer lies under /run, for root alone: a restart ends it.
"""

import hashlib
import hmac
import secrets
import threading
import time

from pydantic import Field
from spake2 import SPAKE2_A, SPAKE2_B, SPAKEError

from appliance.errors import Refused
from appliance.host import certificates
from appliance.host.host import Host
from appliance.model.base import Model

OFFER = "/run/trivet/pairing.json"
SECONDS, FAILURES = 600, 3
_ATTEMPT = 20.0
"""Seconds that one attempt keeps others away."""


class Offer(Model):
    """Words that are good now.

    `joined` is the machine that has said them, and goes on being let in; `name` is what it is called, `fingerprint` its key's.
    """

    words: str = Field(repr=False)
    until: float
    failures: int = 0
    joined: str = ""
    name: str = ""
    fingerprint: str = ""


class Hello(Model):
    """The first message of a joining node."""

    half: str = Field(pattern="^[0-9a-f]{66}$")
    request: str = Field(max_length=4000)


class Reply(Model):
    """The cluster's answer to it."""

    session: str
    half: str


def offered(host: Host) -> Offer | None:
    """What is offered now; None when there is none, or no more."""
    text = host.files.read(OFFER)
    offer = Offer.model_validate_json(text) if text else None
    return offer if offer and offer.until > time.time() and offer.failures < FAILURES else None


def offer(host: Host, what: Offer) -> None:
    """Put it where trivetd finds it."""
    host.files.write(OFFER, what.model_dump_json(), 0o600)


def withdraw(host: Host) -> None:
    """The words are good no more."""
    host.files.remove(OFFER)


def proof(key: bytes, side: str) -> str:
    """That somebody has the key."""
    return hmac.new(key, f"trivet {side}".encode(), hashlib.sha256).hexdigest()


class Joiner:
    """The joining node's half, for one attempt."""

    def __init__(self, words: str, authority: str, request: str) -> None:
        self._half = SPAKE2_A(words.encode(), idA=_bound("node", request), idB=_bound("cluster", authority))
        self.hello = Hello(half=self._half.start().hex(), request=request)

    def key(self, reply: Reply) -> bytes:
        """What both have, if both know the same words. Refused for what is no answer."""
        try:
            found: bytes = self._half.finish(bytes.fromhex(reply.half))
        except (SPAKEError, ValueError):
            raise Refused("the other side does not answer as a cluster does", "try again") from None
        return found


class Pairing:
    """The cluster's half, for all attempts that come in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: tuple[str, bytes, str, float] | None = None

    def begin(self, host: Host, hello: Hello) -> Reply:
        """Refused when no words are offered, or while another attempt is made."""
        now = offered(host)
        if now is None:
            raise Refused("this node offers no words now", "say `trivet cluster pair` on it")
        authority = host.files.read("/var/lib/trivet/cluster/ca.crt") or ""
        with self._lock:
            if self._open and time.monotonic() - self._open[3] < _ATTEMPT:
                raise Refused("another node is just being paired", "wait a moment, and try again")
            half = SPAKE2_B(now.words.encode(), idA=_bound("node", hello.request), idB=_bound("cluster", authority))
            ours = half.start().hex()
            try:
                key: bytes = half.finish(bytes.fromhex(hello.half))
            except (SPAKEError, ValueError):
                raise Refused("this is no first message of a pairing") from None
            session = secrets.token_hex(16)
            self._open = (session, key, hello.request, time.monotonic())
        return Reply(session=session, half=ours)

    def prove(self, host: Host, machine: str, session: str, given: str, request: str) -> str:
        """Our own proof, for who has given the right one. A wrong one is counted before it is answered."""
        with self._lock:
            mine, self._open = self._open, None
            now = offered(host)
            if mine is None or mine[0] != session or mine[2] != request or now is None:
                raise Refused("this attempt is over", "try again")
            if not hmac.compare_digest(proof(mine[1], "node"), given):
                failed = now.model_copy(update={"failures": now.failures + 1})
                offer(host, failed)
                left = FAILURES - failed.failures
                again = "say `trivet cluster pair` again there"
                raise Refused("these are not the words", f"attempts that are left: {left}" if left else again)
            if now.joined and now.joined != machine:
                raise Refused("another machine has joined with these words", "say `trivet cluster pair` again there")
            return proof(mine[1], "cluster")

    def through(self, host: Host, machine: str, name: str, request: str) -> None:
        """This machine is in: the words are for nobody else any more, and who has offered them sees its fingerprint."""
        if now := offered(host):
            seen = {"joined": machine, "name": name, "fingerprint": certificates.fingerprint(request)}
            offer(host, now.model_copy(update=seen))


def _bound(side: str, text: str) -> bytes:
    return f"{side} {certificates.fingerprint(text)}".encode()
