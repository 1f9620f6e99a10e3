"""From pages to upright, evenly lit copies of them."""
