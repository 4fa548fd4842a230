"""Conformance tests: does a node keep to the protocol, and does it resist attacks that have worked
on real nodes? Any node that speaks KRPC can be tested.

`datagrams` encodes valid and invalid messages; `probe` has the sockets and limits the rate;
`verdict` and `case` define cases and their outcomes; `cases/` has the cases by subject; `suite`
runs them. Everything is observed from outside: nothing here depends on the implementation under
test.
"""
