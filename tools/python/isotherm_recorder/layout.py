"""Paths of an archive's arrays (layout 1), spelled here alone."""

STEP = "/checkpoints/step"
PROGRESS_STEP = "/progress/step"
CONFIGURATION = "/provenance/configuration"
CLASS_NAME = "/classes/name"


def sample(name: str) -> str:
    """Something said of each captured sample."""
    return f"/samples/{name}"


def checkpoint(name: str) -> str:
    """A number a checkpoint."""
    return f"/checkpoints/{name}"


def progress(name: str) -> str:
    """A number a step."""
    return f"/progress/{name}"


def parameter(name: str) -> str:
    """Weights, a row a checkpoint."""
    return f"/checkpoints/parameters/{name}"


def is_about_archive(path: str) -> bool:
    """Whether it says something about the archive, as against its values."""
    return path.startswith(("/provenance/", "/explanation/"))
