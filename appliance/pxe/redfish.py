# SPDX-License-Identifier: Apache-2.0
"""Redfish (DMTF DSP0266), as much of it as a rack needs: the power of the one system that a BMC has, and its next start.

BMCs sign their own certificates. One is trusted by its fingerprint, which the table has, or by an authority that this machine
trusts; the password is sent to no other.
"""

import base64
import hashlib
import hmac
import http.client
import json
import ssl
from typing import Any, Literal

from appliance.errors import ApplianceError

_SECONDS = 20.0
_SYSTEMS = "/redfish/v1/Systems"
_RESET = {"on": "On", "off": "ForceOff", "cycle": "ForceRestart"}
_LARGEST = 2**20
_REFUSED = 400


def switch(
    address: str, user: str, password: str, fingerprint: str, power: Literal["on", "off", "cycle"], *, network: bool
) -> str:
    """As `bmc.switch`."""
    bmc = _Bmc(address, user, password, fingerprint)
    try:
        members = bmc.ask("GET", _SYSTEMS).get("Members", [])
        if len(members) != 1:
            raise ApplianceError(
                f"the BMC {address} has {len(members)} systems, and should have one", "is it a chassis of several?"
            )
        place = str(members[0]["@odata.id"])
        system = bmc.ask("GET", place)
        if network:
            bmc.ask("PATCH", place, {"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}})
        off = system.get("PowerState") == "Off"
        if off and power == "off":
            return "is off already"
        done: Literal["on", "off", "cycle"] = "on" if power == "cycle" and off else power
        bmc.ask("POST", str(system["Actions"]["#ComputerSystem.Reset"]["target"]), {"ResetType": _RESET[done]})
    except (KeyError, TypeError):
        raise ApplianceError(f"the BMC {address} does not speak Redfish as it should", "bmc_kind ipmi may do") from None
    finally:
        bmc.close()
    return {"on": "switched on", "off": "switched off", "cycle": "switched off and on"}[done]


class _Bmc:
    """One connection, whose certificate is looked at before anything is sent."""

    def __init__(self, address: str, user: str, password: str, fingerprint: str) -> None:
        self._address, self._pinned = address, fingerprint
        context = ssl.create_default_context()
        if fingerprint:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._http = http.client.HTTPSConnection(address, timeout=_SECONDS, context=context)
        secret = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/json", "Accept": "application/json"}

    def ask(self, method: str, place: str, body: object = None) -> dict[str, Any]:
        try:
            if self._http.sock is None:
                self._connect()
            self._http.request(method, place, None if body is None else json.dumps(body), self._headers)
            response = self._http.getresponse()
            text = response.read(_LARGEST)
        except ssl.SSLCertVerificationError as error:
            hint = f"give the column bmc_fingerprint its SHA-256: openssl s_client -connect {self._address}:443 shows it"
            raise ApplianceError(
                f"the certificate of the BMC {self._address} is not trusted: {error.verify_message}", hint
            ) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ApplianceError(f"the BMC {self._address} cannot be reached: {reason}", "see the column bmc") from None
        if response.status >= _REFUSED:
            hint = "see the user and password in bmc_secret" if response.status in (401, 403) else "see the BMC's own log"
            raise ApplianceError(f"the BMC {self._address} refuses {method} {place}: {response.status} {response.reason}", hint)
        try:
            found = json.loads(text or b"{}")
        except ValueError:
            found = {}
        return found if isinstance(found, dict) else {}

    def _connect(self) -> None:
        self._http.connect()
        if self._pinned:
            sock = self._http.sock
            found = hashlib.sha256(
                sock.getpeercert(binary_form=True) or b"" if isinstance(sock, ssl.SSLSocket) else b""
            ).hexdigest()
            if not hmac.compare_digest(found, self._pinned):
                self._http.close()
                message = f"the BMC {self._address} has another certificate than the pinned one: its SHA-256 is {found}"
                raise ApplianceError(message, "somebody is in between, or bmc_fingerprint is of an older certificate")

    def close(self) -> None:
        self._http.close()
