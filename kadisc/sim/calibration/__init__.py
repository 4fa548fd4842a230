"""Calibration: the same lookups in the simulator and on real sockets, to compare the two. It may
import `model`, `measure` and the options. Start with `calibration.py`.
"""
