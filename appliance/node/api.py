# SPDX-License-Identifier: Apache-2.0
"""trivetd for other nodes and for people's programs: HTTPS on the management plane, by the standard library, a thread for each
connection.

Whoever shows a certificate of the cluster's authority is a node, by the name in it. Whoever has a token is a person, who may what
the token's role may in the table of routes. Everybody may ask who is here, and join with a token for that or by words. What is
refused is told as problems, each with a remedy. Bodies are small, and never logged.
"""

import contextlib
import itertools
import json
import socket
import ssl
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from pydantic import ValidationError

from appliance.cluster.moving import ARRIVED, PREPARE
from appliance.errors import Absent, ApplianceError, Problems, Refused, Unknown
from appliance.host import certificates
from appliance.host.host import Host
from appliance.host.web import Threaded
from appliance.model.cluster import API_PORT, CA, CERTIFICATE, PRIVATE_KEY, ClusterDocument, member, myself
from appliance.model.joining import Renewal, Request
from appliance.model.person import Role, may
from appliance.model.problem import Problem
from appliance.node import moving, openapi, routes
from appliance.node.routes import JSON
from appliance.services.cluster import desk, people
from appliance.services.cluster.pairing import Hello, Pairing
from appliance.services.cluster.store import known, store

_BODY = 64 * 2**10
_OK, _WRONG, _UNKNOWN, _FORBIDDEN, _ABSENT, _FAILED = 200, 400, 401, 403, 404, 500
HostOf = Callable[[], Host]


@cache
def _described() -> dict[str, Any]:
    """Anybody may ask for it: made once."""
    return openapi.document(routes.ROUTES)


