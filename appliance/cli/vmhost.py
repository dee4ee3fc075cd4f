# SPDX-License-Identifier: Apache-2.0
"""What the commands about VMs and those about their networks have in common: this node, and how the outcome is said."""

import argparse
import json
from typing import Any


def this_host() -> Any:
    """This node as the host of VMs, with its documents."""
    from appliance.host.live import live  # noqa: PLC0415 - 30 ms that --help need not wait for
    from appliance.node import vms  # noqa: PLC0415 - the same

    return vms.here(live())


def said(args: argparse.Namespace, text: str, **document: object) -> int:
    """Print the outcome as text, or as a document with --json; the exit code."""
    print(json.dumps(document, ensure_ascii=False, indent=2) if args.json else text)
    return 0
