"""The trio shell around the sans-I/O core: sockets, the pump, bootstrap, a network of nodes on one
machine.
"""
