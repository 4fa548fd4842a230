"""All parts together for a long time: what grows, what alarms, what fills the log."""
