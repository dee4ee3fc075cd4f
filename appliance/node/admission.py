# SPDX-License-Identifier: Apache-2.0
"""A node of a rack comes into its cluster without a hand: by a token that the rack's server brings from the node that founds it.

The spec names the file of the token (`cluster.join.token_file`), and nobody has to put it there: who is to join asks the server
for it, and who founds the cluster makes one for each that asks (pxe/joins.py). Both show what they were installed with.
"""

import json
import os
import signal
from urllib.parse import urlsplit, urlunsplit

from pydantic import TypeAdapter, ValidationError

from appliance.errors import AnswerError, ApplianceError
from appliance.host.host import Host
from appliance.installer import fetch
from appliance.model.answer import ReportTo
from appliance.model.cluster import FOLDER, myself
from appliance.node.status import load_saved
from appliance.services.cluster import desk
from appliance.services.cluster.store import known, store

_GOOD = 3600.0
_AT_ONCE = 20
"""Tokens that are made between two questions."""
_MACS: TypeAdapter[list[str]] = TypeAdapter(list[str])


def admitted(host: Host, whom: ReportTo) -> str:
    """For who is to join: get the token, and have trivetd join with it. What it waits for, "" for nothing."""
    spec, _ = load_saved(host)
    join = spec.cluster.join if spec.cluster else None
    file = (join.token_file or "") if join else ""
    if not file.startswith(f"{FOLDER}/") or host.files.read(file) is not None:
        return ""  # somebody else brings it, or it is here
    try:
        text = _ask(whom, "token", "{}")
    except AnswerError as error:
        return str(error)
    host.files.write(file, text.strip() + "\n", 0o600)
    os.kill(os.getpid(), signal.SIGHUP)
    return ""


def founder(host: Host) -> bool:
    """Does this node begin a cluster?"""
    spec, _ = load_saved(host)
    return spec.cluster is not None and spec.cluster.create is not None


def admit(host: Host, whom: ReportTo) -> None:
    """For who founds: make a token for each that wants one. ApplianceError when that cannot be now."""
    document, machine = known(host)
    if myself(document, machine) is None:
        return
    wanted = _wanted(_ask(whom, "tokens", "{}"))
    if made := {mac: desk.new_token(store(host), host, _GOOD) for mac in wanted[:_AT_ONCE]}:
        _ask(whom, "tokens", json.dumps({"tokens": made}))


def minted(host: Host, address: str) -> str:
    """A token for the cluster at this address, where this node is of it. ApplianceError says why there is none."""
    document, machine = known(host)
    if document is None or myself(document, machine) is None or address not in {each.address for each in document.members}:
        hint = "have one of its machines found it, or serve the rack from a node of the cluster"
        raise ApplianceError(f"no machine of this rack founds a cluster at {address}", hint)
    return desk.new_token(store(host), host, _GOOD)


def _wanted(text: str) -> list[str]:
    try:
        return _MACS.validate_json(text)
    except ValidationError:
        raise ApplianceError("the server of the rack answers what is no list of machines", "is it of this version?") from None


def _ask(whom: ReportTo, what: str, body: str) -> str:
    """The server has all its places side by side."""
    parts = urlsplit(whom.url)
    url = urlunsplit(parts._replace(path=f"{parts.path.rpartition('/')[0]}/{what}"))
    return fetch.post(url, body, pinned=whom.fingerprint, token=whom.token)
