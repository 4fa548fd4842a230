"""``config``: the configuration that the node runs with."""

from __future__ import annotations

import msgspec
import trio

from ...config.document import ConfigValue, in_json, values_document
from ..call import Call, Method


class ConfigParams(msgspec.Struct, forbid_unknown_fields=True):
    """No params."""


class ConfigDocument(msgspec.Struct):
    """``values``: by the dotted name of the key, as in a file; null: not set. What one key says of
    another is in it, as ``no_routers`` of ``routers``.
    """

    values: dict[str, ConfigValue]


async def _config(params: ConfigParams, call: Call) -> ConfigDocument:
    await trio.lowlevel.checkpoint()
    values = values_document(call.node.config)
    # They can be changed while the node runs.
    values["service"] = in_json(call.node.services)
    return ConfigDocument(values)


CONFIG = Method("config", ConfigParams, ConfigDocument, _config)
