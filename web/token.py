"""The secret that lets a reader in, by header or by cookie."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from ..data import InputError

COOKIE = "capscope"
LEAST = 16
"""Fewest characters of a token."""


class Token:
    """A secret; the cookie holds a hash of it, so that the secret itself is typed only once."""

    def __init__(self, secret: str) -> None:
        """Keep the secret."""
        self._secret = secret.encode()

    @classmethod
    def made(cls) -> tuple[Token, str]:
        """Make a new one, and return its secret with it."""
        secret = secrets.token_urlsafe(32)
        return cls(secret), secret

    @classmethod
    def read(cls, path: Path) -> Token:
        """Read the first line of a file.

        Raises:
            InputError: it cannot be read, or its first line is too short.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path} cannot be read ({type(error).__name__})",
                "a file whose first line is the token",
                "Check the path.",
            ) from error
        secret = lines[0].strip() if lines else ""
        if len(secret) < LEAST:
            raise InputError(
                f"a token of {len(secret)} characters in {path}",
                f"at least {LEAST}",
                "Write a longer one, such as 32 random characters.",
            )
        return cls(secret)

    @property
    def cookie(self) -> str:
        """What the cookie holds."""
        return hmac.new(self._secret, b"capscope page", hashlib.sha256).hexdigest()

    def is_secret(self, given: str) -> bool:
        """Tell whether this is the secret, in a time that says nothing of it."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._secret)

    def admits(self, authorization: str, cookies: str) -> bool:
        """Tell whether the headers `Authorization` or `Cookie` hold the secret or its cookie."""
        if self.is_secret(authorization.removeprefix("Bearer ")):
            return True
        try:
            held = SimpleCookie(cookies).get(COOKIE)
        except CookieError:
            return False
        return held is not None and hmac.compare_digest(
            held.value.encode("utf-8", "replace"), self.cookie.encode()
        )
