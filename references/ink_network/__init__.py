"""The network that tells written ink from printed: examples, architecture, fitting, export."""
