"""The address book: peers of the own network that were reported or verified, kept over restarts,
after the model of Bitcoin's addrman. It may import `contract`, `addressing` and `limits`. Start
with `address_book.py`, then `tables.py` for where an entry is placed.
"""
