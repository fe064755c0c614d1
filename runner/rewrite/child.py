"""The process that edits copies of files under limits, and prints what it changed as JSON.

    python -I runner/rewrite/child.py ROOT RULES ORDERS

ORDERS is a JSON file of `Order`s that the host wrote. Started by `confined`; the limits of
`runner.inspect.child` hold, but for the size of a file, which may be that of the largest copy.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOM = 64 * 2**20
"""Bytes by which a copy may be larger than its file."""
CPU_S = 300
"""Processor time for all orders, in seconds."""


def main(root: str, rules_path: str, orders_path: str) -> int:
    """Print one JSON line for each order, in their order."""
    sys.path.insert(0, root)
    # Everything is imported before the limits are set: imports open files and need memory.
    import msgspec  # noqa: PLC0415

    from runner.declare.rewrites import load_rewrites  # noqa: PLC0415
    from runner.domain.errors import MatrixError  # noqa: PLC0415
    from runner.inspect.child import confine  # noqa: PLC0415
    from runner.rewrite.confined import Order  # noqa: PLC0415
    from runner.rewrite.files import rewrite_file  # noqa: PLC0415

    rules = load_rewrites(Path(rules_path))
    orders = msgspec.json.decode(Path(orders_path).read_bytes(), type=list[Order])
    sizes = [Path(each.path).stat().st_size for each in orders if Path(each.path).is_file()]
    confine(file_size=max(sizes, default=0) + ROOM, cpu_s=CPU_S)
    for each in orders:
        try:
            answer: object = {
                "rewritten": rewrite_file(Path(each.path), Path(each.copy), each.reader, rules)
            }
        except MatrixError as error:
            answer = {
                "message": error.message,
                "cause": error.cause,
                "next_step": error.next_step,
            }
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