class Api(Threaded):
    """`certificate` is what it was begun with: who has a new one begins it anew."""

    request_queue_size = 64

    def __init__(self, address: str, host_of: HostOf, port: int = API_PORT) -> None:
        self.host_of = host_of
        self.address = address
        self.certificate = host_of().files.read(CERTIFICATE)
        self.pairing = Pairing()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_3
        tls.load_cert_chain(CERTIFICATE, PRIVATE_KEY)
        tls.load_verify_locations(CA)
        tls.verify_mode = ssl.CERT_OPTIONAL
        if ":" in address:
            self.address_family = socket.AF_INET6
        super().__init__((address, port), _Handler, tls)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"
    server_version, sys_version = "trivet", ""
    server: Api

    def log_message(self, *_: object) -> None:
        """What matters is said by who does it."""

    def do_GET(self) -> None:
        if self.path == "/v1/cluster":
            self._answer(lambda host, document: desk.greeting(host, document).model_dump())
        elif self.path == "/v1/openapi.json":
            self._json(_OK, _described())
        else:
            self._route("GET")

    def do_POST(self) -> None:
        what = self._PLACES.get(self.path)
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > _BODY:
            self._refuse(_WRONG, f"a request has {_BODY} bytes at most, and says how many")
            return
        body = self.rfile.read(int(length))
        if what is None:
            self._route("POST")
        else:

            def answer(host: Host, document: ClusterDocument) -> Mapping[str, Any]:
                if self.path in (PREPARE, ARRIVED):
                    self._node(document)
                return what(self, host, body)

            self._answer(answer)

    def _route(self, method: str) -> None:
        """What the table of routes has for this request, when whoever asks may."""
        found = routes.find(method, self.path.partition("?")[0])
        if found is None:
            self._refuse(_ABSENT, "there is nothing here", "GET /v1/openapi.json says what there is")
            return
        route, words = found

        def answer(host: Host, document: ClusterDocument) -> Any:
            role = self._role(host, document)
            if not may(role, route.role):
                hint = "make another token, with `trivet api token NAME --role`"
                raise Refused(f"this needs the role {route.role}, and the token has {role}", hint)
            return route.run(host, words)

        self._answer(answer, route)

    def _role(self, host: Host, document: ClusterDocument) -> Role:
        """What whoever asks may. Unknown when that is nobody."""
        der = self.connection.getpeercert(binary_form=True) if isinstance(self.connection, ssl.SSLSocket) else None
        if der and member(document, certificates.whose(der)):
            return "administer"
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unknown("this needs a token: `Authorization: Bearer TOKEN`", "make one with `trivet api token NAME`")
        return people.who(store(host), token.strip()).role

    def _join(self, host: Host, body: bytes) -> Mapping[str, Any]:
        request = Request.model_validate_json(body)
        pairing, proof = self.server.pairing, ""
        if request.session:
            proof = pairing.prove(host, request.machine_id, request.session, request.proof, request.request)
        found = desk.admit(host, store(host), request, proven=bool(proof))
        if proof:
            pairing.through(host, request.machine_id, request.name, request.request)
        print(f"{request.name} has joined, at {request.address}", file=sys.stderr)
        return found.model_copy(update={"proof": proof}).model_dump()

    def _pair(self, host: Host, body: bytes) -> Mapping[str, Any]:
        return self.server.pairing.begin(host, Hello.model_validate_json(body)).model_dump()

    def _renew(self, host: Host, body: bytes) -> Mapping[str, Any]:
        der = self.connection.getpeercert(binary_form=True) if isinstance(self.connection, ssl.SSLSocket) else None
        if not der:
            raise Refused("only a node of this cluster may ask that", "join first")
        return desk.renew(host, store(host), certificates.whose(der), Renewal.model_validate_json(body)).model_dump()

    def _node(self, document: ClusterDocument) -> None:
        """Refused when this is no node that is a member now."""
        der = self.connection.getpeercert(binary_form=True) if isinstance(self.connection, ssl.SSLSocket) else None
        if not der or member(document, certificates.whose(der)) is None:
            raise Refused("only a node of this cluster may ask that", "join first")

    def _prepare(self, host: Host, body: bytes) -> Mapping[str, Any]:
        return moving.prepare(host, body)

    def _arrived(self, host: Host, body: bytes) -> Mapping[str, Any]:
        return moving.arrived(host, body)

    _PLACES: ClassVar = {"/v1/join": _join, "/v1/pair": _pair, "/v1/renew": _renew, PREPARE: _prepare, ARRIVED: _arrived}

    def _answer(self, what: Callable[[Host, ClusterDocument], Any], route: routes.Route | None = None) -> None:
        host = self.server.host_of()
        document, machine = known(host)
        if document is None or myself(document, machine) is None:
            self._refuse(_FAILED, "this node is in no cluster")
            return
        try:
            found = what(host, document)
            if route is None or route.media == JSON:
                self._json(_OK, found if route is None else routes.plain(route, found))
            elif isinstance(found, str):
                self._send(_OK, route.media, found.encode())
            else:
                self._stream(route.media, found)
        except ValidationError as error:
            message = f"the request is not understood: {error.errors()[0]['msg']}"
            self._refuse(_WRONG, message, "is the other node of this version?")
        except Unknown as error:
            self._refuse(_UNKNOWN, error.message, error.hint)
        except Absent as error:
            self._refuse(_ABSENT, error.message, error.hint)
        except Problems as error:
            self._problems(_FORBIDDEN, error.problems)
        except ApplianceError as error:
            self._refuse(_FORBIDDEN, error.message, error.hint)
        except Exception as error:  # whatever it is, it must not end the service that holds the node
            print(f"{self.path}: {type(error).__name__}: {error}", file=sys.stderr)
            self._refuse(_FAILED, "something went wrong there", "see `journalctl -u trivetd` on that node")

    def _refuse(self, status: int, message: str, hint: str = "") -> None:
        self._problems(status, (Problem(where="", message=message, hint=hint),))

    def _problems(self, status: int, problems: tuple[Problem, ...]) -> None:
        self._json(status, {"problems": [each.model_dump() for each in problems]})

    def _json(self, status: int, what: Any) -> None:
        self._send(status, JSON, json.dumps(what).encode())

    def _send(self, status: int, media: str, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._head(status, media, len(data))
            self.wfile.write(data)

    def _stream(self, media: str, pieces: Iterable[str]) -> None:
        """Piece by piece as it comes, until there is no more or nobody who reads it. The first comes before the head is sent:
        it may be refused instead.
        """
        every = iter(pieces)
        first = next(every, "")
        with contextlib.suppress(OSError):
            self._head(_OK, media)
            for piece in itertools.chain([first], every):
                self.wfile.write(piece.encode())
                self.wfile.flush()

    def _head(self, status: int, media: str, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Cache-Control", "no-store")
        if length is not None:
            self.send_header("Content-Length", str(length))
        if status == _UNKNOWN:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
