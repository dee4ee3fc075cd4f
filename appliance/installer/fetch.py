# SPDX-License-Identifier: Apache-2.0
"""One question to a server: a POST for the answer, a GET for a public key.

Every way in which it can go wrong is a sentence with a remedy.

With a pinned certificate nothing else is looked at: no chain, no name, no date. A new server's clock is often wrong, and
its answer server has a certificate that it made itself. The certificate is compared before anything is sent.
"""

import hashlib
import hmac
import http.client
import socket
import ssl
from urllib.parse import SplitResult, urlsplit

from appliance import __version__
from appliance.errors import AnswerError

_TIMEOUT = 20.0
_LARGEST = 2**20
_SENTENCE = 2000
_OK, _REDIRECTS, _SERVER = 200, range(300, 400), 500
_PATIENCE = {http.client.TOO_MANY_REQUESTS, http.client.REQUEST_TIMEOUT}


class TryAgain(AnswerError):
    """It may be so only now: a server that restarts, a network that comes up."""


def post(url: str, inventory: str, *, pinned: str = "", token: str = "", timeout: float = _TIMEOUT) -> str:
    """Send the inventory, get the spec's text. AnswerError says why there is none; `token` is what tells a server who we are."""
    headers = {"Content-Type": "application/json", "Accept": "application/yaml"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    return _ask(url, "POST", inventory.encode(), headers, pinned, timeout)


def get(url: str, *, timeout: float = _TIMEOUT) -> str:
    """The text that is there. AnswerError says why there is none."""
    return _ask(url, "GET", None, {"Accept": "text/plain, */*"}, "", timeout)


def _ask(  # noqa: PLR0917 - what a request is made of
    url: str, method: str, body: bytes | None, headers: dict[str, str], pinned: str, timeout: float,
) -> str:  # fmt: skip
    parts = urlsplit(url)
    connection = _connection(parts, pinned, timeout)
    try:
        connection.connect()
        if pinned:
            _compare(connection, parts, pinned)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, headers | {"User-Agent": f"trivet/{__version__}"})
        return _text(url, connection.getresponse())
    except ssl.SSLCertVerificationError as error:
        hint = "pin the server's own certificate with trivet.answer.fingerprint=sha256:..."
        raise AnswerError(f"the certificate of {parts.netloc} is not trusted: {error.verify_message}", hint) from None
    except ssl.SSLError as error:
        raise AnswerError(f"{parts.netloc} does not speak TLS as it should: {error.reason}", "is it http:// there?") from None
    except (OSError, http.client.HTTPException) as error:
        raise TryAgain(f"{parts.netloc} cannot be reached: {_reason(error)}", "check the address and the network") from None
    finally:
        connection.close()


def _connection(parts: SplitResult, pinned: str, timeout: float) -> http.client.HTTPConnection:
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AnswerError(f"{parts.netloc} has no usable port", "write http://host:port/path") from None
    if not host:
        raise AnswerError(f"{parts.geturl()} names no server", "write http://host/path")
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=timeout)
    if pinned:  # authorities are not asked then, and reading them all takes longer than the question
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    else:
        context = ssl.create_default_context()
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)


def _compare(connection: http.client.HTTPConnection, parts: SplitResult, pinned: str) -> None:
    found = b""
    if isinstance(connection.sock, ssl.SSLSocket):
        found = connection.sock.getpeercert(binary_form=True) or b""
    digest = hashlib.sha256(found).hexdigest()
    if not hmac.compare_digest(digest, pinned):
        message = f"{parts.netloc} has another certificate than the pinned one: its SHA-256 is {digest}"
        raise AnswerError(message, "somebody is in between, or trivet.answer.fingerprint is of an older certificate")


def _text(url: str, response: http.client.HTTPResponse) -> str:
    if response.status in _REDIRECTS:
        target = response.getheader("Location", "another place")
        raise AnswerError(f"{url} sends us on to {target}", "give that address in trivet.answer")
    if response.status != _OK:
        said = _sentence(response)
        message = f"{urlsplit(url).netloc} says: {said}" if said else f"{url} answered {response.status} {response.reason}"
        if response.status >= _SERVER or response.status in _PATIENCE:
            raise TryAgain(message, "" if said else "see the log of that server")
        raise AnswerError(message, "" if said else "is the path right, and does that server know this machine?")
    body = response.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise AnswerError(f"{url} answered more than {_LARGEST} bytes, which is no spec", "see what that server sends")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise AnswerError(f"{url} answered something that is not UTF-8 text", "see what that server sends") from None


def _sentence(response: http.client.HTTPResponse) -> str:
    """What a server says to a person of its refusal, if it is one line of plain text."""
    if response.headers.get_content_type() != "text/plain":
        return ""
    text = response.read(_SENTENCE + 1).decode(errors="replace").strip()
    return text if len(text) <= _SENTENCE and text.isprintable() else ""


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
