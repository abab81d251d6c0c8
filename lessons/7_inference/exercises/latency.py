# vi 🐢 latency: đọc nhật ký của một máy chủ, tính ra những con số đáng tin.
# vi Viết hàm bên dưới rồi chạy: smol check latency
# vi Bài học: smol learn 7 measure      Gợi ý: smol hint latency
# en 🐢 latency: from a server's log to figures that can be trusted.
# en Write the function below, then run: smol check latency
# en Lesson: smol learn 7 measure      Hint: smol hint latency

import numpy as np


def latency(requests: list[tuple[float, list[float]]]) -> dict[str, float]:
    """What clients of a server lived through.

    Args:
        requests: of all clients together, in any order: (when it was sent, when each of its tokens came), in seconds on one
            clock. Requests overlap in time. One that was refused has no tokens; at least one has several.

    Returns:
        `ttft_p50`, `ttft_p95`: percentiles, over requests that were answered, of the time from sending to the first token.
        `itl_p50`, `itl_p95`: percentiles, over all gaps of all requests, of the time between two neighbouring tokens.
        `tokens_per_second`: all tokens over the time from the first request sent to the last token.
        `refused`: the share of requests without a token.
        Percentiles as `np.percentile` takes them.
    """
    # TODO
    raise NotImplementedError
