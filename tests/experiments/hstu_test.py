"""A sequential retriever from data to report."""

import json
import types

import pytest

from configs.hstu import get_config
from experiments import hstu
from experiments.pipeline.eval_requests import draw_eval_requests
from experiments.pipeline.prepare import prepare
from experiments.ranking.retriever import train_retriever
from gr_jax.data.requests import TEST
from gr_jax.parallel.mesh import MeshConfig, make_mesh


def small():
  config = get_config("tiny")
  config.data.num_users = 40
  config.hstu.loop.update(steps=8, log_every=4, checkpoint_every=8)
  config.sasrec.training.steps = 4
  return config


@pytest.fixture(scope="module")
def made(tmp_path_factory):
  config, folder = small(), tmp_path_factory.mktemp("hstu")
  report = hstu.run(config, folder)
  data = prepare(config.data, folder)
  mesh = make_mesh(MeshConfig(**config.mesh))
  return types.SimpleNamespace(
    config=config, folder=folder, report=report, data=data,
    retriever=train_retriever(config.hstu, folder, data, mesh),
  )  # fmt: skip


def test_the_report_has_every_system(made):
  found = json.loads((made.folder / "report.json").read_text())
  assert {r["system"] for r in found["results"]} == {
    "hstu", "sasrec", "popularity",
  }  # fmt: skip
  assert "HR@10" in (made.folder / "report.html").read_text()
  again = hstu.run(made.config, made.folder)
  assert again["results"] == made.report["results"]


def test_what_was_read_is_no_answer(made):
  [part] = draw_eval_requests(made.data.requests, split=TEST, count=0, seed=0)
  read = made.retriever.read_items(part)
  assert (read.sizes <= made.config.hstu.length).all()
  ranked = made.retriever.rank(part, k=20, exclude=read)
  assert ranked.shape == (len(part.rows), 20)
  for r, row in enumerate(ranked):
    assert len(set(row.tolist())) == 20
    assert not set(row.tolist()) & set(read[r].tolist())
