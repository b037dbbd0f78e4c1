"""Use cases of CloudWatch: listing and reading metrics, and what clients put."""
