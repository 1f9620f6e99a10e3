"""Digits and numbers as scans have them: cut out of printed forms that were filled in by hand.

The page network's training draws such pages. Here their boxes and cells are cut out as scans cut
them, and labelled with what was written: digits for `formreader train --data`, and strips for
`number_network --strips-file`.
"""
