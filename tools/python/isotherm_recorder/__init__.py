"""Writes Isotherm archives (HDF5, layout 1) from PyTorch or NumPy while a network runs.

>>> from isotherm_recorder import Recorder
>>> with Recorder("run", title="my network", samples=64) as recorder:
...     recorder.watch(model)
...     model(probe)
...     recorder.checkpoint(step=0)
"""

from .errors import InputError, RecorderError
from .provenance import VERSION as __version__
from .recorder import Recorder

__all__ = ["InputError", "Recorder", "RecorderError", "__version__"]
