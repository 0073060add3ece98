"""This host's place in the mesh: the agent's name, its control plane, and where peers reach it.

From mesh.toml's `[agent]`, `MESH_*` variables and flags. Whether anybody answers at an address is
found out when the agent starts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.config.address import parse_address
from mesh.config.model import AgentConfig, PeerConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh.config.problems import Problems
    from mesh.config.section import Section

AGENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
"""What an agent may be called: whatever a host is called."""

_PORTS = re.compile(r"(?P<host>.+):(?P<first>[0-9]{1,5})-(?P<last>[0-9]{1,5})")
_ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not bound
_INSECURE_FIX = (
    "add --insecure where the network between the hosts is trusted: links have no identity and no "
    "encryption in this version"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """What one source says, as text; `None`: it does not say."""

    name: str | None = None
    """The agent's name."""

    control: str | None = None
    """`HOST:PORT` or `unix:PATH` of the control plane."""

    peer_listen: str | None = None
    """`HOST:FIRST-LAST`, the ports of the cells."""

    advertise: str | None = None
    """The host at which other hosts reach this one."""

    insecure: bool | None = None
    """Whether plaintext between hosts is accepted."""


def read_agent(section: Section) -> AgentSettings:
    """What `[agent]` says."""
    table = section.table("agent")
    if table is None:
        return AgentSettings()
    settings = AgentSettings(
        name=table.text("name"),
        control=table.text("control"),
        peer_listen=table.text("peer_listen"),
        advertise=table.text("advertise"),
        insecure=table.flag("insecure"),
    )
    table.finish()
    return settings


def read_variables(environ: Mapping[str, str], problems: Problems) -> AgentSettings:
    """What the variables say; an empty one counts as unset."""
    insecure = environ.get("MESH_INSECURE")
    if insecure and insecure not in {"0", "1"}:
        problems.error("MESH_INSECURE", f"`{insecure}` is neither 0 nor 1")
    return AgentSettings(
        name=environ.get("MESH_AGENT") or None,
        control=environ.get("MESH_CONTROL") or None,
        peer_listen=environ.get("MESH_PEER_LISTEN") or None,
        advertise=environ.get("MESH_ADVERTISE") or None,
        insecure=insecure == "1" if insecure else None,
    )


def place_agent(
    sources: dict[str, AgentSettings], hostname: str, problems: Problems
) -> AgentConfig:
    """This host's agent from all sources, the last of which wins.

    The key of a source is how it writes a setting: "--{flag}", "MESH_{variable}", or else.
    """

    def last(field: str) -> tuple[str, str | None]:
        flag = "agent" if field == "name" else field.replace("_", "-")
        variable = flag.replace("-", "_").upper()
        for form, source in reversed(sources.items()):
            if (value := getattr(source, field)) is not None:
                return form.format(flag=flag, variable=variable, key=field), value
        return "", None

    insecure = bool(last("insecure")[1])
    where, name = last("name")
    if name is not None and not AGENT_NAME.fullmatch(name):
        problems.error(where, f"`{name}` is no agent name", "use letters, digits, `.`, `_`, `-`")
    peers = _place_peers(last("peer_listen"), last("advertise"), problems)
    control = _place_control(last("control"), problems)
    is_remote = control is not None and not control.startswith("unix:")
    for place, needs in ((last("control")[0], is_remote), (last("peer_listen")[0], bool(peers))):
        if needs and not insecure:
            problems.error(place, "plaintext between hosts needs a yes", _INSECURE_FIX)
    return AgentConfig(name=name or hostname, control=control, peers=peers, insecure=insecure)


def _place_control(said: tuple[str, str | None], problems: Problems) -> str | None:
    where, text = said
    if text is not None and not text.startswith("unix:"):
        try:
            parse_address(text)
        except ValueError as error:
            problems.error(where, str(error), "write HOST:PORT, or unix:PATH")
            return None
    return text


def _place_peers(
    listen: tuple[str, str | None], advertise: tuple[str, str | None], problems: Problems
) -> PeerConfig | None:
    where, text = listen
    if text is None:
        if advertise[1] is not None:
            problems.error(advertise[0], "no peer_listen to advertise", "add --peer-listen")
        return None
    try:
        host, first, last = parse_port_range(text)
    except ValueError as error:
        problems.error(where, str(error), "write HOST:FIRST-LAST, such as 10.0.0.2:9500-9509")
        return None
    if advertise[1] is None and host in _ANY_ADDRESS:
        problems.error(
            where,
            f"`{host}` is every address of this host, which others cannot dial",
            "say with --advertise HOST where they reach it",
        )
    return PeerConfig(host=host, first_port=first, last_port=last, advertise=advertise[1] or host)


def parse_port_range(text: str) -> tuple[str, int, int]:
    """Host, first and last port of `HOST:FIRST-LAST`. Raises: ValueError."""
    match = _PORTS.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is not HOST:FIRST-LAST")
    host, first = parse_address(f"{match['host']}:{match['first']}")
    _, last = parse_address(f"{match['host']}:{match['last']}")
    if not 0 < first <= last:
        raise ValueError(f"`{match['first']}-{match['last']}` is no range of ports")
    return host, first, last
