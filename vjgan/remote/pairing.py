"""Who may touch the show from another machine: those who were given the code of the moment."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing that looks like another
CODE_LENGTH = 6  # 30 bits, five tries for each
PATIENCE = 5  # wrong codes until there is a new one
PAUSE_SECONDS = 1.0  # between two tries, whoever makes them
MOST_TOKENS = 64


class Pairing:
    """Codes that work once, and the tokens given for them, which last as long as the show."""

    def __init__(
        self, changed: Callable[[str], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        """``changed`` is told each new code, the first one too."""
        self._changed = changed
        self._now = now
        self._tokens: list[str] = []
        self._tried = now() - PAUSE_SECONDS
        self.code = ""
        self._renew()

    def pair(self, code: str) -> str:
        """A token for the right code, which is then spent; empty for a wrong one, or one that
        comes within a second of another."""
        now = self._now()
        if now - self._tried < PAUSE_SECONDS:
            return ""
        self._tried = now
        if not hmac.compare_digest(_plain(code), self.code.encode()):
            self._wrong += 1
            if self._wrong >= PATIENCE:
                self._renew()
            return ""
        token = secrets.token_urlsafe(32)
        self._tokens = [*self._tokens[1 - MOST_TOKENS :], token]
        self._renew()
        return token

    def knows(self, token: str) -> bool:
        """Whether a token was given out."""
        given = token.encode()
        return any(hmac.compare_digest(given, known.encode()) for known in self._tokens)

    def _renew(self) -> None:
        self._wrong = 0
        self.code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        self._changed(self.code)


def _plain(code: str) -> bytes:
    """Without what may differ as people type it: case, spaces, dashes, O for 0, I or L for 1."""
    return code.upper().translate(str.maketrans("OIL", "011", " -")).encode()
