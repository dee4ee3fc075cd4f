# SPDX-License-Identifier: Apache-2.0
"""Another node, asked over HTTPS. Whom one does not know yet is asked one thing alone: by which certificate it is known."""

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from appliance.errors import ApplianceError, Problems, Unsatisfiable
from appliance.host.etcd import Tls
from appliance.model.cluster import API_PORT
from appliance.model.problem import Problem

_OK = 200
_MOST = 4 * 2**20


class Silent(ApplianceError):
    """Nobody answers there, or not as a node of a cluster does."""

    exit_code = 5


def stranger(address: str, path: str, seconds: float = 60) -> dict[str, Any]:
    """What somebody says to whom nothing has been proven: not to be believed before it is."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    found: dict[str, Any] = _ask(address, context, path, None, seconds)
    return found


def ask(address: str, authority: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a node of the cluster with this authority (PEM) answers, to somebody who is none yet."""
    found: dict[str, Any] = _ask(address, _strict(ssl.create_default_context(cadata=authority)), path, body)
    return found


def ask_any(addresses: Sequence[str], tls: Tls, path: str, body: Mapping[str, Any] | None) -> Any:
    """What the first of these nodes answers that does, to a node of the same cluster. GET without a body, POST with one."""
    silent = Silent("no control node answers", "are they switched on, and is the management plane up?")
    for address in addresses:
        try:
            return _ask(address, _strict(tls.context()), path, body)
        except Silent as error:
            silent = error
    raise silent


def _strict(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _ask(address: str, context: ssl.SSLContext, path: str, body: Mapping[str, Any] | None, seconds: float = 60) -> Any:
    """GET without a body, POST with one."""
    connection = http.client.HTTPSConnection(address, API_PORT, timeout=seconds, context=context)
    text = None if body is None else json.dumps(body)
    try:
        connection.request("GET" if text is None else "POST", path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read(_MOST)
    except ssl.SSLCertVerificationError as error:
        hint = "somebody may be in between; compare the fingerprint that `trivet cluster show` says there"
        raise ApplianceError(f"{address} is not the cluster that was meant: {error.verify_message}", hint) from None
    except (OSError, http.client.HTTPException) as error:
        hint = "is it a node of a cluster, and is the way to its management address open?"
        raise Silent(f"{address} does not answer on port {API_PORT}: {error}", hint) from None
    finally:
        connection.close()
    try:
        found = json.loads(data)
    except ValueError:
        raise Silent(f"{address} answers on port {API_PORT}, but not as a node of a cluster does") from None
    if answer.status != _OK:
        raise _refusal(found)
    return found


def _refusal(found: Mapping[str, Any]) -> Problems:
    """What the other side says is wrong, all of it."""
    try:
        problems = [Problem.model_validate(each) for each in found["problems"]]
    except (KeyError, TypeError, ValueError):
        problems = [Problem(where="", message="the other node refuses, and does not say why")]
    return Unsatisfiable(problems)
