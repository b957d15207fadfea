"""The benchmark runs at toy size, and its arithmetic is right."""

import dataclasses
import functools
import importlib.util
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gr_jax import provenance
from gr_jax.decoding.beams import SearchResult
from gr_jax.nn.virtual_seeds import SeedConfig
from tools.benchmarks import (
  candidates,
  constraint,
  decoder,
  four_bits,
  kmeans,
  lifelong,
  products,
  report,
  rollouts,
  rounds,
  rq_vae,
  search,
  semi_local,
  token_merger,
  trie,
)
from tools.benchmarks.candidate_world import WorldSizes
from tools.benchmarks.constraint_static import StaticBeams
from tools.benchmarks.contender import Bar, Contender, Limit, Section
from tools.benchmarks.generator import Sizes
from tools.benchmarks.search import compared
from tools.benchmarks.vectors import (
  clustered_vectors,
  mixture,
  relative_error,
)

TOOL = Path(__file__).parents[2] / "tools" / "benchmark.py"

SIZES = Sizes(
  10,
  level_sizes=(8, 8, 8),
  ids=40,
  batch=8,
  history=4,
  beam=3,
  layers=1,
  width=8,
  heads=2,
  kv_heads=1,
  feed_forward=8,
)
TOYS = [
  lifelong.section(
    lengths=(30, 60),
    users=2,
    units=2,
    config=SeedConfig(width=8, heads=2, head_size=4),
  ),
  rq_vae.section(
    batches=(16,),
    units=2,
    sizes={
      "rows": 64,
      "features": 12,
      "hidden": (8,),
      "latent": 4,
      "codes": (4, 4),
    },
  ),
  kmeans.section(
    data=functools.partial(mixture, rows=200, features=8, clusters=20),
    codes=(4, 4),
  ),
  decoder.section(units=1, sizes=SIZES),
  trie.section(
    sizes={"ids": 50, "level_sizes": (8, 8, 8)}, builds=1, changes=2, changed=5
  ),
  constraint.section(
    sizes={"level_sizes": (8, 8, 8), "beam": 4},
    counts=(50, 200),
    searches=2,
    builds=1,
  ),
  search.section(sizes=SIZES, batches=(1,), queries=2, peer_queries=1),
  candidates.section(
    sizes=(
      WorldSizes(90, users=20, length=12, categories=6, words=50, codes=4),
    ),
    requests=4,
    batches=(2,),
    preset="tiny",
  ),
  rollouts.section(sizes=SIZES, group=4, batches=1),
  token_merger.section(units=1, sizes=SIZES),
  four_bits.section(size=32, units=1),
  semi_local.section(length=128, others=(64,), units=1),
]


@pytest.fixture(scope="module")
def tool():
  spec = importlib.util.spec_from_file_location("benchmark", TOOL)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


@pytest.mark.parametrize(
  "contender",
  [
    pytest.param(contender, id=f"{section.name}-{contender.label}")
    for section in TOYS
    for contender in section.contenders
    if not contender.needs and contender.dtype != "float32"
  ],
)
def test_our_side_of_every_section_runs_twice(contender):
  run = rounds.make(contender)
  run()
  figures = rounds.timed(run)
  assert figures["wall_seconds"] > 0
  assert np.isfinite(list(figures.values())).all()


@pytest.mark.parametrize("section", TOYS, ids=lambda section: section.name)
def test_labels_are_unique_and_every_full_size_bar_names_two(section):
  full = {
    "rq_vae": rq_vae,
    "kmeans": kmeans,
    "decoder": decoder,
    "trie": trie,
    "constraint": constraint,
    "search": search,
    "candidates": candidates,
    "lifelong": lifelong,
    "rollouts": rollouts,
    "token_merger": token_merger,
    "four_bits": four_bits,
    "semi_local": semi_local,
  }[section.name].section()
  labels = [contender.label for contender in full.contenders]
  assert len(set(labels)) == len(labels)
  for bar in full.bars:
    assert {bar.ours, bar.peer} <= set(labels)
  for limit in full.limits:
    assert limit.ours in labels


def test_products_are_counted_turn_by_turn_and_dead_ones_left_out():
  def step(x, w):
    dead = w @ w
    del dead
    return jax.lax.scan(lambda x, _: (x @ w, None), x, None, length=3)[0]

  found = products.products(jax.jit(step), jnp.ones((2, 4)), jnp.ones((4, 4)))
  ((product, times),) = found.items()
  assert (times, product.flop) == (3, 2 * 2 * 4 * 4)
  assert product.compiled()().shape == (2, 4)


def test_the_machine_is_named_with_what_it_multiplies_with():
  line = report.machine_line(
    {"cpu": "EPYC, cpu family 25", "cpu_flags": ["avx512f", "avx512_bf16"]}
  )
  assert line == "CPU: EPYC, cpu family 25; avx512f avx512_bf16"


