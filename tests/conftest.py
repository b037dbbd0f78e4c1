"""Fixtures shared by all tiers."""

pytest_plugins = [
    "pytester",
    "tests.fixtures_docker",
    "tests.fixtures_disk",
    "tests.fixtures_postgresql",
    "tests.fixtures_s3",
]
