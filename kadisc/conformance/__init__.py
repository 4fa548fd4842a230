"""Does a node keep to the protocol, and does it hold against the attacks that real nodes fell for?
Any node that speaks KRPC can be asked.

`datagrams` writes what is sent, right or wrong; `probe` owns the sockets and the pace; `case` says
what a case is; `cases/` holds them by subject; `suite` runs them. Everything is seen from outside:
nothing here knows how the node under test is made.
"""
