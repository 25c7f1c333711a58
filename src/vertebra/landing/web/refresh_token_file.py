"""The file of a refresh token that is good for one use: each new one replaces it."""

from __future__ import annotations

import os
from pathlib import Path

from vertebra.durable import flush
from vertebra.errors import CollectError


class RefreshTokenFile:
    """A file with a refresh token, which its owner alone can read.

    Attributes:
        path: as declared, with the home folder for ``~``.
    """

    def __init__(self, declared: str) -> None:
        self.path = Path(declared).expanduser()

    def read(self, otherwise: str | None) -> str:
        """The token, read anew each time, because another process may have replaced it.

        Args:
            otherwise: the token to begin with, if there is no file yet.

        Raises:
            CollectError: there is none, or the file cannot be read, or a new token could not be written.
        """
        try:
            found = self.path.read_text("utf-8").strip() if self.path.exists() else (otherwise or "")
        except (OSError, UnicodeDecodeError) as error:
            raise self._unusable("cannot be read", error) from error
        if not found or any(ord(letter) < 32 for letter in found):
            raise CollectError(
                f"there is no refresh token in {self.path}",
                cause="the file has several lines" if found else "it does not exist or is empty",
                remedy="write the token into it, or declare refresh_token: ${NAME} in collect.auth",
            )
        # a token that was used and cannot be replaced is lost
        if not self.path.exists():
            self.replace(found)
        elif not os.access(self.path.parent, os.W_OK):
            raise self._unusable("cannot be replaced", PermissionError(f"{self.path.parent} is not writable"))
        return found

    def replace(self, token: str) -> None:
        """Keep a new token.

        Raises:
            CollectError: it cannot be written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(token)
        except OSError as error:
            raise self._unusable("cannot be written", error) from error

    def _write(self, token: str) -> None:
        new = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as sink:
                sink.write(token + "\n")
            flush(new)
            new.replace(self.path)
        finally:
            new.unlink(missing_ok=True)
        flush(self.path.parent)

    def _unusable(self, how: str, error: Exception) -> CollectError:
        return CollectError(
            f"the refresh token in {self.path} {how}",
            cause=str(error),
            remedy="correct the permissions, or declare another refresh_token_file in collect.auth",
        )
