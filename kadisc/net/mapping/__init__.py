"""Ports that the router forwards: PCP and NAT-PMP as own code, UPnP in a process of its own. It may
import the rooms `transport` and `state`. Start with `port_mapper.py`, then `pcp.py`.
"""
