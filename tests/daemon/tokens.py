"""Tokens files."""

import hashlib
import os
import secrets


class Tokens:
    """A tokens file; each token is known by its name."""

    def __init__(self, path):
        self.path = path
        self.of = {}

    def line(self, name, scopes, stores="*"):
        self.of.setdefault(name, secrets.token_hex(32))
        return f"{name} {scopes} {stores} sha256:{hashlib.sha256(self.of[name].encode()).hexdigest()}\n"

    def write(self, *lines):
        """Replaces the file in one step, as an editor does."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text("# name scopes stores hash\n\n" + "".join(lines))
        os.replace(fresh, self.path)
        return self
