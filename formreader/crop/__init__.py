"""From boxes on a page to 28x28 crops: the one normaliser."""
