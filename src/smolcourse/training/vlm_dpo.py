"""Preferences of a model that sees: pairs of answers about pictures, under the losses of pairs of answers about words.

The pictures stand in the prompt, so both answers of a pair share their tokens; the encoder has looked at them before
(`vision.features`), and the reference model as well. The projector may learn too: what a picture is for the language model then
moves with the answers, while the reference stays what the model was before the first step.
"""

from smolcourse.training.dpo import DPOTrainer
from smolcourse.training.orpo import ORPOTrainer
from smolcourse.training.vlm_sft import Sees, VLMTrainer


class VLMDPOTrainer(Sees, DPOTrainer):
    """Direct preference optimisation, on packed rows with pictures."""


class VLMORPOTrainer(Sees, ORPOTrainer):
    """The odds ratio of the chosen answer, on packed rows with pictures."""


TRAINERS: dict[str, type[Sees]] = {"sft": VLMTrainer, "dpo": VLMDPOTrainer, "orpo": VLMORPOTrainer}
"""Of a model that sees, by method."""
