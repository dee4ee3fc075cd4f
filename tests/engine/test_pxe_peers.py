# SPDX-License-Identifier: Apache-2.0
"""A node serves its slot: the initrd's own script gets the image there, and from the server when the node does not give it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.pxe.server import Slot
from appliance.pxe.source import Piece
from tests.engine.rackserver import Machine, Server, free_ports, inventory, mac
from tests.engine.test_pxe_server import FETCH

SIZE = 2 * 2**20


class Counted(Slot):
    """How often it was asked is what there is to see of who gave the image."""

    asked = 0

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.asked += 1
        super().finish_request(request, client_address)


def fetched(server: Server, machine: Machine, folder: Path) -> bytes:
    folder.mkdir()
    (folder / "kmsg").touch()
    url = f"http://127.0.0.1:{server.http}/boot/{machine.mac}/trivet.squashfs"
    environment = {**os.environ, "TRIVET_KMSG": str(folder / "kmsg"), "TRIVET_PAUSE": "0"}
    words = ["sh", str(FETCH), url, str(folder / "live"), machine.arguments["trivet.image.sha256"]]
    subprocess.run(words, env=environment, timeout=60, check=True)
    return (folder / "live/trivet.squashfs").read_bytes()


@pytest.mark.parametrize("gives", ["all", "nothing", "other"])
def test_from_a_node(tmp_path: Path, gives: str) -> None:
    with Server(tmp_path, SIZE, machines=3) as server:
        rules = server.rack / "rack.yaml"
        rules.write_text(f"serve_peers: true\n{rules.read_text()}")
        node, machine = (Machine(server, mac(number), inventory(mac(number), f"S{number}")) for number in (1, 2))
        node.boot()
        assert node.arguments["trivet.peers"] == "8480"
        node.ask()
        (port,) = free_ports(1)
        image = server.source / "trivet.squashfs"
        sha256 = node.arguments["trivet.image.sha256"]
        if gives == "other":
            (tmp_path / "other").write_bytes(b"x" * SIZE)
            image = tmp_path / "other"
        slot = Counted(("127.0.0.1", port), Piece(image, 0, SIZE), sha256)
        slot.start()
        node.tell({"state": "rebooting"}, {"state": "ready", "serves": port, "sha256": sha256})
        if gives == "nothing":
            slot.stop()
        machine.boot()
        assert fetched(server, machine, tmp_path / "m2") == (server.source / "trivet.squashfs").read_bytes()
        assert f"gets the image from 127.0.0.1:{port}" in server.now().machines[machine.mac].log
        assert slot.asked == (gives != "nothing")
        assert "ready, and serves its slot to others" in server.now().machines[node.mac].log
        if gives != "nothing":
            slot.stop()


def test_a_node_with_another_image_is_not_asked(tmp_path: Path) -> None:
    with Server(tmp_path, SIZE, machines=3) as server:
        rules = server.rack / "rack.yaml"
        rules.write_text(f"serve_peers: true\n{rules.read_text()}")
        node, machine = (Machine(server, mac(number), inventory(mac(number), f"S{number}")) for number in (1, 2))
        node.boot()
        node.ask()
        node.tell({"state": "rebooting"}, {"state": "ready", "serves": 8480, "sha256": "ab" * 32})
        machine.boot()
        assert server.get(f"/boot/{machine.mac}/trivet.squashfs")[0] == 200
