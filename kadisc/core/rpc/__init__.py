"""Queries and answers on their way: transaction IDs, time-outs and retransmission, the send queue,
the steps that a datagram takes in and out. It may import `contract`, `addressing` and `limits`, and
knows no feature that queries are sent for. Start with `send_queue.py` and `sender.py` for the way
out, `receiver.py` and `transactions.py` for the way in.
"""
