"""Where a binding leads, as people write it: `auth`, `auth@staging`, `auth#Admin`.

The same rules hold on the command line and in mesh.toml. Whether the target exists is not known
here, and needs not to: it may come later.
"""

from __future__ import annotations

from keyword import iskeyword

from mesh.config.model import ServiceConfig
from mesh.config.worker_id import ENVIRONMENT, ENVIRONMENT_RULE, NAME, NAME_RULE

TARGET_FORM = "SERVICE[@ENVIRONMENT][#Entrypoint]"
"""The form, for help and error texts."""


def parse_target(binding: str, text: str) -> ServiceConfig:
    """Read the target of `binding`, without props.

    Raises: ValueError, whose message says what is wrong with the text.
    """
    before, hash_sign, entrypoint = text.partition("#")
    service, at, environment = before.partition("@")
    if not service:
        raise ValueError(f"`{text}` names no service; write {TARGET_FORM}")
    if (at and not environment) or (hash_sign and not entrypoint):
        raise ValueError(f"`{text}` ends too early; write {TARGET_FORM}")
    target = ServiceConfig(
        binding=binding,
        service=service,
        environment=environment or None,
        entrypoint=entrypoint or None,
    )
    for problem in wrong_with(target).values():
        raise ValueError(problem)
    return target


def wrong_with(target: ServiceConfig) -> dict[str, str]:
    """What breaks a rule: the field, and why. Empty if all is well."""
    problems = {}
    if not is_identifier(target.binding):
        problems["binding"] = (
            f"`{target.binding}` is not a Python identifier, and code reads it as env.NAME"
        )
    if not NAME.fullmatch(target.service):
        problems["service"] = f"`{target.service}` is not a worker name: {NAME_RULE}"
    if target.environment is not None and not ENVIRONMENT.fullmatch(target.environment):
        problems["environment"] = (
            f"`{target.environment}` is not an environment name: {ENVIRONMENT_RULE}"
        )
    if target.entrypoint is not None and not is_identifier(target.entrypoint):
        problems["entrypoint"] = f"`{target.entrypoint}` is not the name of a Python class"
    return problems


def is_identifier(text: str) -> bool:
    """Whether Python code can use the text as a name."""
    return text.isidentifier() and not iskeyword(text)
