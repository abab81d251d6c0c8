"""Our engine and TRL's: what each can do."""

from smolcourse.config import Recipe
from smolcourse.errors import SmolError

PAIRED = ("dpo", "orpo", "kto", "reward")
"""Methods that learn from pairs of answers; KTO takes them apart again."""
SCORED = ("grpo", "rloo")
"""Methods that learn from the scores of the model's own answers."""


def check_engine(recipe: Recipe) -> None:
    """Raises `SmolError` for what the recipe's engine does not have."""
    if recipe.engine == "trl":
        _check_trl(recipe)
    elif recipe.method in (*SCORED, "kto", "reward"):
        raise SmolError(
            f"method={recipe.method} chỉ chạy trên TRL",
            f"method={recipe.method} runs on TRL only",
            where="engine",
            fix="engine=trl",
        )


def _check_trl(recipe: Recipe) -> None:
    ours = {
        "use_mine": bool(recipe.use_mine),
        "reference_free": recipe.reference_free,
        "fsdp": recipe.fsdp,
        "loss_type=simpo": recipe.loss_type == "simpo",
        "init_lora_weights=olora": recipe.init_lora_weights == "olora",  # its adapter would fit a changed base only
    }
    if named := next((name for name, used in ours.items() if used), None):
        raise SmolError(
            f"{named} chỉ có ở engine=smol, TRL không có",
            f"{named} is of engine=smol only, TRL does not have it",
            where="engine",
            fix="engine=smol",
        )
    if recipe.method == "reward" and recipe.task:
        raise SmolError(
            "reward model chấm điểm chứ không viết câu trả lời, nên không có task",
            "a reward model scores answers and writes none, so it has no task",
            where="task",
            fix="task=null",
        )
    if recipe.method not in SCORED:
        return
    if not recipe.task:
        raise SmolError(
            f"method={recipe.method} cần task: điểm của task là phần thưởng",
            f"method={recipe.method} needs a task: its score is the reward",
            where="task",
            fix="task=milk-tea",
        )
    answers = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    if answers % recipe.num_generations:
        raise SmolError(
            f"{answers} câu trả lời mỗi bước không chia hết cho num_generations={recipe.num_generations}",
            f"{answers} answers a step are not a multiple of num_generations={recipe.num_generations}",
            where="per_device_train_batch_size",
            fix=f"per_device_train_batch_size={recipe.num_generations}",
        )
