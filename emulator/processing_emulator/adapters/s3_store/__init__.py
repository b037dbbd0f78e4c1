"""ObjectStore over the S3 protocol: a small client on the standard library, made for many small objects."""
