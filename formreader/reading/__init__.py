"""One page, read: from its file to its readings, the same way for all who read pages."""
