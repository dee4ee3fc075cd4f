# SPDX-License-Identifier: Apache-2.0
"""Nodes of a rack come into their cluster without a hand: the node that founds it makes a token for each that is to join.

A node that was answered with `cluster.join` asks for its token. It is noted that it wants one; the founder, which is the machine
whose answer has `cluster.create` and that address, asks who wants one, and makes one for each. Where no machine of the rack
founds it, and the server runs on a node of that cluster, `mint` makes it. Tokens are good once, and are in this process alone:
in no journal, log or file.
"""

import json
import threading
from collections.abc import Callable, Mapping

from pydantic import Field, ValidationError

from appliance.errors import ApplianceError
from appliance.model.base import Model
from appliance.pxe.desk import NO, OK, WAIT, WRONG, Desk, Reply
from appliance.pxe.rack import Machine

TOKEN, TOKENS = "/token", "/tokens"
_MOST = 1000
Mint = Callable[[str], str]
"""The address of a cluster -> a token for one node; ApplianceError says why there is none."""


class Made(Model):
    """Tokens by the MAC address of the machine that each is for."""

    tokens: dict[str, str] = Field(default_factory=dict, repr=False, max_length=_MOST)


class Joins:
    """Who wants a token, and the tokens that were made for them."""

    def __init__(self, desk: Desk, mint: Mint) -> None:
        self._desk, self._mint = desk, mint
        self._lock = threading.Lock()
        self._wanted: dict[str, Machine] = {}
        self._tokens: dict[str, str] = {}
        """By the digest of the credential that asked: who is installed anew is another node, and needs another token."""

    def ask(self, token: str, body: bytes, address: str) -> Reply:
        """The token of the node with this credential; the same when it asks again, since a reply may be lost."""
        machine = self._desk.known(token)
        if machine is None:
            return self._desk.stranger(address, "a token of a cluster without a credential of this server")
        where = machine.claim.joins if machine.claim and machine.installed else ""
        if not where:
            return Reply(NO, "this machine is to join no cluster")
        with self._lock:
            if found := self._tokens.get(machine.token):
                return Reply(OK, found)
            self._wanted[machine.mac] = machine
        founder = next((m for m in self._desk.rack.machines.values() if founds(m, where)), None)
        if founder is None:
            return self._minted(machine, where)
        return Reply(WAIT, f"the node {founder.name}, which founds the cluster, is not there yet")

    def give(self, token: str, body: bytes, address: str) -> Reply:
        """A founder brings tokens, and hears who else wants one."""
        machine = self._desk.known(token)
        if machine is None:
            return self._desk.stranger(address, "to bring tokens without a credential of this server")
        try:
            made = Made.model_validate_json(body)
        except (ValidationError, RecursionError):
            return Reply(WRONG, "what was sent is no list of tokens")
        with self._lock:
            own = {mac for mac, each in self._wanted.items() if each.claim and founds(machine, each.claim.joins)}
            for mac in own & made.tokens.keys():
                self._tokens[self._wanted.pop(mac).token] = made.tokens[mac]
            return Reply(OK, json.dumps(sorted(own & self._wanted.keys())[:_MOST]))

    def places(self) -> Mapping[str, Callable[[str, bytes, str], Reply]]:
        """What is POSTed where."""
        return {TOKEN: self.ask, TOKENS: self.give}

    def _minted(self, machine: Machine, where: str) -> Reply:
        try:
            found = self._mint(where)
        except ApplianceError as error:
            return Reply(WAIT, str(error))
        with self._lock:
            self._wanted.pop(machine.mac, None)
            return Reply(OK, self._tokens.setdefault(machine.token, found))


def founds(machine: Machine, where: str) -> bool:
    """Is this the machine that founds the cluster at this address?"""
    claim = machine.claim
    return claim is not None and bool(claim.founds) and where in claim.addresses and machine.installed