OURS = Contender("ours", "math:sqrt", {}, units=2)
PEER = Contender("peer", "math:ceil", {})
SECTION = Section(
  "toy",
  "two contenders",
  "step",
  "row",
  (OURS, PEER),
  (Bar("ours", "peer", 2.0), Bar("ours", "absent", 9.0)),
  (Limit("ours", "error", 0.5),),
)


def samples(ours, peer):
  def sample(seconds):
    return {"wall_seconds": 9.0, "cpu_seconds": seconds, "error": 0.6}

  return {"ours": list(map(sample, ours)), "peer": list(map(sample, peer))}


def test_ratio_is_median_seconds_of_the_peer_over_ours():
  found = samples([1.0, 4.0, 2.0], [8.0, 5.0, 600.0])
  assert report.ratio(found, "ours", "peer", metric="cpu_seconds") == 8 / 2
  assert report.ratio(found, "ours", "peer", metric="wall_seconds") == 1


def test_bars_are_met_from_their_ratio_on_and_absent_peers_are_not_judged():
  for peer, met in ((4.0, True), (3.9, False)):
    bar, limit = report.verdicts(
      SECTION, samples([2.0], [peer]), metric="cpu_seconds"
    )
    assert (bar["met"], bar["value"]) == (met, peer / 2)
    assert (limit["met"], limit["value"]) == (False, 0.6)


def test_a_bar_at_equal_error_is_missed_by_faster_but_worse():
  found = samples([2.0], [8.0])
  for limit, met in ((1.3, True), (1.1, False)):
    for sample in found["ours"]:
      sample["error"] = 1.2 * found["peer"][0]["error"]
    section = dataclasses.replace(
      SECTION, bars=(Bar("ours", "peer", 2.0, limit),), limits=()
    )
    (bar,) = report.verdicts(section, found, metric="cpu_seconds")
    assert (bar["met"], bar["value"]) == (met, 4.0)
    assert "(1.2000x)" in bar["claim"]


def test_rows_hold_median_lowest_and_highest():
  rows = report.rows(SECTION, samples([1.0, 4.0, 2.0], [1.0]))
  row = next(row for row in rows if row["metric"] == "cpu_seconds")
  assert (row["contender"], row["rounds"]) == ("ours", 3)
  assert (row["low"], row["median"], row["high"]) == (1.0, 2.0, 4.0)


def test_the_table_shows_the_ratio_and_the_lines_what_is_missed():
  found = samples([2.0], [3.0])
  table = report.section_table(SECTION, found, metric="cpu_seconds")
  assert "1.50" in table.splitlines()[-1]
  lines = report.verdict_lines(
    report.verdicts(SECTION, found, metric="cpu_seconds")
  ).splitlines()
  assert lines[0] == "MISSED  ours >= 2x peer: 1.5"


def test_a_mixture_is_the_same_each_time_and_its_energy_falls_by_feature():
  vectors = mixture(rows=400, features=64)
  np.testing.assert_array_equal(vectors, mixture(rows=400, features=64))
  energy = np.square(vectors).mean(axis=0)
  assert energy[:8].mean() > 2 * energy[-8:].mean()


def test_levels_of_single_clusters_leave_the_deviation_from_the_mean():
  vectors = clustered_vectors(10, 3)

  def cluster(x, size, seed):
    return x.mean(axis=0, keepdims=True), np.zeros(len(x), int)

  run = kmeans.residual(cluster, vectors=vectors, codes=[1, 1], units=1)
  left = relative_error(vectors - vectors.mean(axis=0), vectors)
  assert run()["error"] == pytest.approx(left)


def test_relative_error_of_nothing_left_is_zero_and_of_nothing_found_one():
  vectors = clustered_vectors(10, 3)
  assert relative_error(np.zeros_like(vectors), vectors) == 0
  assert relative_error(vectors, vectors) == 1


def test_answers_that_differ_in_one_place_fail_with_it():
  codes = np.arange(24).reshape(2, 3, 4)
  scores = -np.arange(6.0).reshape(2, 3)
  found = compared(codes, scores, codes, scores + 0.25)
  assert found == {"different_places": 0, "largest_gap": 0.25}
  other = codes.copy()
  other[1, 2, 0] = 0
  with pytest.raises(ValueError, match=r"1 of 6 places.*query 1, place 2"):
    compared(codes, scores, other, scores)


