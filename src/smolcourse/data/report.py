"""What `smol data check` reports: kinds of problems, how often, and the first rows of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from smolcourse.data.token_counts import TokenStatistics

Severity = Literal["error", "warning"]


@dataclass
class Example:
    """One row with a problem. `where` is `file:row key`; the texts stand in both languages."""

    row: int
    where: str
    vi: str
    en: str
    fix: str | None = None


@dataclass
class Problem:
    """All rows with the same kind of problem, and the first of them."""

    kind: str
    severity: Severity
    count: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass
class Report:
    """What `smol data check` found. Row numbers are those of `reading.read_rows`."""

    source: str
    rows: int = 0
    usable_rows: int = 0
    formats: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    tokens: TokenStatistics | None = None

    @property
    def format(self) -> str | None:
        """The commonest format; None when no row could be read."""
        return max(self.formats, key=self.formats.__getitem__, default=None)

    @property
    def trainable(self) -> bool:
        """Whether no row has an error (warnings do not count)."""
        return self.usable_rows > 0 and not any(problem.severity == "error" for problem in self.problems)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self) | {"format": self.format, "trainable": self.trainable}
