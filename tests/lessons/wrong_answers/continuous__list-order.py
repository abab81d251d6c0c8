def finish_steps(requests, slots):
    finished, left = [0] * len(requests), [tokens for _, tokens in requests]
    running, step = [], 0
    waiting = list(range(len(requests)))
    while waiting or running:
        for index in list(waiting):
            if requests[index][0] <= step and len(running) < slots:
                running.append(index)
                waiting.remove(index)
        for index in list(running):
            left[index] -= 1
            if not left[index]:
                finished[index] = step
                running.remove(index)
        step += 1
    return finished
