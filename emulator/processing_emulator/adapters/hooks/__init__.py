"""Runs the user's scripts when the server starts, is ready, and shuts down."""
