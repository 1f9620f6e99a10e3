"""Train networks on a machine with a GPU and JAX, where TensorFlow need not be installed."""
