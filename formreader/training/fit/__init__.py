"""Fitting a network: batches, optimiser, averaging, calibration, resuming."""
