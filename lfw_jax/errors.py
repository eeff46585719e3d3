"""The exception for user mistakes, the only one whose text is written for the terminal."""


class UserError(Exception):
    """A mistake that the user can correct.

    The text names the file or the key, what was found, what was expected and what to do. `launch.py` prints it
    without a stack trace and exits with code 2.
    """
