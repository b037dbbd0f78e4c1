"""Why an image cannot be built."""


class CannotBuild(Exception):
    """An image cannot be built here; the text is for the user, and says what to do where that is known."""
