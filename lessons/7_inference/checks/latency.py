"""A log of overlapping requests, some of them refused, a few of them slow; what other ways to count give is computed."""

from random import Random
from typing import Any

import numpy as np

from smolcourse.course.checking import Mine, Wrong, close

Requests = list[tuple[float, list[float]]]
KEYS = ("ttft_p50", "ttft_p95", "itl_p50", "itl_p95", "tokens_per_second", "refused")


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        compare(mine, log(rng))


def log(rng: Random) -> Requests:
    """Some clients at once; the clock began long ago; one answer is far slower than the rest."""
    begin, found = rng.uniform(1e3, 1e4), []
    for number in range(rng.randint(26, 36)):
        sent = begin + rng.uniform(0, 4)
        if number in (1, 5, 8):
            found.append((sent, []))
            continue
        pace = rng.uniform(0.01, 0.05) * (12 if number == 3 else 1)
        times, now = [], sent + rng.uniform(0.3, 1.5)
        for _ in range(1 if number == 6 else rng.randint(8, 40)):
            times.append(now)
            now += pace * rng.uniform(0.5, 2)
        found.append((sent, times))
    rng.shuffle(found)
    return found


def parts(requests: Requests) -> tuple[list[float], list[list[float]]]:
    """Times to the first token, and the gaps of each answer."""
    answered = [(sent, times) for sent, times in requests if times]
    return [times[0] - sent for sent, times in answered], [list(np.diff(times)) for _, times in answered]


