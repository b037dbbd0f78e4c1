"""A local replacement for the programs of the AWS images sagemaker-spark-processing, on Spark's standalone cluster."""
