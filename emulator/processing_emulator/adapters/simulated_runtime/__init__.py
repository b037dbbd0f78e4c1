"""Containers that do not run: jobs take a course that their environment tells, without a Docker engine."""
