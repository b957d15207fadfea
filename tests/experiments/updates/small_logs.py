"""Small logs to grow, and events of all kinds to grow them with."""

import numpy as np
import polars as pl
from hypothesis import strategies as st

from experiments.updates.grown_log import GrownLog, of_run
from experiments.updates.log_growth import grown
from gr_jax.data.imports.build_requests import build_requests
from gr_jax.data.imports.ordered_events import user_blocks
from gr_jax.data.requests import Requests
from gr_jax.data.splits import split_by_time

PRICES = np.array([1, 2, 3, 4], np.float32)
SCHEMA = {
  "row": pl.Int64,
  "user_id": pl.String,
  "seconds": pl.Int64,
  "item": pl.Int32,
  "kind": pl.Int8,
  "query": pl.String,
  "amount": pl.Float64,
}


def frame(events: list[dict], *, timed: bool = True) -> pl.DataFrame:
  rows = [{"row": row, **event} for row, event in enumerate(events)]
  found = pl.DataFrame(rows, schema=SCHEMA)
  return found if timed else found.drop("seconds")


def built(events: pl.DataFrame, *, held_out: bool = True) -> Requests:
  timed = "seconds" in events.columns
  share = 0.2 if held_out else 0.0
  return build_requests(
    user_blocks(events),
    values=lambda training: PRICES,
    split=lambda user, time: split_by_time(
      time, valid_share=share, test_share=share
    ),
    shared_clock=timed,
  ).requests


def more(log: GrownLog, events: pl.DataFrame, share: float = 0.0) -> GrownLog:
  return grown(log, events, prices=PRICES, held_out_share=share, seed=0)


def event_of(user: str, time: int) -> st.SearchStrategy[dict]:
  return st.fixed_dictionaries(
    {
      "user_id": st.just(user),
      "seconds": st.just(time),
      "item": st.integers(0, 3),
      "kind": st.integers(0, 2),
      "query": st.sampled_from([None, "p", "q"]),
      "amount": st.sampled_from([None, 5.0]),
    }
  )


EVENTS = st.lists(
  st.tuples(st.sampled_from("uvwx"), st.integers(0, 9)).flatmap(
    lambda pair: event_of(*pair)
  ),
  max_size=20,
)
# Enough to build a log of, on all sides of every cut.
FIRST = [
  {"user_id": user, "seconds": time, "item": time % 4, "kind": 1}
  | {"query": query, "amount": None}
  for user in "uv"
  for time, query in ((0, None), (1, "p"), (2, None))
]
LAST = [dict(FIRST[0], seconds=time, query="q") for time in (10, 11)]


def three_updates() -> GrownLog:
  log = of_run(built(frame(FIRST)))
  for day in (10, 30, 50):
    events = [dict(e, seconds=e["seconds"] + day) for e in [*FIRST, *LAST]]
    log = more(log, frame(events), share=0.3)
  return log
