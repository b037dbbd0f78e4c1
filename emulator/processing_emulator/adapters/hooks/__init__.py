"""Scripts of the user that run when the server starts, is ready and ends."""
