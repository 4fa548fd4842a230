"""No sequence of datagrams takes more from a budget than its burst and its rate, at any level and
in any period.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.limits.budget import ROUNDING_S, Budget, CellHash, Rate
from kadisc.endpoints import Endpoint

RATES = st.builds(Rate, st.floats(0.5, 1000.0), st.floats(1.0, 5000.0))
STEPS = st.lists(
    st.tuples(st.floats(0.0, 30.0), st.integers(0, 5), st.floats(1.0, 2000.0)), max_size=60
)


@given(RATES, RATES, RATES, RATES, STEPS, st.binary(min_size=16, max_size=16), st.integers(1, 10))
def test_no_period_takes_more_than_burst_and_rate(
    host: Rate,
    subnet: Rate,
    netgroup: Rate,
    total: Rate,
    commands: list[tuple[float, int, float]],
    secret: bytes,
    bits: int,
) -> None:
    budget = Budget(host=host, subnet=subnet, netgroup=netgroup, total=total)
    cells = CellHash(secret, bits, AddressPolicy(False)).cells
    taken: dict[object, list[tuple[float, float]]] = defaultdict(list)
    times = accumulate(pause for pause, _, _ in commands)
    for now, (_, source, amount) in zip(times, commands, strict=True):
        ip = bytes((11, 0, source % 2, source))
        if not budget.lacking(cells(Endpoint(ip + b"\x1a\xe1")), amount, now):
            for key in (ip, ip[:3], ip[:2], b""):
                taken[key].append((now, amount))
    for key, rate in [
        (key, {4: host, 3: subnet, 2: netgroup, 0: total}[len(key)]) for key in taken
    ]:  # type: ignore[arg-type]
        spent = taken[key]
        for begin in range(len(spent)):
            so_far = 0.0
            for now, amount in spent[begin:]:
                so_far += amount
                assert (
                    so_far
                    <= (rate.burst + rate.per_s * (now - spent[begin][0])) * (1 + 1e-9)
                    + rate.per_s * ROUNDING_S
                    + 1e-6
                )
