"""Fixtures shared by all tiers."""

pytest_plugins = ["tests.fixtures_docker", "tests.fixtures_s3"]
