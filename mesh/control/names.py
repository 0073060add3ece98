"""Whether names and values of manifests and requests can be used: texts for people, never raised.

The grammar of worker names is `mesh.config`'s. Whether what they name exists is not asked here.
"""

from __future__ import annotations

from keyword import iskeyword
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mesh.config.worker_id import ENVIRONMENT, ENVIRONMENT_RULE, NAME, NAME_RULE, WorkerId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh.v1.control_pb2 import Target

PROPS_LIMIT_BYTES: Final = 64 * 1024
"""They travel to every host of the callee."""

CALLER_PROPS_LIMIT_BYTES: Final = 256 * 1024
"""Those of all bindings that are set for one caller."""

VAR_LIMIT_BYTES: Final = 64 * 1024
"""A single value."""

VARS_LIMIT_BYTES: Final = 256 * 1024
"""All values of a worker; they travel in one message with whatever else an agent must know."""

NAME_LIMIT: Final = 128
"""Characters of a name in `env`."""

NESTING_LIMIT: Final = 64
"""How deep JSON may be nested; every agent, cell and tool on the way has to read it."""


def wrong_with_worker(text: str) -> str:
    """What is wrong with a worker's name; empty: nothing."""
    try:
        WorkerId.parse(text)
    except ValueError as error:
        return str(error)
    return ""


def wrong_with_name(name: str) -> str:
    """What is wrong with a name in `env`; empty: nothing."""
    if len(name) > NAME_LIMIT:
        return f"`{name[:20]}…` has {len(name)} characters, more than {NAME_LIMIT}"
    if not name.isidentifier() or iskeyword(name):
        return f"`{name}` is not a Python identifier, and code reads it as env.NAME"
    if name.startswith("__") and name.endswith("__"):
        return f"`{name}` is a name of Python's own; choose one without the underscores"
    return ""


def wrong_with_target(target: Target) -> str:
    """What is wrong with where a binding is to lead; empty: nothing."""
    if not NAME.fullmatch(target.service):
        return f"`{target.service}` is not a worker name: {NAME_RULE}"
    if target.environment and not ENVIRONMENT.fullmatch(target.environment):
        return f"`{target.environment}` is not an environment name: {ENVIRONMENT_RULE}"
    if target.entrypoint and wrong_with_name(target.entrypoint):
        return f"entrypoint `{target.entrypoint}` is not the name of a Python class"
    return _wrong_with_props(target)


def _wrong_with_props(target: Target) -> str:
    if len(target.props_json) > PROPS_LIMIT_BYTES:
        return f"the props are longer than {PROPS_LIMIT_BYTES} bytes"
    props = _json(target.props_json or b"{}")
    if not isinstance(props, dict):
        return "the props are no JSON object"
    return _wrong_with_nesting(props, "the props")


def wrong_with_value(value_json: bytes) -> str:
    """What is wrong with the value of a var; empty: nothing."""
    if len(value_json) > VAR_LIMIT_BYTES:
        return f"the value is longer than {VAR_LIMIT_BYTES} bytes"
    value = _json(value_json)
    if isinstance(value, msgspec.UnsetType):
        return "the value is no JSON"
    return _wrong_with_nesting(value, "the value")


def read_object(text: bytes) -> dict[str, msgspec.Raw] | None:
    """The members of a JSON object, each still as JSON; `None`: it is none. Empty text is `{}`."""
    try:
        members = msgspec.json.decode(text or b"{}", type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return members


def _wrong_with_nesting(value: Any, what: str) -> str:  # Any: JSON values
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(NESTING_LIMIT):
        level = [child for each in level for child in _children(each)]
    return f"{what}: nested deeper than {NESTING_LIMIT} levels" if level else ""


def _children(value: Any) -> Iterable[Any]:  # Any: JSON values
    children = value.values() if isinstance(value, dict) else value
    return (child for child in children if isinstance(child, (dict, list)))


def _json(text: bytes) -> Any:  # Any: JSON values; UNSET: the text is none
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.UNSET
