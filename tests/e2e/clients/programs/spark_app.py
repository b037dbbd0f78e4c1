"""A user's Spark application: sums by group over CSV files on S3, and the result written back to S3.

Usage: spark_app.py INPUT-URI OUTPUT-URI [MESSAGE]      (with MESSAGE it fails with that text)
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812  # Spark's own convention
from spark_helper import double


def main(source: str, target: str, message: str | None = None) -> None:
    spark = SparkSession.builder.appName("sums").getOrCreate()
    if message is not None:
        raise ValueError(message)
    rows = spark.read.csv(source, schema="id LONG, part INT, price LONG")
    doubled = F.udf(double, "long")  # a Python worker on every executor imports the helper
    sums = rows.groupBy("part").agg(
        F.count("*").alias("rows"), F.sum("price").alias("price"), F.max("id").alias("last")
    )
    sums = sums.withColumn("twice", doubled("price")).orderBy("part")
    sums.coalesce(1).write.mode("overwrite").csv(target)
    print("executors get", spark.conf.get("spark.executor.memory"))
    spark.stop()


main(*sys.argv[1:])
