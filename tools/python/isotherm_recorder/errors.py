"""What goes wrong, in one line each."""


class RecorderError(Exception):
    """Something could not be recorded: what, what was expected, what was found, and what to do."""


class InputError(RecorderError, ValueError):
    """Values that the archive cannot take. They were refused before anything of them was kept."""
