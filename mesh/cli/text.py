"""Results as text for people: tables of listings, and a line for each change.

Everything comes from the JSON values of `describe`; nothing is asked or decided here.
"""

from __future__ import annotations

import json
from typing import Any

from mesh.cli.render import printable, to_table

# Any, throughout: JSON values.

_DIGEST_LENGTH = 12


def status(result: dict[str, Any]) -> str:
    """What the mesh consists of, then what somebody should look at."""
    lost = result["agents_lost"]
    lines = {
        "mesh": result["mesh"],
        "agents": f"{result['agents_connected']} connected" + (f", {lost} lost" if lost else ""),
        "workers": str(result["workers"]),
        "bindings": str(result["bindings"]),
        "revision": str(result["position"]["revision"]),
        "software": result["software"],
    }
    width = max(map(len, lines))
    return "\n".join(
        [f"{name:<{width}}  {printable(text)}".rstrip() for name, text in lines.items()]
        + [f"warning: {printable(text, 1000)}" for text in result["warnings"]]
    )


def agents(result: dict[str, Any]) -> str:
    """The agents, and how long the lost ones are silent."""
    rows = [
        [
            agent["agent"],
            _presence(agent),
            str(agent["revision"]),
            _join(agent["workers"]),
            _join(endpoint["address"] for endpoint in agent["endpoints"]),
            agent["software"],
        ]
        for agent in result["agents"]
    ]
    header = ["AGENT", "STATE", "REVISION", "WORKERS", "ENDPOINTS", "SOFTWARE"]
    return to_table(header, rows, "no agents")


def workers(result: dict[str, Any]) -> str:
    """The workers, and where they run."""
    rows = [
        [
            worker["worker"],
            _join(worker["agents"]),
            "yes" if worker["is_edge"] else "no",
            _join(digest[:_DIGEST_LENGTH] for digest in worker["digests"]),
            _join(worker["routes"]),
        ]
        for worker in result["workers"]
    ]
    return to_table(["WORKER", "AGENTS", "EDGE", "DIGEST", "ROUTES"], rows, "no workers")


def bindings(result: dict[str, Any]) -> str:
    """The bindings, with their source and whether a call would find its target."""
    rows = [
        [
            binding["caller"],
            binding["name"],
            target(binding["target"]),
            binding["source"],
            _state(binding),
            target(binding["hidden"]),
        ]
        for binding in result["bindings"]
    ]
    header = ["CALLER", "BINDING", "TARGET", "SOURCE", "STATE", "HIDES"]
    return to_table(header, rows, "no bindings")


def variables(result: dict[str, Any]) -> str:
    """The values that somebody set."""
    rows = [[var["worker"], var["name"], _value(var["value"])] for var in result["vars"]]
    return to_table(["WORKER", "NAME", "VALUE"], rows, "no vars are set")


def binding_changes(result: dict[str, Any]) -> str:
    """What each binding is now."""
    return "\n".join(_binding_line(change) for change in result["changes"])


def var_changes(result: dict[str, Any]) -> str:
    """What each var is now."""
    return "\n".join(_var_line(change) for change in result["changes"])


def applied(result: dict[str, Any]) -> str:
    """The differences, then their number."""
    lines = [_difference(change) for change in result["changes"]]
    count = {0: "no changes", 1: "1 change"}.get(len(lines), f"{len(lines)} changes")
    tail = "; nothing was written" if result["dry_run"] and lines else ""
    return "\n".join([*lines, f"{count}{tail}"])


def target(value: dict[str, Any] | None) -> str:
    """A target as people write it; `-` for none."""
    if value is None:
        return "-"
    environment = f"@{value['environment']}" if value["environment"] else ""
    entrypoint = f"#{value['entrypoint']}" if value["entrypoint"] else ""
    return f"{value['service']}{environment}{entrypoint}"


def _presence(agent: dict[str, Any]) -> str:
    if agent["is_connected"]:
        return "connected"
    return "left" if agent["has_left"] else f"lost {agent['silent_seconds']:.0f} s ago"


def _state(binding: dict[str, Any]) -> str:
    if binding["source"] == "removed":
        return "-"
    return "available" if binding["is_available"] else "unavailable"


def _binding_line(change: dict[str, Any]) -> str:
    what, binding = f"{change['caller']} {change['name']}", change["binding"]
    if binding is None:
        return f"{what}: there is no such binding any more"
    hidden = f", hides {target(binding['hidden'])}" if binding["hidden"] else ""
    if binding["source"] == "removed":
        return f"{what} (removed{hidden})"
    missing = "" if binding["is_available"] else ", unavailable"
    return f"{what} → {target(binding['target'])} ({binding['source']}{hidden}{missing})"


def _var_line(change: dict[str, Any]) -> str:
    what = printable(f"{change['worker']} {change['name']}")
    if change["var"] is None:
        return f"{what}: no longer set; the configured value holds, if there is one"
    return f"{what} = {printable(_value(change['var']['value']))}"


def _difference(change: dict[str, Any]) -> str:
    before, after = (printable(change[key] or "") for key in ("before", "after"))
    sign = "~" if before and after else "+" if after else "-"
    values = f"{before} → {after}" if before and after else before or after
    what = printable(f"{change['worker']} {change['name']}")
    return f"{sign} {what}: {values} ({change['kind']})"


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _join(texts: Any) -> str:
    return ", ".join(texts) or "-"
