"""What a node keeps between runs: the key in one small file, the rest in an SQLite file, in a
folder that one node locks. It may import `transport`. Start with `keeper.py` (when to save), then
`state_folder.py` (where), `identity_file.py` and `state_file.py` (what).
"""
