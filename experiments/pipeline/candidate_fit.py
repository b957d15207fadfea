"""Fits the weights of candidates before a generator learns.

Who types "milk" is served by any milk: for a share of the requests whose query
is typed in other words (`retyped_log`), all candidates of the category of a
target are targets. The larger the share, the more of an answer is of the
likeliest type, and the fewer types are in it: on the queries of
`tests/reference/typed_queries_valid.csv`, 0, .25 and .5 found a right item for
.82, .79 and .78, and 6.1, 6.3 and 6.4 of them. [OURS]
"""

import pathlib
from typing import Any

import jax
import numpy as np
import optax
from ml_collections import ConfigDict

from experiments.pipeline.candidates import CandidateWriters, MadeLater
from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.fitting import (
  has_params,
  load_params,
  progress_bar,
  save_params,
)
from experiments.pipeline.prepare import Data
from experiments.pipeline.untrained import Untrained
from gr_jax.candidates.sources.categories import finest_category
from gr_jax.candidates.writer import CandidateWriter
from gr_jax.data import request_lists
from gr_jax.data.requests import VALID
from gr_jax.data.training_period import page_mask
from gr_jax.generators.priors import candidate_fit
from gr_jax.generators.priors.candidate_fit import CandidateRows, FitConfig
from gr_jax.generators.priors.candidate_prior import CandidatePrior
from gr_jax.parallel import hosts
from gr_jax.training.state import TrainState

_PRIOR = "candidate_prior"
_BLOCK = 256  # Requests at a time.

# Requests that are read where a section does not say, how often each is learned
# from, and the least steps.
_REQUESTS, _EPOCHS, _LEAST_STEPS = 40_000, 13, 1000

# The share of retyped requests that want any item of a type.
_ANY_OF_TYPE = 0.1

# Validation requests of each kind that choose the weights.
_HELD_OUT = 1000


