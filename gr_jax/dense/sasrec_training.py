r"""Trains SASRec with a softmax over the items instead of one negative.

The binary loss with one negative of the first paper is what later models were
compared with; with the softmax, or with many negatives whose scores are
corrected for how often they are drawn, SASRec is level with them (Klenitskiy
and Vasilev, arXiv 2309.07602; Petrov and Macdonald, arXiv 2308.07192). Here

  L = -log exp(s_y) / (exp(s_y) + Σ_{j≠y} exp(s_j) / (n q_j))

of the wanted item `y` and `n` negatives that the places of a batch share, drawn
from `q`, half even over the catalogue, half by popularity. Where the catalogue
has at most `n` items the sum is over all of them, without `q`.

The wanted item is one of the user's next *moment*, drawn at random: the order
inside a basket says nothing, and often is the catalogue's `[OURS]`. Where no
two events of a user have one time it is the next item, as in the paper.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from gr_jax.data.row_lists import RowLists
from gr_jax.dense.sasrec import SASRec, item_table
from gr_jax.parallel.constraints import split_rows
from gr_jax.training import scan_fit
from gr_jax.training.optimizer import OptimizerConfig, make_optimizer

_ADAMW = OptimizerConfig()

Validate = Callable[[Any], float]
"""From parameters to a figure of the validation period, the more the better."""


@dataclasses.dataclass(frozen=True)
class SASRecConfig:
  """Length and sizes of the training.

  Attributes:
    length: the newest items that are read, `T`.
    batch_size: windows of `T` events a step.
    negatives: drawn a step, shared by all places; as many as there are items
      and more: all of them.
    steps: the number of updates.
    validations: how often the parameters are validated, evenly over the steps.
    seed: the seed of parameters and draws.
    optimizer: AdamW with a warm-up and a cosine.
  """

  length: int = 64
  batch_size: int = 32
  negatives: int = 1024
  steps: int = 1000
  validations: int = 4
  seed: int = 0
  optimizer: OptimizerConfig = _ADAMW


class Log(NamedTuple):
  """Events of all users, one user after the other, oldest first.

  Attributes:
    items: `[P]`.
    owners: `[P]` users, -1 for the `T` empty places at the end.
    first: `[P]` the first event of the user's next moment.
    count: `[P]` the number of events of that moment, 0 where there is none.
  """

  items: jax.Array
  owners: jax.Array
  first: jax.Array
  count: jax.Array


def has_next(sequences: RowLists, times: np.ndarray) -> bool:
  """Whether an event of somebody has a later one; the times are `[P]`."""
  owners = sequences.owners
  later = (times[1:] != times[:-1]) & (owners[1:] == owners[:-1])
  return bool(later.any())


def make_log(sequences: RowLists, times: np.ndarray, *, length: int) -> Log:
  """Lays out sequences, whose events have the times `[P]`, for windows."""
  owners, events = sequences.owners, len(sequences.rows)
  new = np.ones(events, bool)
  new[1:] = (times[1:] != times[:-1]) | (owners[1:] != owners[:-1])
  starts = np.append(np.flatnonzero(new), [events, events])
  after = np.cumsum(new)  # The moment that follows that of each event.
  first, end = starts[after], starts[after + 1]
  followed = np.append(owners, -1)[first] == owners
  columns = (
    sequences.rows,
    owners,
    np.where(followed, first, 0),
    np.where(followed, end - first, 0),
  )
  return Log(
    *(
      jax.device_put(
        np.pad(column, (0, length), constant_values=empty).astype(np.int32)
      )
      for column, empty in zip(columns, (0, -1, 0, 0))
    )
  )


def softmax_loss(
  states: jax.Array,
  table: jax.Array,
  wanted: jax.Array,
  negatives: jax.Array,
  log_weight: jax.Array,
  *,
  where: jax.Array,
) -> jax.Array:
  """The mean of `L` above over the places where `where`.

  Args:
    states: `[M, D]`.
    table: `[N, D]`.
    wanted: `[M]` items.
    negatives: `[n]` items; a place's wanted one is none of its negatives.
    log_weight: `[n]`, `-log(n q_j)` of each, or zeros for a whole catalogue.
    where: `[M]` bool.
  """
  own = jnp.sum(states * table[wanted], axis=-1)
  scores = states @ table[negatives].T + log_weight
  scores = jnp.where(negatives == wanted[:, None], -jnp.inf, scores)
  total = jnp.logaddexp(own, jax.nn.logsumexp(scores, axis=-1))
  return jnp.where(where, total - own, 0).sum() / jnp.maximum(where.sum(), 1)


def fit(
  model: SASRec,
  sequences: RowLists,
  times: np.ndarray,
  *,
  config: SASRecConfig,
  validate: Validate | None = None,
  progress: scan_fit.Progress | None = None,
) -> tuple[Any, list[dict[str, float]]]:
  """Trained parameters, the best of those that were validated.

  Inside `jax.set_mesh` the devices share the windows of a batch, and those
  along model the rows of the items' table.

  Args:
    model: the network.
    sequences: the training events of all users, oldest first.
    times: `[P]` of the events.
    config: the training.
    validate: without it the last parameters are taken.
    progress: gets the loss of every chunk.

  Returns:
    The parameters, and rows `{"step", "value"}` of the validations.
  """
  log = make_log(sequences, times, length=config.length)
  events = len(sequences.rows)
  popularity = np.bincount(sequences.rows, minlength=model.num_items)
  share = 0.5 * (popularity / max(events, 1) + 1 / model.num_items)
  log_weight = jax.device_put(
    -np.log(config.negatives * share).astype(np.float32)
  )
  optimizer = make_optimizer(config.optimizer, config.steps)
  state = scan_fit.initial_state(
    _initializer(model, config.length), optimizer, jax.random.key(config.seed)
  )

  def step(state, data, key):
    params, opt_state = state
    value, grads = jax.value_and_grad(
      lambda p: _batch_loss(
        model, p, data[0], data[1], key, events=events, config=config
      )
    )(params)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    return (optax.apply_updates(params, updates), opt_state), {"loss": value}

  best, rows = state[0], []
  rounds = config.validations if validate else 1
  marks = [config.steps * (r + 1) // rounds for r in range(rounds)]
  for begin, end in zip([0, *marks], marks):
    state, _ = scan_fit.fit(
      state,
      (log, log_weight),
      jax.random.key(config.seed + 1),
      step=step,
      steps=end - begin,
      begin=begin,
      progress=progress,
    )
    if validate is None:
      return state[0], rows
    rows.append({"step": end, "value": validate(state[0])})
    if all(rows[-1]["value"] > row["value"] for row in rows[:-1]):
      best = jax.tree.map(jnp.copy, state[0])
  return best, rows


def initial(model: SASRec, *, length: int, seed: int) -> Any:
  """Random parameters."""
  return nn.unbox(jax.jit(_initializer(model, length))(jax.random.key(seed)))


def _initializer(model: SASRec, length: int) -> Callable[[jax.Array], Any]:
  none = jnp.zeros((1, length), jnp.int32)
  return lambda key: model.init(key, none, none)


def _batch_loss(
  model: SASRec,
  params: Any,
  log: Log,
  log_weight: jax.Array,
  key: jax.Array,
  *,
  events: int,
  config: SASRecConfig,
) -> jax.Array:
  windows, wanted_key, drawn, dropout = jax.random.split(key, 4)
  # Windows go over the end: the empty places there keep users apart.
  size = len(log.items)
  begin = jax.random.randint(windows, (config.batch_size, 1), 0, size)
  place = split_rows((begin + jnp.arange(config.length)) % size)
  states: Any = model.apply(
    params,
    log.items[place],
    log.owners[place],
    training=True,
    rngs={"dropout": dropout},
  )
  count = log.count[place]
  share = jax.random.uniform(wanted_key, place.shape)
  chosen = jnp.minimum((share * count).astype(jnp.int32), count - 1)
  wanted = log.items[log.first[place] + jnp.maximum(chosen, 0)]
  if config.negatives >= model.num_items:
    negatives = jnp.arange(model.num_items)
    weight = jnp.zeros(model.num_items)
  else:
    negatives = _draw(drawn, log.items[:events], model.num_items, config)
    weight = log_weight[negatives]
  return softmax_loss(
    states.reshape(-1, states.shape[-1]),
    item_table(params),
    wanted.reshape(-1),
    negatives,
    weight,
    where=count.reshape(-1) > 0,
  )


def _draw(
  key: jax.Array, items: jax.Array, num_items: int, config: SASRecConfig
) -> jax.Array:
  """`[n]` items, each from a coin: even, or the item of some event."""
  coin, even, event = jax.random.split(key, 3)
  shape = (config.negatives,)
  return jnp.where(
    jax.random.bernoulli(coin, shape=shape),
    jax.random.randint(even, shape, 0, num_items),
    items[jax.random.randint(event, shape, 0, len(items))],
  )
