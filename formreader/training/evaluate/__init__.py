"""Measuring and explaining networks, as figures and pictures."""
