"""Preference rows and settings that cannot be trained on: each one a clear error, in both languages, that names its place."""

import pytest

from smolcourse.config import load_recipe
from smolcourse.data.formats import to_native
from smolcourse.data.problems import RowError
from smolcourse.errors import SmolError

pytestmark = pytest.mark.bad_input

Q = [{"role": "user", "content": "một trà đào"}]
A = [{"role": "assistant", "content": "Dạ vâng ạ."}]
B = [{"role": "assistant", "content": "Không."}]

ROWS = {
    "equal strings": {"prompt": "a", "chosen": "b", "rejected": "b"},
    "equal messages": {"prompt": Q, "chosen": A, "rejected": A},
    "equal conversations": {"chosen": Q + A, "rejected": Q + A},
    "empty chosen": {"prompt": "a", "chosen": "", "rejected": "b"},
    "empty rejected": {"prompt": "a", "chosen": "b", "rejected": ""},
    "blank chosen": {"prompt": "a", "chosen": "  \n", "rejected": "b"},
    "empty chosen message": {"prompt": Q, "chosen": [{"role": "assistant", "content": ""}], "rejected": B},
    "no chosen messages": {"prompt": Q, "chosen": [], "rejected": B},
    "no rejected messages": {"prompt": Q, "chosen": A, "rejected": []},
    "no chosen": {"prompt": Q, "rejected": B},
    "no rejected": {"prompt": Q, "chosen": A},
    "chosen is null": {"prompt": Q, "chosen": None, "rejected": B},
    "rejected is null": {"prompt": Q, "chosen": A, "rejected": None},
    "chosen is a number": {"prompt": "a", "chosen": 3, "rejected": "b"},
    "chosen is an object": {"prompt": Q, "chosen": A[0], "rejected": B[0]},
    "a string against messages": {"prompt": Q, "chosen": "Dạ", "rejected": B},
    "string prompt, null answers": {"prompt": "a", "chosen": None, "rejected": None},
    "messages prompt, string answers": {"prompt": Q, "chosen": "a", "rejected": "b"},
    "nothing in common": {"chosen": "một", "rejected": "hai"},
    "other questions": {"chosen": [{"role": "user", "content": "x"}, *A], "rejected": Q + B},
    "empty prompt": {"prompt": "", "chosen": "một", "rejected": "hai"},
    "no prompt messages": {"prompt": [], "chosen": A, "rejected": B},
    "blank prompt": {"prompt": "   ", "chosen": "a", "rejected": "b"},
    "prompt is a number": {"prompt": 7, "chosen": "a", "rejected": "b"},
    "chosen ends with the user": {"prompt": Q, "chosen": [*A, *Q], "rejected": B},
    "rejected ends with the user": {"prompt": Q, "chosen": A, "rejected": Q},
    "unknown role": {"prompt": Q, "chosen": [{"role": "waiter", "content": "a"}], "rejected": B},
    "no role": {"prompt": Q, "chosen": [{"content": "a"}], "rejected": B},
    "no content": {"prompt": Q, "chosen": A, "rejected": [{"role": "assistant"}]},
    "content is a number": {"prompt": Q, "chosen": [{"role": "assistant", "content": 1}], "rejected": B},
    "half an emoji": {"prompt": "a", "chosen": "\ud83d", "rejected": "b"},
    "system in the answer": {"prompt": Q, "chosen": [{"role": "system", "content": "x"}, *A], "rejected": B},
    "tools are no list": {"prompt": Q, "chosen": A, "rejected": B, "tools": 3},
}


@pytest.mark.parametrize("name", ROWS)
def test_a_bad_pair_says_what_and_where(name):
    with pytest.raises(RowError) as caught:
        to_native(ROWS[name])
    assert caught.value.where and caught.value.vi and caught.value.vi != caught.value.en


WORDS = [
    "method=dop",
    "method=ppo",
    "method=",
    "loss_type=sigmoidd",
    "loss_type=bce",
    "loss_type=3",
    "beta=0",
    "beta=-0.1",
    "beta=.nan",
    "beta=.inf",
    "beta=strong",
    "beta=true",
    "label_smoothing=0.5",
    "label_smoothing=-0.1",
    "label_smoothing=1",
    "label_smoothing=.nan",
    "reference_free=perhaps",
    "rpo_alpha=-0.5",
    "rpo_alpha=.nan",
    "rpo_alpha=much",
    "simpo_gamma=-1",
    "simpo_gamma=.inf",
    "completion_only_loss=2",
    "peft_type=LORAX",
    "peft_type=lora+",
    "lora_r=0",
    "lora_r=-1",
    "lora_r=1.5",
    "lora_r=100000",
    "lora_alpha=0",
    "lora_alpha=-8",
    "lora_alpha=.nan",
    "lora_dropout=-0.1",
    "lora_dropout=1",
    "lora_target_modules=[1, 2]",
    "use_dora=maybe",
    "use_rslora=7",
    "init_lora_weights=magic",
    "loraplus_lr_ratio=0",
    "loraplus_lr_ratio=-4",
    "loraplus_lr_ratio=.nan",
    "loraplus_lr_ratio=fast",
    "num_virtual_tokens=0",
    "num_virtual_tokens=-3",
    "num_virtual_tokens=many",
]


@pytest.mark.parametrize("word", WORDS)
def test_a_bad_setting_names_itself(word):
    with pytest.raises(SmolError) as caught:
        load_recipe("smollm2-135m/dpo/lora", [word])
    assert word.partition("=")[0] in f"{caught.value.where} {caught.value.vi} {caught.value.en}"
    assert caught.value.vi != caught.value.en


@pytest.mark.parametrize(
    "words",
    [
        ["loss_type=ipo", "label_smoothing=0.1"],
        ["loss_type=hinge", "label_smoothing=0.1"],
        ["loss_type=simpo", "label_smoothing=0.1"],
        ["method=orpo", "loss_type=ipo"],
        ["method=sft", "loss_type=robust"],
        ["peft_type=IA3", "loraplus_lr_ratio=16"],
    ],
)
def test_settings_that_do_not_go_together_are_refused(words):
    with pytest.raises(SmolError):
        load_recipe("smollm2-135m/dpo/lora", words)
