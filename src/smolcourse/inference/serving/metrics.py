"""Counters and histograms in Prometheus' text format."""

from __future__ import annotations

from collections import defaultdict

_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)  # seconds
_ABOUT = {
    "smolcourse_requests_total": ("counter", "Requests by path and status"),
    "smolcourse_tokens_total": ("counter", "Tokens by model and kind: prompt, cached, completion"),
    "smolcourse_request_seconds": ("histogram", "From the request to the last byte of its answer"),
    "smolcourse_first_token_seconds": ("histogram", "From the request to the first token"),
    "smolcourse_in_flight": ("gauge", "Requests that a model is answering"),
    "smolcourse_queued": ("gauge", "Requests that wait for a model"),
    "smolcourse_worker_up": ("gauge", "Whether a model can be asked"),
    "smolcourse_worker_restarts_total": ("counter", "How often a model's process was started again"),
}

_Key = tuple[tuple[str, str], ...]


class Metrics:
    """What happened since the start. Labels must come from a short list, or memory grows with the clients' imagination."""

    def __init__(self) -> None:
        self._values: dict[str, dict[_Key, float]] = defaultdict(lambda: defaultdict(float))
        self._seconds: dict[str, dict[_Key, list[float]]] = defaultdict(dict)

    def add(self, name: str, amount: float = 1.0, **labels: str) -> None:
        """Counts up."""
        self._values[name][tuple(labels.items())] += amount

    def put(self, name: str, value: float, **labels: str) -> None:
        """Sets a gauge."""
        self._values[name][tuple(labels.items())] = value

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Adds one duration to a histogram: counts by bucket, then all, then the sum."""
        row = self._seconds[name].setdefault(tuple(labels.items()), [0.0] * (len(_BUCKETS) + 2))
        for at, bound in enumerate(_BUCKETS):
            row[at] += seconds <= bound
        row[-2] += 1
        row[-1] += seconds

    def text(self) -> str:
        """The page that Prometheus reads."""
        lines: list[str] = []
        for name, (kind, about) in _ABOUT.items():
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{_labels(key)} {value:g}" for key, value in self._values[name].items()]
            for key, row in self._seconds[name].items():
                bounds = (*(f"{bound:g}" for bound in _BUCKETS), "+Inf")
                lines += [
                    f"{name}_bucket{_labels((*key, ('le', bound)))} {count:g}" for bound, count in zip(bounds, row, strict=False)
                ]
                lines += [f"{name}_sum{_labels(key)} {row[-1]:.6f}", f"{name}_count{_labels(key)} {row[-2]:g}"]
        return "\n".join(lines) + "\n"


def _labels(key: _Key) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in key) + "}" if key else ""
