"""``config``: the configuration that the node runs with."""

from __future__ import annotations

import msgspec
import trio

from ...config.document import ConfigValue, in_json, values_document
from ...net.config_file import config_from
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
    node = call.node
    given = node.administration.reloading.values  # what a reload has changed is in it
    values = values_document(config_from(given) if given else node.config)
    values["state_dir"] = node.config.state_dir
    # Programs offer and withdraw services while the node runs.
    values["service"] = in_json(node.services)
    return ConfigDocument(values)


CONFIG = Method("config", ConfigParams, ConfigDocument, _config)
