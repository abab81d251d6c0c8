from smolcourse.evaluation import labelling


def kappa(first, second):
    return labelling.kappa(first, second)
