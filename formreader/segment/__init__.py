"""From the ink of a field without boxes to its digits."""
