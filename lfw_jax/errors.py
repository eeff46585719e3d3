"""The one exception that reaches a person: its text is the whole message."""


class UserError(Exception):
    """A mistake that the user can mend.

    The text names the file or the key, what was found, what was expected and what to do. `launch.py` prints it
    without a stack trace and exits with code 2.
    """
