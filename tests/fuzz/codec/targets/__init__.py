"""The targets, one a file, each with its oracle; `registry.py` lists them."""
