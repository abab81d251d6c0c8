def from_sharegpt(row):
    head = [{"role": "system", "content": row["system"]}] if row.get("system", "").strip() else []
    return {"messages": head + [{"role": turn["from"], "content": turn["value"]} for turn in row["conversations"]]}
