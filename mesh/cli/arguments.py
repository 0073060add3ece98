"""What people write as arguments, checked before anything is sent.

Each function here turns a text into a value, or ends the command with what is wrong and
how to write it.
"""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any, Final

import click

from mesh.config.address import parse_address
from mesh.config.target import TARGET_FORM, is_identifier, parse_target
from mesh.config.worker_id import WorkerId
from mesh.v1.control_pb2 import Target

if TYPE_CHECKING:
    from mesh.config.model import ServiceConfig

_UNIX: Final = "unix:"
_SOCKET_PATH_LIMIT_BYTES: Final = 107
"""What fits into a `sockaddr_un`. Source: unix(7)."""

_BINDING_FORM: Final = f"BINDING={TARGET_FORM}"
_LONGEST_SECONDS: Final = 86_400.0
_VERSION_DIGITS: Final = 19
"""Fewer than the largest number that the protocol can carry has."""


def parse_worker(text: str) -> str:
    """Read NAME or NAME@ENVIRONMENT. Raises: click.BadParameter."""
    try:
        return str(WorkerId.parse(text))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def parse_control(text: str) -> str:
    """Read HOST:PORT or unix:PATH, which gRPC takes as they are. Raises: click.BadParameter."""
    if text.startswith(_UNIX):
        _check_socket_path(text.removeprefix(_UNIX))
        return text
    if "/" in text:
        raise click.BadParameter(
            f"`{text}` is neither HOST:PORT nor unix:PATH; write unix:{text} for a socket"
        )
    try:
        parse_address(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write HOST:PORT or unix:PATH") from error
    return text


def _check_socket_path(path: str) -> None:
    if not path:
        raise click.BadParameter("`unix:` names no socket; write unix:PATH")
    if path.startswith("//") and not path.startswith("///"):
        raise click.BadParameter(f"`unix:{path}` names a host; write unix:PATH")
    length = len(os.fsencode(path))
    if length > _SOCKET_PATH_LIMIT_BYTES:
        raise click.BadParameter(
            f"the path of a Unix socket may have {_SOCKET_PATH_LIMIT_BYTES} bytes, this one has "
            f"{length}; reach it by a shorter one, such as a symbolic link"
        )


def parse_version(text: str) -> int:
    """The version of an object that was written before. Raises: click.BadParameter."""
    if text.isdecimal() and 0 < len(text) <= _VERSION_DIGITS and int(text) > 0:
        return int(text)
    raise click.BadParameter(f"`{text}` is no version; take it from the listing, --output json")


def parse_seconds(text: str | float) -> float:
    """A finite number of seconds, up to a day. Raises: click.BadParameter."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if 0 <= seconds <= _LONGEST_SECONDS:
        return seconds
    raise click.BadParameter(f"`{text}` is no number of seconds from 0 to a day")


def parse_timeout(text: str | float) -> float:
    """The same, but above zero. Raises: click.BadParameter."""
    seconds = parse_seconds(text)
    if not seconds:
        raise click.BadParameter("it must be above 0; no answer comes in no time")
    return seconds


def parse_props(text: str) -> dict[str, Any]:  # Any: JSON values
    """A JSON object. Raises: click.BadParameter."""
    try:
        value = parse_json(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if not isinstance(value, dict):
        raise click.BadParameter(f'`{text}` is no JSON object; such as {{"role": "admin"}}')
    return value


def parse_assignment(text: str) -> ServiceConfig:
    """Read BINDING=SERVICE[@ENVIRONMENT][#Entrypoint]. Raises: click.BadParameter."""
    binding, equals, target = text.partition("=")
    if not equals:
        raise _wrong_binding(f"`{text}` has no `=`; write {_BINDING_FORM}")
    try:
        return parse_target(parse_binding_name(binding), target)
    except ValueError as error:
        raise _wrong_binding(str(error)) from error


def parse_binding_name(text: str) -> str:
    """The name of a binding alone. Raises: click.BadParameter."""
    if is_identifier(text):
        return text
    name, equals, _ = text.partition("=")
    rule = (
        f"write the name alone, `{name}`"
        if equals
        else "it must be a Python identifier, such as AUTH"
    )
    raise _wrong_binding(f"`{text}` is no name of a binding: {rule}")


def parse_var(text: str, *, is_json: bool) -> tuple[str, bytes]:
    """Read NAME=VALUE: the name, and the value as JSON. Raises: click.BadParameter."""
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"`{text}` has no `=`; write NAME=VALUE", param_hint="NAME=VALUE")
    try:
        return parse_var_name(name), to_json(parse_json(value) if is_json else value)
    except ValueError as error:
        raise click.BadParameter(f"{name}: {error}", param_hint="NAME=VALUE") from error


def parse_var_name(text: str) -> str:
    """The name of a var alone. Raises: click.BadParameter."""
    if is_identifier(text):
        return text
    raise click.BadParameter(
        f"`{text}` is no name of a var: it must be a Python identifier, such as LEVEL",
        param_hint="NAME",
    )


def _wrong_binding(message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint="BINDING")


def parse_json(text: str) -> Any:  # Any: JSON values
    """The value of a JSON text. Raises: ValueError, whose message says what is wrong."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("the value is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"`{text}` is no JSON: {error}") from error
    to_json(value)
    return value


def to_json(value: Any) -> bytes:  # Any: JSON values
    """A value as the protocol has it. Raises: ValueError for what UTF-8 or JSON cannot carry."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("the value holds text that is not UTF-8") from error
    except ValueError as error:
        raise ValueError("the value holds NaN or Infinity, which JSON does not have") from error


def to_target(service: ServiceConfig) -> Target:
    """Where a binding leads, as the protocol has it."""
    return Target(
        service=service.service,
        environment=service.environment or "",
        entrypoint=service.entrypoint or "",
        props_json=to_json(dict(service.props)) if service.props else b"",
    )
