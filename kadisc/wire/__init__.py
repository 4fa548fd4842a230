"""Bytes to messages and back; it imports the nouns of the package alone. Only `DecodeError` leaves
this package. Start with `krpc.py` (a datagram read and written) and `messages.py`.
"""
