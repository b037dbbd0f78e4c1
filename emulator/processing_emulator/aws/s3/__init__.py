"""The S3 endpoint: a proxy to the S3 store, and middleware that makes the embedded SeaweedFS answer as S3 does."""
