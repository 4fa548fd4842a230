"""The JSON Schema of the whole protocol, made from the types of the methods."""

from __future__ import annotations

from typing import Any

import msgspec

from .methods import METHODS
from .protocol import CANCEL, PARTIAL, ErrorObject

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ID: dict[str, Any] = {"type": ["integer", "string", "null"]}
_VERSION: dict[str, Any] = {"const": "2.0"}


def protocol_schema() -> dict[str, Any]:
    """A schema of draft 2020-12. A line of either side matches its root. ``$defs`` has for each
    method ``NAME.request``, ``NAME.params``, ``NAME.result`` and ``NAME.partial`` (any of its
    partial results).
    """
    methods = METHODS.values()
    types = {kind for each in methods for kind in (each.params, each.result, *each.partial)}
    ordered = [ErrorObject, *sorted(types, key=lambda kind: kind.__qualname__)]
    schemas, components = msgspec.json.schema_components(ordered, ref_template="#/$defs/{name}")
    schema_of = dict(zip(ordered, schemas, strict=True))
    defs: dict[str, Any] = {}
    for method in methods:
        required = [] if _may_be_empty(method.params) else ["params"]
        defs[f"{method.name}.params"] = schema_of[method.params]
        defs[f"{method.name}.result"] = schema_of[method.result]
        defs[f"{method.name}.partial"] = {"anyOf": [schema_of[kind] for kind in method.partial]}
        if not method.partial:
            defs[f"{method.name}.partial"] = False
        defs[f"{method.name}.request"] = _object(
            {
                "jsonrpc": _VERSION,
                "id": _ID,
                "method": {"const": method.name},
                "params": {"$ref": f"#/$defs/{method.name}.params"},
            },
            ["jsonrpc", "method", *required],
            "" if not method.writes else "Changes the node, or what others store for it.",
        )
    cancel = _object({"id": _ID}, ["id"], "")
    partial = _object({"id": _ID, "value": {"type": "object"}}, ["id", "value"], "")
    defs["cancel"] = _notification(CANCEL, cancel, "The client ends one of its requests.")
    defs["partial"] = _notification(PARTIAL, partial, "A partial result of the request ``id``.")
    defs["response"] = _object(
        {"jsonrpc": _VERSION, "id": _ID, "result": {"type": "object"}},
        ["jsonrpc", "id", "result"],
        "The result of the request ``id``.",
    )
    defs["error"] = _object(
        {"jsonrpc": _VERSION, "id": _ID, "error": schema_of[ErrorObject]},
        ["jsonrpc", "id", "error"],
        "The request ``id`` has failed; null if that could not be read.",
    )
    roots = [*(f"{method.name}.request" for method in methods), "cancel"]
    roots += ["partial", "response", "error"]
    return {
        "$schema": DIALECT,
        "title": "The control socket of kadisc: one line of either side",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in roots],
        "$defs": {**defs, **{name: components[name] for name in sorted(components)}},
    }


def _may_be_empty(params: type[msgspec.Struct]) -> bool:
    return all(not field.required for field in msgspec.structs.fields(params))


def _notification(method: str, params: dict[str, Any], description: str) -> dict[str, Any]:
    properties = {"jsonrpc": _VERSION, "method": {"const": method}, "params": params}
    return _object(properties, list(properties), description)


def _object(properties: dict[str, Any], required: list[str], description: str) -> dict[str, Any]:
    told = {"description": description} if description else {}
    return {**told, "type": "object", "properties": properties, "required": required}
