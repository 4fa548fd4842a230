"""Descriptions of a node for people and programs: events, clients, services, items, the book."""
