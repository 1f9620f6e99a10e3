"""From a box's pixels to a digit: the 28x28 normaliser, the networks, the recogniser."""
