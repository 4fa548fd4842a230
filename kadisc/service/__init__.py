"""The node as a service of the system: what a service manager is told (`notify.py`, and
`watchdog.py`, which tells it), what it gives in files (`credentials.py`), and the log that is
written for it (`log.py`). Start with `notify.py`. It may import what describes events, and below.
"""
