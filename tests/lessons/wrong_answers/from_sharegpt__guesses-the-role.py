ROLES = {"human": "user", "user": "user", "system": "system", "tool": "tool", "observation": "tool"}


def from_sharegpt(row):
    head = [{"role": "system", "content": row["system"]}] if row.get("system", "").strip() else []
    turns = [{"role": ROLES.get(turn["from"].lower(), "assistant"), "content": turn["value"]} for turn in row["conversations"]]
    return {"messages": head + turns}
