ROLES = {"human": "user", "user": "user", "system": "system", "tool": "tool", "observation": "tool"}
ROLES |= dict.fromkeys(("gpt", "chatgpt", "assistant", "model"), "assistant")


def from_sharegpt(row):
    return {"messages": [{"role": ROLES[turn["from"].lower()], "content": turn["value"]} for turn in row["conversations"]]}
