"""How Hadoop reaches S3: s3:// and s3a:// paths on the endpoint, and with the credentials, that AWS SDKs would use."""

import logging
from collections.abc import Mapping

logger = logging.getLogger(__name__)


def s3_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Lines of core-site.xml. Credentials stay in the environment, where the AWS SDK's default chain finds them."""
    settings = {
        "fs.defaultFS": "file:///",
        "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
        "fs.s3a.aws.credentials.provider": "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
        "fs.s3a.connection.maximum": "100",
    }
    region = environment.get("AWS_REGION")
    if region is None:
        logger.warning("AWS_REGION is not set")
    else:
        settings["fs.s3a.endpoint.region"] = region
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if endpoint is None:
        logger.warning("AWS_ENDPOINT_URL is not set: s3:// and s3a:// paths lead to AWS")
        return settings
    return settings | {
        "fs.s3a.endpoint": endpoint,
        "fs.s3a.path.style.access": "true",
        "fs.s3a.connection.ssl.enabled": str(endpoint.startswith("https://")).lower(),
    }
