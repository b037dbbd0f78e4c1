"""Fixtures shared by all tiers."""
