"""The batch: many pages through worker processes and the network into the job."""
