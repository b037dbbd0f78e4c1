"""Runs inside the image: Java runs Spark and Python workers, the S3A classes load, and both programs are on PATH."""

import os
import subprocess

import boto3
import pandas as pd
from pyspark.sql import SparkSession

assert boto3.__version__ == "1.42.38", boto3.__version__
assert pd.__version__.startswith("2."), pd.__version__
java = subprocess.run(["java", "-version"], check=True, capture_output=True, text=True).stderr
assert ' "17.' in java or ' "21.' in java, java

os.environ["SPARK_LOCAL_HOSTNAME"] = "localhost"  # without a network the container's name does not resolve
spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
assert spark.version == "3.5.9", spark.version
assert spark.range(1000).selectExpr("sum(id)").first()[0] == 499500
assert spark.sparkContext.parallelize(range(10), 2).map(lambda x: x * x).sum() == 285
jvm = spark.sparkContext._jvm  # noqa: SLF001  # the only way to Java classes from Python
for name in ("org.apache.hadoop.fs.s3a.S3AFileSystem", "com.amazonaws.services.s3.AmazonS3Client"):
    jvm.java.lang.Class.forName(name, True, jvm.java.lang.Thread.currentThread().getContextClassLoader())
spark.stop()

for program in ("smspark-submit", "smspark-history-server"):
    subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL)
subprocess.run(["pip", "check"], check=True, stdout=subprocess.DEVNULL)
print("ok")
