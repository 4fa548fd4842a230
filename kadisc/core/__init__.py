"""The protocol as a state machine without I/O: bytes, time and randomness go in, datagrams and
events come out.
"""
