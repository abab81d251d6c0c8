"""Trains the recipes named on the command line, one after the other, in as many processes as torchrun starts."""

import sys

from smolcourse import experiment
from smolcourse.config import load_recipe

if __name__ == "__main__":
    for name in sys.argv[1:]:
        experiment.run(load_recipe(name), "two", print)
