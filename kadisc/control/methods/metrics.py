"""``metrics``: the families that ``/metrics`` serves, as JSON."""

from __future__ import annotations

import msgspec
import trio

from ...observe.metric_document import MetricFamilyDocument, family_document
from ...observe.metrics import metric_families
from ..call import Call, Method
from ..metric_facts import metric_facts


class MetricsParams(msgspec.Struct, forbid_unknown_fields=True):
    """No params."""


class MetricsDocument(msgspec.Struct):
    """``families``: in the order of their groups, also those without a sample yet."""

    families: list[MetricFamilyDocument]


async def _metrics(params: MetricsParams, call: Call) -> MetricsDocument:
    await trio.lowlevel.checkpoint()
    return MetricsDocument(
        [family_document(each) for each in metric_families(metric_facts(call.node))]
    )


METRICS = Method("metrics", MetricsParams, MetricsDocument, _metrics)
