"""The middleware stack that makes the embedded SeaweedFS answer as S3 does."""

from starlette.types import ASGIApp

from processing_emulator.aws.s3.bucket_region import BucketRegion
from processing_emulator.aws.s3.create_bucket import CreateBucket
from processing_emulator.aws.s3.full_disk import FullDisk, NameFullDisk
from processing_emulator.aws.s3.internal_buckets import RefuseInternalBuckets
from processing_emulator.aws.s3.resign import ReplaceSignature, SignRequest
from processing_emulator.aws.s3.unsupported import RefuseUnsupported


def seaweedfs_middleware(store: ASGIApp, *, sign: SignRequest, full_disk: FullDisk) -> ASGIApp:
    """S3, made of a SeaweedFS that has one identity, whose signer is `sign`, and whose disk may be full."""
    signed = ReplaceSignature(store, sign)
    store_like_s3 = CreateBucket(BucketRegion(RefuseUnsupported(NameFullDisk(signed, full_disk))))
    return RefuseInternalBuckets(store_like_s3)