def compare(mine: Mine, requests: Requests) -> None:
    """Raises the misconception that wrong figures show."""
    got = mine.latency(requests)
    if not isinstance(got, dict) or set(got) != set(KEYS):
        raise Wrong("keys", f"phải trả về dict có đúng các khoá {KEYS}", f"return a dict with just the keys {KEYS}", got=got)
    first, gaps = parts(requests)
    flat = [gap for row in gaps for gap in row]
    answered = [(sent, times) for sent, times in requests if times]
    count, start = sum(len(times) for _, times in answered), min(sent for sent, _ in requests)
    end = max(times[-1] for _, times in answered)
    wanted: dict[str, Any] = {"refused": 1 - len(answered) / len(requests), "tokens_per_second": count / (end - start)}
    wanted |= {f"{kind}_p{level}": np.percentile(values, level) for kind, values in (("ttft", first), ("itl", flat)) for level in (50, 95)}  # fmt: skip
    own = [times[-1] - sent for sent, times in answered]
    rates = [len(times) / spent for (_, times), spent in zip(answered, own, strict=True)]
    known: list[tuple[str, str, float, str, str]] = [
        ("refused", "refused-not-counted", 0.0, "yêu cầu không có token nào là bị từ chối", "a request without a token was refused"),
        ("refused", "a-count", len(requests) - len(answered), "đây là số lượng; cần một tỉ lệ", "this is a count; a share is wanted"),
        ("refused", "inverted", len(answered) / len(requests), "đây là phần được trả lời", "this is the share that was answered"),
        ("ttft_p50", "mean", float(np.mean(first)), "đây là trung bình: vài yêu cầu chậm kéo nó đi, còn phân vị 50 thì không", "this is the mean: a few slow requests pull it, the 50th percentile they do not"),
        ("ttft_p50", "refused-as-zero", float(np.percentile(first + [0.0] * (len(requests) - len(answered)), 50)), "yêu cầu bị từ chối được tính như trả lời sau 0 giây: máy chủ từ chối càng nhiều trông càng nhanh", "refused requests count as answered after 0 seconds: the more a server refuses, the faster it looks"),
        ("ttft_p50", "wrong-start", float(np.percentile([times[0] - start for _, times in answered], 50)), "tính từ lúc yêu cầu đầu tiên được gửi; mỗi yêu cầu có lúc gửi riêng", "counts from the first request of all; each has its own time of sending"),
        ("ttft_p50", "not-the-first", float(np.percentile(own, 50)), "đo đến token cuối; cần token đầu tiên", "measures to the last token; the first one is wanted"),
        ("ttft_p95", "maximum", max(first), "lấy giá trị lớn nhất thay cho phân vị 95", "takes the largest for the 95th percentile"),
        ("ttft_p95", "nearest-rank", sorted(first)[min(len(first) - 1, int(0.95 * len(first)))], "lấy phần tử gần nhất trong danh sách đã xếp; np.percentile nội suy giữa hai phần tử", "takes the nearest of the sorted values; np.percentile goes between two"),
        ("itl_p50", "mean", float(np.mean(flat)), "đây là trung bình của các khoảng; cần phân vị 50", "this is the mean gap; the 50th percentile is wanted"),
        ("itl_p50", "per-request-means", float(np.percentile([np.mean(row) for row in gaps if row], 50)), "lấy trung bình từng yêu cầu trước: lúc khựng lại bị san phẳng. Phân vị tính trên mọi khoảng", "takes each request's mean first: a stall is smoothed away. The percentile goes over all gaps"),
        ("itl_p95", "per-request-means", float(np.percentile([np.mean(row) for row in gaps if row], 95)), "lấy trung bình từng yêu cầu trước: lúc khựng lại bị san phẳng. Phân vị tính trên mọi khoảng", "takes each request's mean first: a stall is smoothed away. The percentile goes over all gaps"),
        ("itl_p95", "percentiles-averaged", float(np.mean([np.percentile(row, 95) for row in gaps if row])), "trung bình của các phân vị không phải là phân vị: gom mọi khoảng lại trước", "a mean of percentiles is no percentile: pool all gaps first"),
        ("itl_p50", "first-token-in-gaps", float(np.percentile(flat + first, 50)), "thời gian chờ token đầu bị tính là một khoảng giữa hai token", "the wait for the first token is counted as a gap between two"),
        ("itl_p50", "gaps-across-requests", float(np.percentile(np.diff(sorted(t for _, times in answered for t in times)), 50)), "xếp token của mọi yêu cầu thành một dòng: khoảng ở đó không ai phải chờ cả", "puts the tokens of all requests on one line: nobody waited for those gaps"),
        ("tokens_per_second", "rates-averaged", float(np.mean(rates)), "đây là tốc độ mà một người dùng thấy; thông lượng là mọi token chia cho thời gian trên đồng hồ", "this is the speed that one user sees; throughput is all tokens over the time on the clock"),
        ("tokens_per_second", "rates-added", sum(rates), "cộng tốc độ của từng yêu cầu: chúng không chạy cùng lúc từ đầu đến cuối", "adds the requests' own speeds: they do not run together from beginning to end"),
        ("tokens_per_second", "durations-added", count / sum(own), "chia cho tổng thời gian của các yêu cầu; chúng chồng lên nhau, đồng hồ chỉ chạy một lần", "divides by the requests' times added up; they overlap, and the clock runs once"),
        ("tokens_per_second", "clock-starts-late", count / (end - min(times[0] for _, times in answered)), "đồng hồ bắt đầu từ token đầu tiên: thời gian đọc prompt bị bỏ qua", "the clock starts at the first token: the time to read prompts is left out"),
        ("tokens_per_second", "requests-counted", len(answered) / (end - start), "đếm yêu cầu; ở đây cần token", "counts requests; tokens are wanted"),
    ]  # fmt: skip
    for key in ("refused", *KEYS[:-1]):
        if close(float(got[key]), float(wanted[key]), tolerance=1e-6):
            continue
        for place, name, value, vi, en in known:
            if place == key and close(float(got[key]), float(value), tolerance=1e-6):
                raise Wrong(name, f"{key}: {vi}", f"{key}: {en}", got=got[key], wanted=float(wanted[key]))
        if close(float(got[key]), 1000 * float(wanted[key]), tolerance=1e-6):
            raise Wrong("milliseconds", f"{key} tính bằng mili giây; cần giây", f"{key} is in milliseconds; seconds are wanted", got=got[key], wanted=float(wanted[key]))  # fmt: skip
        raise Wrong("figure-differs", f"{key} sai", f"{key} is wrong", got=got[key], wanted=float(wanted[key]))
