"""One profile for all property tests: the same examples in every run, few enough for a coffee-free
test run.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "kadisc",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=False,
)
settings.load_profile("kadisc")
