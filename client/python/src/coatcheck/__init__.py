"""Flask sessions kept by a Coatcheck daemon: `app.session_interface = CoatcheckSessionInterface(app)`."""

from .daemon import CoatcheckError, OutageError
from .interface import CoatcheckSessionInterface, ConflictError
from .session import Session

__all__ = ["CoatcheckError", "CoatcheckSessionInterface", "ConflictError", "OutageError", "Session"]
