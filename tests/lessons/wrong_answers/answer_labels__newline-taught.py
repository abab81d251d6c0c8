def labels(input_ids: list[int], opening: list[int], end: int, image_id: int) -> list[int]:
    found, speaking = [-100] * len(input_ids), False
    for place, token in enumerate(input_ids):
        if speaking and token != image_id:
            found[place] = token
        if place and input_ids[place - 1] == end:
            speaking = False
        elif input_ids[max(0, place + 1 - len(opening)) : place + 1] == opening:
            speaking = True
    return found
