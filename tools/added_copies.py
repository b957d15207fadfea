"""Measures what becomes of new items that are like old ones.

  python tools/added_copies.py --workdir=runs/cq_sid-default

adds copies of the most popular items to the served catalogue of a finished
run, with the same words, no category and no purchase. It prints the share that
takes the category of its original, the share with its first code, and how
often the words of a copy find it: first, where items of the very same words
are as good, and among ten. Nothing is written to the run.
"""

import argparse
import pathlib
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from gr_jax import command_line
from gr_jax.serving.catalogue.generation import ServiceConfig
from gr_jax.serving.catalogue.items import ItemChange, NewItem
from gr_jax.serving.catalogue.service import Service
from gr_jax.serving.engine.engine import Answer
from gr_jax.serving.requests import SearchRequest

_BATCH, _BEAM = 16, 50


def measure(
  service: Service, *, count: int, k: int = 10
) -> Iterator[tuple[str, float]]:
  """Adds copies of `count` popular items; yields the shares by name."""
  items = service.serving.snapshot.items
  has_category = (items.categories >= 0).any(axis=1)
  order = np.argsort(-items.popularity, kind="stable")
  rows = order[has_category[order]][:count]
  new = [
    NewItem(f"copy of {items.item_ids[row]}", items.texts[row]) for row in rows
  ]
  done = service.change(ItemChange(new))["items"]
  paths = [items.path_of(columns) for columns in items.categories[rows]]
  yield (
    "same_category",
    _mean(copy["category"] == path for copy, path in zip(done, paths)),
  )
  yield (
    "same_first_code",
    _mean(
      copy["semantic_id"][0] == code
      for copy, code in zip(done, items.semantic_ids.codes[rows, 0])
    ),
  )
  answers = list(_answers(service, [item.text for item in new], k=k))
  yield (
    "first_by_its_words",
    _mean(texts[:1] == [item.text] for (_, texts), item in zip(answers, new)),
  )
  yield (
    f"among_{k}",
    _mean(item.item_id in ids for (ids, _), item in zip(answers, new)),
  )


def _mean(values: Iterable[bool]) -> float:
  return float(np.mean(list(values)))


def _answers(
  service: Service, queries: Sequence[str], *, k: int
) -> Iterator[tuple[list[str], list[str]]]:
  """Ids and texts of the answers to each query."""
  requests = [SearchRequest(_BEAM, k, query[:500]) for query in queries]
  for start in range(0, len(requests), _BATCH):
    for answer in service.answer(requests[start : start + _BATCH]):
      assert isinstance(answer, Answer), answer
      yield (
        [item["id"] for item in answer.items],
        [item["text"] for item in answer.items],
      )


def _work(options: argparse.Namespace) -> None:
  with tempfile.TemporaryDirectory() as folder:
    log = pathlib.Path(folder) / "items.log"
    service = Service(
      ServiceConfig(
        options.workdir,
        log,
        beams=(_BEAM,),
        max_batch=_BATCH,
        room=options.items,
      )
    )
    try:
      for name, value in measure(service, count=options.items):
        print(f"{name:<20}{value:.3f}", flush=True)
    finally:
      service.close()


def _parser() -> argparse.ArgumentParser:
  parser = command_line.parser("python tools/added_copies.py", __doc__)
  parser.add_argument(
    "--workdir", type=pathlib.Path, required=True, help="a finished run"
  )
  parser.add_argument(
    "--items", type=int, default=200, help="popular items to copy [200]"
  )
  return parser


def main(arguments: list[str] | None = None) -> int:
  return command_line.run(_parser(), _work, arguments)


if __name__ == "__main__":
  sys.exit(main())
