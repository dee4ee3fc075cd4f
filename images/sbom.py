# SPDX-License-Identifier: Apache-2.0
"""What is in the image, as a CycloneDX document: Debian packages from dpkg's database, Python packages from their metadata."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path
from urllib.parse import quote


def _debian(root: Path) -> list[dict[str, object]]:
    found = []
    for block in (root / "var/lib/dpkg/status").read_text().split("\n\n"):
        head = HeaderParser().parsestr(block)
        if head.get("Status", "").endswith(" installed"):
            name, version, arch = head["Package"], head["Version"], head["Architecture"]
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={arch}&distro=debian-13"
            found.append({"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl})
    return found


def _python(root: Path) -> list[dict[str, object]]:
    found = []
    for path in (root / "usr/lib/trivet/venv").rglob("*.dist-info/METADATA"):
        head = HeaderParser().parsestr(path.read_text())
        name, version = head["Name"].lower(), head["Version"]
        purl = f"pkg:pypi/{quote(name)}@{quote(version)}"
        found.append({"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl})
    return found


def sbom(root: Path, *, version: str, commit: str, epoch: int) -> str:
    """The document. The same tree gives the same bytes."""
    parts = sorted(_debian(root) + _python(root), key=lambda c: str(c["purl"]))
    ref = f"pkg:generic/trivet@{version}"
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([version, commit, parts])).urn,
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "operating-system", "name": "trivet", "version": version, "purl": ref, "bom-ref": ref},
        },
        "components": parts,
    }
    return json.dumps(document, indent=1) + "\n"
