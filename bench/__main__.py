"""The command: `python -m bench [--quick] [--json FILE] [edge|hop|remote ...]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench import edge, hop
from bench.process import ProcessError
from bench.progress import tell
from bench.remote import run as remote
from bench.report import write_json
from bench.wrk import WrkError

if TYPE_CHECKING:
    from bench.report import Section

_BENCHMARKS = {"hop": hop.run, "edge": edge.run, "remote": remote.run}
_DEFAULT_JSON = Path(__file__).resolve().parent / "results" / "latest.json"


def main() -> int:
    """Run what was asked for. The exit code says whether that could be measured, no more."""
    options = _parse()
    sections: dict[str, Section] = {}
    try:
        for name, run in _BENCHMARKS.items():
            if not options.benchmarks or name in options.benchmarks:
                sections |= run(quick=options.quick)
    except (ProcessError, WrkError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    write_json(options.json, sections, quick=options.quick)
    for section in sections.values():
        section.show()
    print()
    tell(f"written to {options.json}")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "benchmarks", nargs="*", metavar="edge|hop|remote", help="what to run [all]"
    )
    parser.add_argument("--quick", action="store_true", help="less exact, in a minute")
    parser.add_argument("--json", type=Path, default=_DEFAULT_JSON, metavar="FILE")
    options = parser.parse_args()
    for name in options.benchmarks:
        if name not in _BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}: choose from {', '.join(_BENCHMARKS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
