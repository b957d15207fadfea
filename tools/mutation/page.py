import pathlib

RESULTS = pathlib.Path(__file__).parents[2] / "experiments/results/mutants"


def page(folder):
  return ""
