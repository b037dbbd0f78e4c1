"""Where a new bucket is made, as CreateBucket wants to be told."""

from collections.abc import Mapping

UNNAMED_REGION = "us-east-1"
"""The region that CreateBucket does not let a client name."""


def bucket_place(region: str) -> Mapping[str, object]:
    """The keyword arguments of boto3's `create_bucket` for a bucket in this region, besides its name."""
    if region == UNNAMED_REGION:
        return {}
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}
