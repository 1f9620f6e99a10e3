"""What people know about the fields of a form: sums, ranges, dates, check digits."""
