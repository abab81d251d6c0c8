def finish_steps(requests, slots):
    finished, step = [0] * len(requests), 0
    waiting = sorted(range(len(requests)), key=lambda index: requests[index][0])
    while waiting:
        step = max(step, requests[waiting[0]][0])
        group = [index for index in waiting if requests[index][0] <= step][:slots]
        waiting = [index for index in waiting if index not in group]
        for index in group:
            finished[index] = step + requests[index][1] - 1
        step = max(finished[index] for index in group) + 1
    return finished
