"""The application's own network on top of the DHT: gossip, verification of peers, the view of
slots, and the peers that the application is given. It may import `contract`, `addressing`,
`limits`, `table`, `rpc`, `book`, the module `dht`, `serving` and `reach`. Start with `network.py`;
`rounds.py` says when gossip happens, `exchange.py` what one exchange does, `verification.py` what
it proves, and `selection.py` which peers the application gets first.
"""
