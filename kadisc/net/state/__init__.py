"""What a node keeps on disk between runs: one SQLite file in a folder that one node locks. It may
import `transport`. Start with `keeper.py` (when to save), then `state_file.py` (what).
"""
