"""A table of speakers; whoever is not in it stops the conversion."""

from typing import Any

ROLES = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "chatgpt", "assistant", "model"), "assistant"),
    "system": "system",
    **dict.fromkeys(("tool", "observation"), "tool"),
}


def from_sharegpt(row: dict[str, Any]) -> dict[str, Any]:
    messages = []
    if (row.get("system") or "").strip():
        messages.append({"role": "system", "content": row["system"]})
    for turn in row["conversations"]:
        speaker = turn["from"].lower()
        if speaker not in ROLES:
            raise ValueError(f"unknown speaker {turn['from']!r}")
        messages.append({"role": ROLES[speaker], "content": turn["value"]})
    return {"messages": messages}
