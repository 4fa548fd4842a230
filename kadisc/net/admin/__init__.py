"""What an operator changes while a node runs: bans and static peers by command, and another
configuration. It may import the rooms up to the configuration file. Start with
`administration.py`.
"""
