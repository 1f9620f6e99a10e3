"""Measure, compare and explain networks, in figures and pictures."""