def fitted_prior(
  section: ConfigDict,
  data: Data,
  writers: CandidateWriters,
  prior: CandidatePrior,
  directory: pathlib.Path,
) -> Any:
  """The parameters of the candidates' prior, kept in `directory`.

  Args:
    section: of the generator; has `candidates`, which may say `fit_requests`,
      the number of training requests that are read, and `fit_steps`, 0 = as
      many as read each of them 13 times; has
      `examples.hidden_share`, `count_alpha` and `seed`.
    data: the catalogue and the log.
    writers: of the candidates.
    prior: whose parameters are fitted.
    directory: where they are kept; those that are there are loaded.
  """
  if has_params(directory / _PRIOR):
    return load_params(directory / _PRIOR)
  options = section.candidates
  rows = drawn_rows(
    data,
    writers,
    count=options.get("fit_requests", _REQUESTS),
    hidden_share=section.examples.get("hidden_share", 0.0),
    alpha=section.count_alpha,
    seed=section.seed,
  )
  config = FitConfig(seed=section.seed)
  held_out = held_out_rows(
    data,
    writers,
    count=_HELD_OUT,
    alpha=section.count_alpha,
    seed=section.seed,
  )
  steps = options.get("fit_steps", 0)
  if not steps:
    steps = max(_LEAST_STEPS, _EPOCHS * len(rows.mask) // config.batch_size)
  config = config._replace(steps=steps)
  with progress_bar("candidates", steps=config.steps) as (progress, _):
    params = candidate_fit.fit(
      prior, rows, config=config, held_out=held_out, progress=progress
    )
  # All hosts find the same.
  if hosts.is_first():
    save_params(directory / _PRIOR, params)
  return params


def drawn_rows(
  data: Data,
  writers: CandidateWriters,
  *,
  count: int,
  hidden_share: float,
  alpha: float,
  seed: int,
) -> CandidateRows:
  """The candidates of training requests, half of them with a query.

  Drawn by their targets, a few large baskets would teach most.

  Args:
    data: the catalogue and the log.
    writers: of the candidates; requests are those that are learned.
    count: the number of requests, at most.
    hidden_share: the share of requests whose history is hidden.
    alpha: purchases that an item is given before any was counted.
    seed: of the draw.
  """
  log, rng = data.requests, np.random.default_rng(seed)
  led = np.unique(log.page_request[page_mask(log)])
  led = rng.permutation(led[writers.requests[led]])
  kinds = led[log.query[led] >= 0], led[log.query[led] < 0]
  # Where there are few of one kind, the other fills up.
  least = min(map(len, kinds))
  kept = [max(count // 2, count - least)] * 2
  rows = np.concatenate([kind[:most] for kind, most in zip(kinds, kept)])
  rows = rng.permutation(rows)
  shown = rng.random(len(rows)) >= hidden_share
  any_of_type = writers.retyped[rows] & (rng.random(len(rows)) < _ANY_OF_TYPE)
  return _rows_of(
    data, writers.learned, rows, shown, alpha=alpha, any_of_type=any_of_type
  )


def held_out_rows(
  data: Data,
  writers: CandidateWriters,
  *,
  count: int,
  alpha: float,
  seed: int,
) -> CandidateRows | None:
  """Candidates of up to `count` validation requests of each kind; None without.

  Training requests are by the same users: only a later time tells when their
  candidates are known by heart.
  """
  kinds = draw_eval_requests(data.requests, split=VALID, count=count, seed=seed)
  if not kinds:
    return None
  rows = np.concatenate([kind.rows for kind in kinds])
  shown = np.concatenate(
    [np.full(len(kind.rows), kind.shows_history) for kind in kinds]
  )
  return _rows_of(data, writers.used, rows, shown, alpha=alpha)


def _rows_of(
  data: Data,
  writer: CandidateWriter | MadeLater,
  rows: np.ndarray,
  shown: np.ndarray,
  *,
  alpha: float,
  any_of_type: np.ndarray | None = None,
) -> CandidateRows:
  """The candidates of requests `[n]`, whose history is `shown` `[n]` or not.

  Requests with `any_of_type` `[n]` want all items of the type of a target.
  """
  items, features = [], []
  for begin in range(0, len(rows), _BLOCK):
    some = slice(begin, begin + _BLOCK)
    found = writer.items(rows[some, None], shown=shown[some])
    items.append(found[0][:, 0])
    features.append(found[1][:, 0].astype(np.float16))
  item = np.concatenate(items)
  N = np.int64(len(data.catalogue))
  wanted = request_lists.targets(data.requests, rows)
  keys = np.arange(len(rows))[:, None] * N + item
  hit = (item >= 0) & np.isin(keys, wanted.owners * N + wanted.rows)
  if any_of_type is not None:
    some = np.flatnonzero(any_of_type)
    hit[some] = _of_same_type(item[some], hit[some], data.catalogue.categories)
  count = data.catalogue.popularity + alpha
  shares = np.where(item >= 0, (count / count.sum())[item], 0)
  return CandidateRows(
    np.concatenate(features),
    item >= 0,
    hit,
    shares.astype(np.float32),
  )


def _of_same_type(
  items: np.ndarray, hit: np.ndarray, categories: np.ndarray
) -> np.ndarray:
  """`[n, R]` bool, the items `[n, R]` whose category is that of a hit.

  Without a finest category, an item is alone.

  Args:
    items: rows of the catalogue, -1 = none.
    hit: `[n, R]` bool.
    categories: `[N, K]`, -1 unknown; K may be 0.
  """
  if not categories.shape[1]:
    return hit
  types = finest_category(categories)
  known = (items >= 0) & (categories[items, -1] >= 0)
  keys = np.arange(len(items))[:, None] * np.int64(len(types)) + types[items]
  return hit | (known & np.isin(keys, keys[hit & known]))


def with_prior(params: Any, fitted: Any) -> Any:
  """A generator's parameters with these of the candidates' prior.

  The gates of levels stay as they are.
  """
  own = params["params"]["prior"]["candidates"]
  own = own | {
    name: jax.device_put(value.astype(own[name].dtype), own[name].sharding)
    for name, value in fitted.items()
    if not name.startswith("gate")
  }
  prior = params["params"]["prior"] | {"candidates": own}
  return params | {"params": params["params"] | {"prior": prior}}


def with_fitted_prior(
  state: TrainState,
  optimizer: optax.GradientTransformation,
  untrained: Untrained,
  directory: pathlib.Path,
) -> TrainState:
  """The state before the first step, candidates weighed as alone they would be.

  Args:
    state: as it was drawn.
    optimizer: of the training.
    untrained: the generator.
    directory: where the weights are kept.
  """
  writers = untrained.candidates
  if writers is None:
    return state
  prior = CandidatePrior(
    len(writers.used.names),
    len(untrained.semantic_ids.level_sizes),
    untrained.model.config.width,
  )
  fitted = fitted_prior(
    untrained.section, untrained.data, writers, prior, directory
  )
  params = with_prior(state.params, fitted)
  shardings = jax.tree.map(lambda x: x.sharding, state.opt_state)
  begin = jax.jit(optimizer.init, out_shardings=shardings)
  return state.replace(params=params, opt_state=begin(params))
