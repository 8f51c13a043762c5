# SPDX-License-Identifier: Apache-2.0
"""Where a study's storage is, and what may be said of it: never a password."""

from dataclasses import dataclass

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from mpqsearch.errors import StudyError

DATABASES = ("postgresql", "mysql", "mariadb")
PROXY = "grpc"
LAST_PORT = 65535
EXAMPLE = "postgresql+psycopg://user@host/database"
SECRET_KEYS = ("pass", "secret", "token")
"""What the names of a URL's query keys hold whose values are secret."""


@dataclass(frozen=True)
class StorageAddress:
    """A database server, or Optuna's gRPC storage proxy.

    Attributes:
        url: As it was given, password and all.
    """

    url: URL

    @classmethod
    def parse(cls, text: str) -> "StorageAddress":
        """Reads an address.

        Raises:
            StudyError: where it is none; the message never repeats the text, which may hold a
                password.
        """
        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            raise StudyError(f"--storage must be a URL such as {EXAMPLE}, but is none") from None
        kind = url.get_backend_name()
        if kind == "sqlite":
            raise StudyError(
                "--storage is for databases that several machines share; without it a run has a"
                " SQLite file in its folder"
            )
        if kind not in (*DATABASES, PROXY):
            allowed = ", ".join(f"{name}://" for name in (*DATABASES, PROXY))
            raise StudyError(f"--storage must begin with one of {allowed} but is {kind}://")
        if not url.host:
            raise StudyError(f"--storage must name a host, as {EXAMPLE} does")
        if url.port is not None and not 1 <= url.port <= LAST_PORT:
            raise StudyError(f"--storage's port must be in 1..{LAST_PORT}, but is {url.port}")
        if kind == PROXY and url.port is None:
            raise StudyError("--storage grpc://HOST:PORT must name the proxy's port")
        if kind != PROXY and not url.database:
            raise StudyError(f"--storage must name a database, as {EXAMPLE} does")
        return cls(url)

    @property
    def is_proxy(self) -> bool:
        """Whether it is Optuna's gRPC storage proxy."""
        return self.url.get_backend_name() == PROXY

    @property
    def extra(self) -> str:
        """The extra of this package that brings the server's driver."""
        kind = self.url.get_backend_name()
        return "mysql" if kind == "mariadb" else kind

    def __str__(self) -> str:
        """The address without its secrets: what is kept, and what messages say."""
        plain = self.url._replace(password=None)  # `set` takes None for: leave as it is
        secret = [key for key in plain.query if any(one in key.lower() for one in SECRET_KEYS)]
        return plain.difference_update_query(secret).render_as_string()

    def __repr__(self) -> str:
        return f"StorageAddress({str(self)!r})"
