"""Trained networks as ONNX graphs for CPUs."""
