"""Digits varied and damaged as hands, pens and scanners do."""
