"""What people answer comes home: corrections into the job, and audits of what was accepted."""
