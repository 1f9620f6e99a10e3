"""Batch work: sends many pages through worker processes and the network, and stores the results."""
