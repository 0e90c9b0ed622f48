"""What the cookie's value looks like."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import quote, unquote

from .daemon import is_id


class PlainCookie:
    """The id alone."""

    def read(self, value: str) -> str | None:
        return value if is_id(value) else None

    def write(self, id: str) -> str:
        return id


class ExpressCookie:
    """express-session's form: `s:`, the id, a dot and its HMAC-SHA-256 in base64 without padding, percent-encoded."""

    def __init__(self, secrets: Sequence[str]):
        """The first secret signs, any may have signed, as with express-session's own `secret`."""
        self._secrets = secrets

    def read(self, value: str) -> str | None:
        signed = unquote(value)
        id = signed.removeprefix("s:").rpartition(".")[0]
        known = any(hmac.compare_digest(signed.encode(), _sign(id, secret).encode()) for secret in self._secrets)
        return id if known and is_id(id) else None

    def write(self, id: str) -> str:
        return quote(_sign(id, self._secrets[0]), safe="")


def _sign(id: str, secret: str) -> str:
    signature = hmac.digest(secret.encode(), id.encode(), hashlib.sha256)
    return f"s:{id}.{base64.b64encode(signature).decode().rstrip('=')}"
