# SPDX-License-Identifier: Apache-2.0
"""What machines of a rack have sent of themselves -> recorded machines, as `trivet record` makes them.

What a machine sends is its own word: a record is kept when it can be inspected as the machine would be, and otherwise refused.
"""

import json
from pathlib import Path

from appliance import flow
from appliance.errors import ApplianceError
from appliance.host.playback import NAME, playback
from appliance.host.record import save
from appliance.pxe import folder

TESTED = "burn-in.txt"
"""What a burn-in found, beside the record."""


def keep(state: Path, out: Path, *, scramble: bool = False) -> tuple[list[Path], dict[str, str]]:
    """The files that were written, and why others were not, by MAC address."""
    kept, refused = [], {}
    for path in sorted((state / folder.RECORDS).glob(f"*/{NAME}")):
        place = out / path.parent.name
        try:
            document = json.loads(path.read_bytes())
            document["origin"] = f"a machine of a rack that started over the network as {path.parent.name.replace('-', ':')}"
            flow.inspect(playback(document))
            kept.append(save(document, place, scramble=scramble))
        except (ApplianceError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            refused[path.parent.name.replace("-", ":")] = f"what it sent is no recorded machine: {error}"
            continue
        if (tested := path.with_name(TESTED)).is_file():
            (place / TESTED).write_text(tested.read_text(encoding="utf-8"), encoding="utf-8")
    return kept, refused
