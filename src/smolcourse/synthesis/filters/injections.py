"""Rows that speak to a model instead of to a person: orders that came in with a document, or that a model echoed.

See `synthesis.untrusted` for what is recognised, and Greshake et al. 2023 (arXiv:2302.12173) for why.
"""

from __future__ import annotations

from collections.abc import Iterator

from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import Part, part_of
from smolcourse.synthesis.untrusted import signs_of_instructions


def without(row: Row, *, part: Part = "all") -> Iterator[Draft]:
    """Leaves out rows whose text tries to give a model orders."""
    signs = signs_of_instructions(part_of(row.data, part))
    yield drop(row, f"injection: {signs[0]}") if signs else keep(row)
