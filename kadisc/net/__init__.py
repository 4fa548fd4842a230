"""The trio shell around the sans-I/O core: sockets, time, tasks, bootstrap, saved state and the
library's `Node`.
"""
