"""The identity of a worker: a name and, if it is not the plain one, an environment.

Does not say where the worker runs or what it is made of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}")
"""Cloudflare's grammar of worker names; match it with `fullmatch`."""

NAME_RULE = "lower-case letters, digits, `_` and `-`, at most 63, not starting with `-`"
"""`NAME` in words, for error texts."""

ENVIRONMENT = re.compile(r"[A-Za-z0-9_-]{1,63}")
"""Names of environments; an upper-case letter is allowed, `@` and `.` would be ambiguous."""

ENVIRONMENT_RULE = "letters, digits, `_` and `-`, at most 63"
"""`ENVIRONMENT` in words, for error texts."""


@dataclass(frozen=True, slots=True)
class WorkerId:
    """`auth`, or `auth@staging` for its environment `staging`; unique in a mesh."""

    name: str
    environment: str | None = None

    def __str__(self) -> str:
        return self.name if self.environment is None else f"{self.name}@{self.environment}"

    @property
    def full_name(self) -> str:
        """What Cloudflare calls it: environment `staging` of `auth` is the worker `auth-staging`.

        Source: developers.cloudflare.com/workers/wrangler/environments
        """
        return self.name if self.environment is None else f"{self.name}-{self.environment}"

    @classmethod
    def parse(cls, text: str) -> WorkerId:
        """Read `NAME` or `NAME@ENVIRONMENT`.

        Raises:
            ValueError: the text is neither; the message says what is wrong with it.
        """
        name, at, environment = text.partition("@")
        if not NAME.fullmatch(name):
            raise ValueError(f"`{name}` is not a worker name: {NAME_RULE}")
        if at and not ENVIRONMENT.fullmatch(environment):
            raise ValueError(f"`{environment}` is not an environment name: {ENVIRONMENT_RULE}")
        return cls(name, environment if at else None)
