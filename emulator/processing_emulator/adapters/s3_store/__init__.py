"""The object store over S3's own protocol: a thin client on the standard library, built for many small objects."""
