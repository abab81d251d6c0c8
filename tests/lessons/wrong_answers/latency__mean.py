from itertools import pairwise

import numpy as np


def latency(requests: list[tuple[float, list[float]]]) -> dict[str, float]:
    answered = [(sent, times) for sent, times in requests if times]
    first = [times[0] - sent for sent, times in answered]
    gaps = [later - earlier for _, times in answered for earlier, later in pairwise(times)]
    seconds = max(times[-1] for _, times in answered) - min(sent for sent, _ in requests)
    return {
        "ttft_p50": float(np.mean(first)),
        "ttft_p95": float(np.percentile(first, 95)),
        "itl_p50": float(np.percentile(gaps, 50)),
        "itl_p95": float(np.percentile(gaps, 95)),
        "tokens_per_second": sum(len(times) for _, times in answered) / seconds,
        "refused": 1 - len(answered) / len(requests),
    }
