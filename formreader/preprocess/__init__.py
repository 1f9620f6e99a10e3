"""Make upright, evenly lit copies of pages."""
