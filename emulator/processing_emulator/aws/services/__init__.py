"""One module per operation of the API: the model's members on one side, the use cases on the other, nothing else."""
