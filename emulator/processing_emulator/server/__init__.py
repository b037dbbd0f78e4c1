"""Pieces of the composition root that are more than a call of a constructor."""
