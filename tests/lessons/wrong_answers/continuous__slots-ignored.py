def finish_steps(requests, slots):
    return [arrival + tokens - 1 for arrival, tokens in requests]
