"""A module of the user's, sent along with `submit_py_files`."""


def double(number: int) -> int:
    return 2 * number
