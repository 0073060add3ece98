"""The bounds of a link. Both ends of one link must agree on those of the protocol, marked so."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

VERSION: Final = 1
"""Of the protocol; stands in each hello."""

FIRST_WINDOW_BYTES: Final = 64 * KIB
"""Protocol. What a sender may send of a body before it gets credit: most bodies are smaller."""

WINDOW_BYTES: Final = 3 * MIB
"""The largest window of a body that has the link to itself. A smaller one makes a stream slower, by
a tenth at 2 MiB (a fifth in plaintext); a larger one costs a process more than 32 MiB."""

SHARED_WINDOW_BYTES: Final = MIB
"""The largest window of a body beside other exchanges, which wait behind what is on its way: with
twice as much the slowest of small calls beside a stream take half as long again."""

POOL_BYTES: Final = 16 * MIB
"""What all windows of a link together may grow beyond their first size: some fast streams."""

MAX_EXCHANGES: Final = 2048
"""Protocol. Open exchanges of a link. With their first windows they can hold 128 MiB of bodies."""

MAX_NUMBER: Final = 2**32 - 1
"""Protocol. The last exchange of a link, which a busy one reaches in a day; then comes a new link.
"""

BATCH_BYTES: Final = 256 * KIB
"""The largest batch while there are small frames: they wait behind one batch at least."""

LONE_BATCH_BYTES: Final = MIB
"""The largest batch of all. Only a lone stream fills it; ADR 1 has what it gains. gRPC ends a link
on a message over 4 MiB."""

LONE_AFTER_BATCHES: Final = 16
"""A stream is alone after so many batches without a small frame."""

SMALL_BYTES: Final = 192 * KIB
"""What small frames may take of a batch, so that bodies get on under any load of small calls."""

HEAD_BYTES: Final = MIB
"""The largest frame with a head in it: it cannot be split, and must fit into a batch."""

INLINE_BYTES: Final = FIRST_WINDOW_BYTES
"""The largest body that travels in the frame of its head."""

FRAME_OVERHEAD_BYTES: Final = 32
"""What a frame takes at most besides its head and its data."""

BACKLOG_BYTES: Final = 8 * MIB
"""Small frames that wait to be written. Over it no exchange begins: the peer reads too slowly."""

BACKLOG_FRAMES: Final = 64 * KIB
"""Small frames that wait to be written at the very most: the peer writes, but does not read."""

AHEAD_BYTES: Final = MIB
"""How far a body is read ahead of what could be sent: the next batch."""

AHEAD_CHUNKS: Final = 1024
"""The same in chunks, which may be small."""

MERGE_BYTES: Final = 4 * KIB
"""Chunks smaller than this are joined where they wait, for each has a price beyond its bytes."""

LAST_BYTES: Final = 24 * KIB
"""Room that a batch keeps for the frame that ends a body, which may hold a failure's text
and names."""
