"""The links of this machine: its interfaces and their addresses, the watcher that notices a change
of network, and the sockets that come and go with the addresses that they are bound to. It may
import the rooms `transport` and `mapping`. Start with `watcher.py`.
"""
