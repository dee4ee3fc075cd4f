# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document of the API, made of its table of routes. Pure."""

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

from appliance import __version__
from appliance.model.base import Model
from appliance.model.cluster import API_PORT
from appliance.model.problem import Problem
from appliance.node.routes import JSON, Route

_REFS = "#/components/schemas/{model}"


class Refusal(Model):
    """Why a request was not carried out: every problem, each with a remedy."""

    problems: tuple[Problem, ...]


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """OpenAPI 3.1."""
    every = tuple(routes)
    kinds: list[Any] = [Refusal, *(route.answer for route in every if _is_document(route))]
    inputs: list[tuple[int, Any, TypeAdapter[Any]]] = [(at, "serialization", TypeAdapter(kind)) for at, kind in enumerate(kinds)]
    schemas, shared = TypeAdapter.json_schemas(inputs, ref_template=_REFS)
    found = {repr(kind): schemas[at, "serialization"] for at, kind in enumerate(kinds)}
    paths: dict[str, dict[str, Any]] = {}
    for route in every:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, found)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Trivet", "version": __version__, "description": "Any node answers for the cluster."},
        "servers": [{"url": f"https://{{node}}:{API_PORT}", "variables": {"node": {"default": "localhost"}}}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": shared.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "`trivet api token NAME`"}},
        },
    }


def _is_document(route: Route) -> bool:
    return route.answer is not None and route.media == JSON


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = schemas[repr(route.answer)] if _is_document(route) else {"type": "string"}
    if route.answer is None:
        schema = {"type": "object"}
    answers = {"200": {"description": route.does, "content": {route.media: {"schema": schema}}}}
    for code, why in (("401", "no good token"), ("403", "the token may not, or it is refused"), ("404", "not there")):
        answers[code] = {"description": why, "content": {"application/json": {"schema": schemas[repr(Refusal)]}}}
    return {
        "summary": route.does,
        "description": f"Needs the role `{route.role}`.",
        "parameters": [{"name": w, "in": "path", "required": True, "schema": {"type": "string"}} for w in route.words],
        "responses": answers,
    }