def test_a_peer_that_finds_other_ids_fails():
  ours = SearchResult(
    np.array([[3, -1]]),
    np.array([[-1.0, -np.inf]]),
    np.array([[[1, 2], [-1, -1]]]),
  )
  same = StaticBeams(None, ours.log_probs, ours.codes)
  constraint.check_answers([ours], [same])
  with pytest.raises(ValueError, match="different IDs"):
    constraint.check_answers([ours], [same._replace(codes=ours.codes + 1)])
  with pytest.raises(ValueError, match="different numbers"):
    constraint.check_answers([ours], [same._replace(scores=np.zeros((1, 2)))])


WORKER_FILE = """
import os

def make(*, units, note):
  calls = []
  def run():
    print("what a library prints is no answer")
    calls.append(note)
    arenas = int(os.environ.get("MALLOC_ARENA_MAX", 0))
    return {
      "calls": len(calls), "units": units, "error": 0.5, "arenas": arenas
    }
  return run

def fail(*, units):
  raise ValueError("no such thing")
"""


@pytest.fixture
def worker_module(tmp_path, monkeypatch):
  (tmp_path / "toy_contender.py").write_text(WORKER_FILE)
  monkeypatch.syspath_prepend(tmp_path)
  return "toy_contender"


def test_contenders_run_in_turns_after_one_warm_up(worker_module):
  contenders = [
    Contender(name, f"{worker_module}:make", {"note": name}, units=4)
    for name in ("a", "b")
  ]
  lines = []
  found = rounds.measure(contenders, rounds=2, cores=1, progress=lines.append)
  assert list(found) == ["a", "b"]
  for sample in found.values():
    assert [figures["calls"] for figures in sample] == [2, 3]
    assert sample[0]["units"] == 4
    assert sample[0]["error"] == 0.5


def test_our_processes_have_one_arena_and_those_of_peers_as_many_as_they_take(
  worker_module, monkeypatch
):
  monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
  make, options = f"{worker_module}:make", {"note": ""}
  ours = Contender("ours", make, options)
  peer = Contender("peer", make, options, needs=("json",))
  found = rounds.measure([ours, peer], rounds=1, cores=1, progress=str)
  assert [found[name][0]["arenas"] for name in ("ours", "peer")] == [1, 0]


def test_a_failing_contender_is_named_with_its_error(worker_module):
  broken = Contender("broken", f"{worker_module}:fail", {})
  with pytest.raises(RuntimeError, match="broken: ValueError: no such thing"):
    rounds.measure([broken], rounds=1, cores=1, progress=str)


def test_missing_peers_are_left_out_and_named(
  tool, worker_module, monkeypatch, tmp_path, capsys
):
  ours = Contender("ours", f"{worker_module}:make", {"note": ""})
  peer = Contender("peer", "nowhere:make", {}, needs=("no_such_package",))
  section = Section("toy", "title", "call", "row", (ours, peer))
  monkeypatch.setattr(tool, "SECTIONS", {"toy": lambda: section})
  output = tmp_path / "out.json"
  flags = ["toy", "--rounds=1", f"--output={output}"]
  monkeypatch.setattr("sys.argv", ["tools/benchmark.py", *flags])
  assert tool.main() == 0
  assert "not installed, left out: no_such_package" in capsys.readouterr().out
  written = json.loads(output.read_text())
  assert {row["contender"] for row in written["rows"]} == {"ours"}
  assert written["machine"]["cores_used"] == 1
  assert "jax" in written["versions"]
  assert written["command"] == "python tools/benchmark.py toy --rounds=1"
  assert written["commit"] == provenance.commit()
  by_label = written["medians"]["toy"][ours.label]
  assert by_label == {row["metric"]: row["median"] for row in written["rows"]}


@pytest.mark.parametrize(
  ("flags", "message"),
  [
    (["trie", "--rounds=0"], "--rounds=0"),
    (["trie", "--cores=999"], "--cores=999"),
    (["nothing"], "nothing"),
    (["trie", "--output=/no/such/folder/x.json"], "/no/such/folder"),
  ],
)
def test_a_wrong_flag_is_one_line(tool, flags, message, capsys):
  assert tool.main(flags) == 1
  error = capsys.readouterr().err
  assert message in error
  assert len(error.splitlines()) == 1


def test_a_clocked_source_answers_as_it_is_and_its_seconds_add_up():
  class Source:
    names = ("feature",)
    state = "of its own"

    def propose(self, batch):
      return [batch]

    def describe(self, batch, pairs):
      return sum(x * x for x in range(20_000)), batch, pairs

  seconds = {"Source": 1.0}
  clocked = candidates.Clocked(Source(), seconds)
  assert (clocked.names, clocked.state) == (("feature",), "of its own")
  assert clocked.propose("batch") == ["batch"]
  before = seconds["Source"]
  assert clocked.describe("batch", "pairs")[1:] == ("batch", "pairs")
  assert seconds["Source"] > before >= 1
