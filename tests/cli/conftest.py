"""The command line in this process, and a second model to compare with."""

import sys

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from smolcourse.cli.main import main


@pytest.fixture
def here(monkeypatch, capsys):
    """Runs the command in this process, where torch is loaded already: returns exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["smol", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as exit:
            code = exit.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def other(tiny_model, tmp_path_factory):
    """The tiny model with other weights."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    torch.manual_seed(3)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    folder = tmp_path_factory.mktemp("other")
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder
