"""Bytes to messages and back. Nothing but `DecodeError` leaves this package."""
