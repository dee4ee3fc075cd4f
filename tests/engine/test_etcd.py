# SPDX-License-Identifier: Apache-2.0
"""The store against the image's own etcd, natively: compare-and-swap, rotation, what happens when nobody answers."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from appliance.errors import StalePlan
from appliance.host.etcd import Etcd, StoreError
from tests.vm.containers import ROOT


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    client, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    words = [
        str(ROOT / "usr/bin/etcd"), "--data-dir", str(tmp_path_factory.mktemp("etcd")), "--log-level", "error",
        "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
        "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}",
    ]  # fmt: skip
    process = subprocess.Popen(words)
    try:
        end = time.monotonic() + 30
        while True:
            try:
                Etcd([client]).get("x")
                break
            except StoreError:
                assert time.monotonic() < end
                time.sleep(0.1)
        yield client
    finally:
        process.kill()
        process.wait()


def test_of_two_who_change_a_document_one_is_told(endpoint: str) -> None:
    store = Etcd([endpoint])
    first = store.put("/a/web", "one", 0)
    with pytest.raises(StalePlan, match="web has been changed by somebody else"):
        store.put("/a/web", "two", 0)
    second = store.put("/a/web", "three", first)
    assert store.put("/a/web", "three", first) == second, "its own write, whose answer was lost, is no conflict"
    with pytest.raises(StalePlan):
        store.delete("/a/web", first)
    assert store.get("/a/web") == ("/a/web", "three", second)
    store.delete("/a/web", second)
    assert store.get("/a/web") is None


def test_a_list_is_what_begins_alike(endpoint: str) -> None:
    store = Etcd([endpoint])
    for key in ("/v/b", "/v/a", "/w/c"):
        store.put(key, f"text of {key}, 文", 0)
    assert [(entry.key, entry.text) for entry in store.list("/v/")] == [(k, f"text of {k}, 文") for k in ("/v/a", "/v/b")]


def test_the_next_endpoint_is_asked_when_one_is_dead_or_silent(endpoint: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        dead = f"http://127.0.0.1:{free_port()}"
        store = Etcd([dead, f"http://127.0.0.1:{silent.getsockname()[1]}", endpoint], seconds=0.3)
        store.put("/r/a", "x", 0)
        begun = time.monotonic()
        assert store.get("/r/a")
        assert time.monotonic() - begun < 0.3, "who answered is asked first from then on"
        with pytest.raises(StoreError, match="etcd does not answer"):
            Etcd([dead], seconds=0.3).get("/r/a")
