"""What the S3 store is to hold at the start: a folder or a file that says so, and how it gets there."""
