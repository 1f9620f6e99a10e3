"""Training data, augmentation, training, and the renderer of synthetic forms."""
