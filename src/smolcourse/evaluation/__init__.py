"""Tasks, scorers, statistics, and the comparison of two models. Knows nothing of models: text comes in through a callable."""
