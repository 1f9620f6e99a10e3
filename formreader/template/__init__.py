"""Templates: what a form looks like, where its fields are and what they are called."""
