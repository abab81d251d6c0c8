"""SmolVLM and Idefics3 of the real architecture and random weights: what they answer and learn is what transformers says."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoTokenizer, Idefics3Config, Idefics3Processor, SmolVLMConfig
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

from smolcourse.config import Recipe
from smolcourse.errors import SmolError
from smolcourse.inference.generate import generate
from smolcourse.inference.loading import load_model
from smolcourse.training.runs import Run
from smolcourse.training.train import load, prepare, train
from smolcourse.vision.loading import sees

TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == 'image' %}"
    "{{':'}}{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
WORDS = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]


@pytest.fixture(autouse=True)
def nothing_seen_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an encoder said is kept by its weights: code that has changed since would not be asked."""
    monkeypatch.setattr("smolcourse.vision.features.home", lambda: tmp_path / "home")


@pytest.fixture(scope="module", params=[Idefics3Config, SmolVLMConfig])
def other(request: pytest.FixtureRequest, tokenizer_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny checkpoint as the hub has them; pictures become up to four tiles of 28 pixels and the whole."""
    folder = tmp_path_factory.mktemp("other")
    tokenizer: Any = AutoTokenizer.from_pretrained(tokenizer_dir)
    grid = [f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)]
    tokenizer.add_special_tokens({"additional_special_tokens": WORDS + grid})
    tokenizer.eos_token, tokenizer.chat_template = "<end_of_utterance>", TEMPLATE
    end = tokenizer.convert_tokens_to_ids("<end_of_utterance>")
    tokenizer.save_pretrained(folder)
    cut = Idefics3ImageProcessorPil(size={"longest_edge": 56}, max_image_size={"longest_edge": 28})
    cut.save_pretrained(folder)
    small = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 32, "intermediate_size": 64}
    config = request.param(
        vision_config={**small, "image_size": 28, "patch_size": 7},
        text_config={
            "model_type": "llama",
            **small,
            "num_key_value_heads": 2,
            "vocab_size": len(tokenizer),
            "eos_token_id": end,
            "max_position_embeddings": 1024,
            "pad_token_id": 2,
        },
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        eos_token_id=end,
        pad_token_id=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_config(config)
        for weight in (model.model.connector.modality_projection.proj.weight, model.lm_head.weight):
            weight.data *= 20  # random weights of this size say the same whatever they see
    model.generation_config.eos_token_id = end
    model.save_pretrained(folder)
    return folder


def inputs(folder: Path, turns: list[dict[str, Any]], picture: Path, opened: bool) -> Any:
    """By transformers alone; the processor of SmolVLM is that of Idefics3 and takes films too, with packages that we lack."""
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    processor = Idefics3Processor(Idefics3ImageProcessorPil.from_pretrained(folder), tokenizer, image_seq_len=4)
    text = processor.apply_chat_template(turns, chat_template=TEMPLATE, add_generation_prompt=opened)
    return processor(images=[[Image.open(picture).convert("RGB")]], text=[text], return_tensors="pt")


def asked(image: Path | None = None, text: str = "Hình này màu gì?") -> list[dict[str, Any]]:
    part = {"type": "image"} if image is None else {"type": "image", "image": image}
    return [{"role": "user", "content": [part, {"type": "text", "text": text}]}]


def test_answers_are_those_of_transformers(other: Path, tmp_path: Path) -> None:
    model, tokenizer = load_model(str(other))
    plain: Any = AutoModelForImageTextToText.from_pretrained(other)
    answers = []
    for name, size in {"red": (60, 30), "blue": (28, 28), "green": (20, 70)}.items():
        file = tmp_path / f"{name}.png"
        Image.new("RGB", size, name).save(file)
        batch = inputs(other, asked(), file, True)
        written = plain.generate(**batch, max_new_tokens=6, do_sample=False)[0, batch["input_ids"].shape[1] :]
        answers.append(tokenizer.decode(written, skip_special_tokens=True))
        assert generate(model, tokenizer, [asked(file)], max_new_tokens=6) == answers[-1:]
    assert len(set(answers)) > 1


@pytest.fixture
def recipe(other: Path, tmp_path: Path) -> Recipe:
    rows = []
    for name, said in {"red": "đỏ", "blue": "xanh", "green": "lục"}.items():
        Image.new("RGB", (60, 40), name).save(tmp_path / f"{name}.png")
        answer = {"role": "assistant", "content": [{"type": "text", "text": f"Màu {said}."}]}
        rows.append({"messages": [*asked(), answer], "images": [f"{name}.png"]})
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return Recipe(
        model_name_or_path=str(other), dataset_name=str(file), freeze_projector=True, use_peft=True, lora_r=4, learning_rate=2e-2,
        num_train_epochs=4, warmup_steps=0, max_length=512, packed_length=512, packing=False, dtype="float32", int8=False,
        output_dir=str(tmp_path / "runs"),
    )  # fmt: skip


def test_lora_learns_from_the_loss_of_transformers_and_is_loaded_again(recipe: Recipe, other: Path, tmp_path: Path) -> None:
    prepared = prepare(recipe)
    ids, mask = (torch.tensor(prepared.examples[0][name]) for name in ("input_ids", "loss_mask"))
    assert prepared.tokenizer.decode(ids[mask.bool()]) == " Màu đỏ.<end_of_utterance>"

    number = prepared.plan.rows[0][0]
    row = json.loads(Path(recipe.dataset_name).read_text(encoding="utf-8").splitlines()[number])
    batch = inputs(other, row["messages"], tmp_path / row["images"][0], False)
    assert batch["input_ids"][0].tolist() == prepared.examples[number]["input_ids"]
    labels = batch["input_ids"].masked_fill(torch.tensor([prepared.examples[number]["loss_mask"]]) == 0, -100)
    plain: Any = AutoModelForImageTextToText.from_pretrained(other)

    run, model = Run.create(prepared.recipe, "test", folder=recipe.output_dir), load(prepared)
    train(prepared, run, model)
    losses = [line["loss"] for line in run.metrics()]
    with torch.no_grad():
        first = float(plain(**batch, labels=labels).loss)
    one = dataclasses.replace(recipe, max_steps=1, per_device_train_batch_size=1, gradient_accumulation_steps=1)
    once = prepare(one)
    alone = Run.create(once.recipe, "one", folder=recipe.output_dir)
    assert once.plan.rows[0] == [number]
    train(once, alone, load(once))
    assert next(iter(alone.metrics()))["loss"] == pytest.approx(first, rel=1e-4)
    assert losses[-1] < 0.95 * losses[0]

    again, tokenizer = load_model(str(run.path))
    question = asked(tmp_path / "red.png")
    assert generate(again, tokenizer, [question], max_new_tokens=6) == generate(
        model.eval(), prepared.tokenizer, [question], max_new_tokens=6
    )


def test_what_it_cannot_learn_is_told(recipe: Recipe) -> None:
    with pytest.raises(SmolError, match="freeze_projector"):
        load(prepare(dataclasses.replace(recipe, freeze_projector=False)))


def test_an_architecture_that_nobody_knows_is_named_with_those_known(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "pixtral", "vision_config": {}}', encoding="utf-8")
    with pytest.raises(SmolError, match=r"pixtral.*smolvlm-own, idefics3, smolvlm"):
        sees(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    assert not sees(tmp_path)
