"""Judgments become pages of the right split."""

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from gr_jax.data import row_lists
from gr_jax.data.requests import EXPOSED, TEST, TRAIN, VALID
from gr_jax.data.sources import beir
from gr_jax.evaluation.baselines import bm25
from gr_jax.evaluation.graded import graded_ndcg
from tests.reference.small_collection import write_beir, write_parquet


@pytest.fixture(params=[write_beir, write_parquet])
def loaded(request, tmp_path):
  request.param(tmp_path / "data")
  return beir.load(tmp_path / "data")


def test_judged_queries_ask_for_what_was_found_relevant(loaded):
  catalogue, requests, _ = loaded
  found = {
    requests.queries[requests.query[r]]: (
      int(requests.split[r]),
      catalogue.item_ids[requests.targets(r)].tolist(),
    )
    for r in range(len(requests))
  }
  assert found == {
    "oat drink": (TRAIN, ["d1"]),
    "milk": (TRAIN, ["d2", "d1"]),
    "tea": (VALID, ["d4"]),
    "rye": (TEST, ["d3"]),
  }


def test_grades_belong_to_the_pages(loaded):
  catalogue, requests, grades = loaded
  row = int(np.flatnonzero(requests.queries == "milk")[0])
  page = slice(requests.page_offsets[row], requests.page_offsets[row + 1])
  items = catalogue.item_ids[requests.page_item[page]].tolist()
  assert dict(zip(items, grades[page])) == {"d2": 2, "d1": 1, "d4": 0}
  assert requests.page_kind[page].tolist()[-1] == EXPOSED


def test_only_training_queries_leave_events(loaded):
  catalogue, requests, _ = loaded
  assert catalogue.popularity.tolist() == [2, 1, 0, 0]
  assert len(requests.event_item) == 3
  assert all(len(requests.history(r)) == 0 for r in range(len(requests)))


def test_a_query_is_its_own_user(loaded):
  _, requests, _ = loaded
  assert len(set(requests.user.tolist())) == len(requests)
  assert set(requests.user_ids) == {"q1", "q2", "q3", "q4"}


def test_texts_are_titles_and_texts(loaded):
  texts = loaded.catalogue.texts.tolist()
  assert texts[0] == "Oats. oat milk is made of oats"
  assert texts[1] == "whole milk"


def test_a_share_of_the_training_queries_can_choose_settings(tmp_path):
  write_beir(tmp_path)
  plain = beir.load(tmp_path).requests
  validated = beir.load(tmp_path, valid_share=0.5).requests
  old, new = (
    dict(zip(r.queries[r.query].tolist(), r.split.tolist()))
    for r in (plain, validated)
  )
  moved = [query for query in old if old[query] != new[query]]
  assert len(moved) == 1
  assert (old[moved[0]], new[moved[0]]) == (TRAIN, VALID)
  # What is chosen with must not be learned.
  assert len(validated.event_item) < len(plain.event_item)
  with pytest.raises(ValueError, match=r"valid_share is 1.0"):
    beir.load(tmp_path, valid_share=1.0)


def test_a_document_with_the_id_of_a_query_is_no_answer_to_it(tmp_path):
  """BEIR's `ignore_identical_ids`: d1 is a query and a document."""
  write_beir(tmp_path)
  with (tmp_path / "queries.jsonl").open("a") as file:
    file.write(json.dumps({"_id": "d1", "text": "oats"}) + "\n")
  with (tmp_path / "qrels" / "test.tsv").open("a") as file:
    file.write("d1\td1\t2\nd1\td2\t1\n")
  catalogue, requests, grades = beir.load(tmp_path)
  assert len(grades) == len(requests.page_item)
  names = requests.user_ids[requests.user]
  (row,) = np.flatnonzero(names == "d1")
  assert catalogue.item_ids[requests.own_item[row]] == "d1"
  assert (np.delete(requests.own_item, row) == -1).all()
  assert catalogue.item_ids[requests.targets(row)].tolist() == ["d2"]


@pytest.mark.parametrize(
  ("row", "message"),
  [
    (("q1", "d7", 1), "name a doc_id that is not there, the first 'd7'"),
    (("q7", "d1", 1), "name a query_id that is not there, the first 'q7'"),
  ],
)
def test_judgments_of_nothing_are_refused(tmp_path, row, message):
  write_parquet(tmp_path)
  path = tmp_path / "qrels.parquet"
  table = pl.read_parquet(path)
  more = pl.DataFrame([row], schema=table.schema, orient="row")
  pl.concat((table, more)).write_parquet(path)
  with pytest.raises(ValueError, match=message):
    beir.load(tmp_path)


def test_a_query_in_two_splits_is_refused(tmp_path):
  write_beir(tmp_path)
  with (tmp_path / "qrels" / "test.tsv").open("a") as file:
    file.write("q1\td1\t1\n")
  with pytest.raises(ValueError, match="'q1' is judged in more than one"):
    beir.load(tmp_path)


def test_bm25_on_scifact_is_where_it_is_known_to_be():
  root = Path(__file__).parents[3]
  data = Path(os.environ.get("GR_JAX_DATA", root / "../shared/data"))
  if not (data / "scifact").is_dir():
    pytest.skip(f"no scifact in {data}; set GR_JAX_DATA to run this test")
  found, documents = bm25_ndcg(data / "scifact", TEST)
  assert documents == 5183
  assert len(found) == 300
  assert round(float(np.mean(list(found.values()))), 4) == 0.6617


def bm25_ndcg(folder, split):
  """`[R]` nDCG@10 of BM25 on the judged queries of a split, and their texts."""
  catalogue, requests, grades = beir.load(folder)
  rows = requests.rows(split, "search")
  state = bm25.fit(catalogue.texts, catalogue.popularity)
  queries = requests.queries[requests.query[rows]]
  ranked = bm25.rank(state, queries, k=10)
  pages = row_lists.from_spans(
    np.arange(len(grades)),
    requests.page_offsets[rows],
    requests.page_offsets[rows + 1],
  )
  judged = row_lists.RowLists(pages.offsets, requests.page_item[pages.rows])
  found = graded_ndcg(ranked, judged, grades[pages.rows])
  return dict(zip(queries.tolist(), found.tolist())), len(catalogue)


def test_figures_of_bm25_are_those_of_the_grades(tmp_path):
  """For "milk" BM25 has the shorter d2 first, which was judged the worse."""
  write_beir(tmp_path)
  (tmp_path / "qrels" / "train.tsv").write_text(
    "query-id\tcorpus-id\tscore\nq1\td1\t2\nq2\td1\t2\nq2\td2\t1\n"
  )
  found, _ = bm25_ndcg(tmp_path, TRAIN)
  swapped = (1 + 2 / np.log2(3)) / (2 + 1 / np.log2(3))
  assert found == {"oat drink": 1.0, "milk": pytest.approx(swapped)}
  assert bm25_ndcg(tmp_path, TEST) == ({"rye": 1.0}, 4)
