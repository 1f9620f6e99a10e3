"""What networks learn from: sets of digits, corrections, crops of rendered pages."""
