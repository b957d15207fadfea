"""A whole run: data, vectors, semantic IDs, generator, report."""

import pathlib
from collections.abc import Callable

from ml_collections import ConfigDict

from experiments.pipeline.dual_encoder import train_dual_encoder
from experiments.pipeline.embed import embed
from experiments.pipeline.evaluate import evaluate
from experiments.pipeline.evaluator import SPLITS
from experiments.pipeline.prepare import SOURCES, prepare
from experiments.pipeline.sasrec import train_sasrec
from experiments.pipeline.stages import Stages
from experiments.pipeline.tasks import check_generator
from experiments.pipeline.tokenize import FitTokenizer, tokenize
from experiments.pipeline.train import TrainedGenerator, train
from gr_jax.artefacts import locked
from gr_jax.choices import choose
from gr_jax.evaluation.report import advice, text_table, verdicts
from gr_jax.kept_stages import leave_out
from gr_jax.parallel import hosts
from gr_jax.parallel.host_memory import release_freed_memory
from gr_jax.retrieval.load_manifests import ALIGNMENT
from gr_jax.tokenizers.build import settings
from gr_jax.tokenizers.collisions import COLLISIONS

Align = Callable[[ConfigDict, Stages], TrainedGenerator]
"""(whole config, the results so far) -> the aligned generator."""


def check(config: ConfigDict, workdir: pathlib.Path) -> None:
  """Finds values that no stage knows before the first stage runs.

  Raises:
    ValueError: names the key and its possible values.
  """
  choose("data.source", config.data.source, SOURCES)
  choose("tokenizer.collisions", config.tokenizer.collisions, COLLISIONS)
  settings(config.tokenizer)
  choose("evaluation.split", config.evaluation.split, SPLITS)
  check_generator(config.generator, workdir)


def run(
  config: ConfigDict,
  workdir: pathlib.Path,
  *,
  fit_tokenizer: FitTokenizer,
  align: Align | None = None,
) -> dict:
  """Runs what has not run yet and returns the report.

  Args:
    config: sections data, vectors, tokenizer, generator, evaluation; with
      `dual_encoder` or `sasrec`, one is trained to stand beside the baselines.
    workdir: gets one folder a stage, `report.json` and `report.html`.
    fit_tokenizer: fits the tokenizer of the recipe.
    align: aligns the generator, if the recipe does; what is evaluated is then
      the aligned generator, with the one before beside it.
  """
  check(config, workdir)
  with locked(workdir):
    data = prepare(config.data, workdir)
    release_freed_memory()
    vectors = embed(config.vectors, workdir, data)
    release_freed_memory()
    tokenized = tokenize(
      config.tokenizer, workdir, data, vectors, fit=fit_tokenizer
    )
    release_freed_memory()
    generator = train(config.generator, workdir, data, tokenized, vectors)
    release_freed_memory()
    stages = Stages(workdir, data, vectors, tokenized, generator)
    aligned, trained = None, {}
    if align is None:
      leave_out(workdir / ALIGNMENT)
    else:
      aligned = align(config, stages)
      release_freed_memory()
    if "dual_encoder" in config:
      trained["dpr"] = train_dual_encoder(config.dual_encoder, stages)
      release_freed_memory()
    if "sasrec" in config:
      ranker = train_sasrec(config.sasrec, workdir, data, generator.mesh)
      trained |= {"sasrec": ranker} if ranker else {}
      release_freed_memory()
    report = evaluate(config, stages, aligned=aligned, trained=trained)
  if hosts.is_first():
    if lost := advice.warning(report.get("second_look", ()), report):
      print(lost)
    shown = verdicts.shown(report["results"], report["sampled"])
    print(text_table.headline(shown))
    print(verdicts.summary(shown))
    print(f"report: {workdir / 'report.html'}")
  return report
