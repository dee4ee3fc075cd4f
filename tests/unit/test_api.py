# SPDX-License-Identifier: Apache-2.0
"""The API's parts that need no node: tokens, the table of routes, its OpenAPI document, what has changed, the measures."""

import json
import re
from typing import Any

import pytest

from appliance.errors import ApplianceError, Unknown
from appliance.model.netreport import Alert
from appliance.model.person import PEOPLE, may
from appliance.model.poolreport import DiskReport, PoolReport, StorageHealth
from appliance.node import feed, metrics, openapi, routes
from appliance.services.cluster import people
from tests.unit.test_joining import Documents


def test_each_role_may_what_those_before_it_may() -> None:
    assert may("administer", "operate")
    assert may("operate", "read")
    assert may("read", "read")
    assert not may("read", "operate")
    assert not may("operate", "administer")


def test_a_token_is_good_until_it_expires_or_is_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Documents()
    token = people.create(store, "mon", "read", 60)
    assert people.who(store, token).role == "read"
    assert token.partition(".")[2] not in store.entries[PEOPLE + "mon"].text, "the secret is not kept"
    with pytest.raises(ApplianceError, match="there is a token mon already"):
        people.create(store, "mon", "administer", 60)
    for wrong in ("mon.guess", "mon", "nobody.x", "", ".", "../mon.x"):
        with pytest.raises(Unknown, match="this token is not good"):
            people.who(store, wrong)
    late = people.everybody(store)[0].until + 1
    with monkeypatch.context() as later:
        later.setattr("time.time", lambda: late)
        with pytest.raises(Unknown):
            people.who(store, token)
    people.revoke(store, "mon")
    with pytest.raises(Unknown):
        people.who(store, token)
    with pytest.raises(ApplianceError, match="there is no token mon"):
        people.revoke(store, "mon")


def test_a_request_finds_its_route_and_no_other() -> None:
    found = routes.find("POST", "/v1/vms/web-1/start")
    assert found
    route, words = found
    assert (route.path, dict(words), route.role) == ("/v1/vms/{vm}/start", {"vm": "web-1"}, "operate")
    for request in ("GET /v1/vms/web-1/start", "POST /v1/vms", "GET /v1/vms/a/b", "GET /v1/vms/..%2f", "GET /"):
        assert routes.find(*request.split()) is None, request
    assert len({(route.method, route.path) for route in routes.ROUTES}) == len(routes.ROUTES)
    assert all(route.role != "read" for route in routes.ROUTES if route.method == "POST"), "who may look changes nothing"


def test_the_openapi_document_is_whole() -> None:
    found = openapi.document(routes.ROUTES)
    text = json.dumps(found)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named <= set(found["components"]["schemas"]), "each schema that is named is there"
    assert {(method, path) for path, of in found["paths"].items() for method in of} == {
        (route.method.lower(), route.path) for route in routes.ROUTES
    }
    vm = found["paths"]["/v1/vms/{vm}"]["get"]
    assert vm["parameters"][0]["name"] == "vm"
    assert vm["responses"]["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/VmView"}


def test_events_are_what_is_new_or_another_and_what_is_gone() -> None:
    before = {("vm", "a"): {"state": "stopped"}, ("vm", "b"): {"state": "running"}}
    after = {("vm", "a"): {"state": "running"}, ("node", "n1"): {"name": "n1"}}
    said = list(feed.differences(before, after))
    assert said == [
        'event: vm\ndata: {"name": "a", "now": {"state": "running"}}\n\n',
        'event: node\ndata: {"name": "n1", "now": {"name": "n1"}}\n\n',
        'event: vm\ndata: {"name": "b", "now": null}\n\n',
    ]
    assert list(feed.differences(after, after)) == []


def test_one_look_serves_all_who_listen_and_they_are_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST", 2)
    looks: list[int] = []

    def look() -> dict[tuple[str, str], Any]:
        looks.append(1)
        return {("vm", "a"): {}}

    shared = feed.Feed(pause=60)
    first, second = shared.follow(look), shared.follow(look)
    for each in (first, second):
        assert next(each) == ":\n\n", "who listens hears at once that it is heard"
        assert next(each).startswith("event: vm\n")
    assert len(looks) == 1
    with pytest.raises(ApplianceError, match="2 listen to this node's events already"):
        next(shared.follow(look))
    first.close()
    assert next(shared.follow(look)) == ":\n\n"


def test_measures_are_told_as_prometheus_reads_them() -> None:
    disks = (
        DiskReport(id="a", serial='S"1', slot="3", role="data", osd=0, up=True, used=5, room=9, temperature=31),
        DiskReport(id="b", serial="S2", role="system"),
    )
    report = PoolReport(name="vms", health="healthy", raw=100, osds=1, osds_up=1, osds_in=1, disks=disks)
    alerts = [Alert(where="x", severity="warning", message="m")]
    text = metrics.exposition([*metrics.of_storage(StorageHealth(at=1.0, report=report)), *metrics.of_alerts(alerts)])
    lines = text.splitlines()
    assert 'trivet_alerts{severity="warning"} 1.0' in lines
    assert 'trivet_alerts{severity="critical"} 0.0' in lines
    assert 'trivet_pool_health{health="healthy"} 1.0' in lines
    assert "trivet_pool_raw_bytes 100.0" in lines
    assert 'trivet_disk_temperature_celsius{role="data",serial="S\\"1",slot="3"} 31.0' in lines
    assert not [line for line in lines if line.startswith("trivet_disk") and "S2" in line], "it has no OSD, and says nothing"
    assert list(metrics.of_storage(None)) == []


def test_a_look_that_fails_is_no_news() -> None:
    there = iter([{("vm", "a"): {}}, ApplianceError("etcd does not answer", ""), {("vm", "a"): {}, ("vm", "b"): {}}])

    def look() -> dict[tuple[str, str], Any]:
        found = next(there)
        if isinstance(found, ApplianceError):
            raise found
        return found

    events = feed.Feed(pause=0).follow(look)
    said = [next(events) for _ in range(3)]
    assert [event.partition("\n")[2] for event in said[1:]] == [
        'data: {"name": "a", "now": {}}\n\n', 'data: {"name": "b", "now": {}}\n\n',
    ]  # fmt: skip
