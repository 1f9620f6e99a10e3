"""Training data: sets of digits, corrections, crops of rendered pages."""
