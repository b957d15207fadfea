"""What Prometheus reads is what happened."""

import math

import hypothesis
import hypothesis.strategies as st
from prometheus_client.parser import text_string_to_metric_families

from gr_jax.serving.engine.engine import Answer
from gr_jax.serving.http.metrics import ServingMetrics
from gr_jax.serving.requests import Invalid

SECONDS = st.lists(st.floats(0, 100), max_size=20)


def samples(metrics: ServingMetrics) -> dict[tuple, float]:
  """Values by name and labels, as a scraper reads them."""
  text = metrics.text().decode()
  return {
    (sample.name, *sorted(sample.labels.items())): sample.value
    for family in text_string_to_metric_families(text)
    for sample in family.samples
    if not sample.name.endswith("_created")
  }


def test_the_text_is_prometheus_own_and_every_family_is_explained():
  metrics = ServingMetrics()
  metrics.watch("ready", "1 while requests are taken.", lambda: True)
  families = list(text_string_to_metric_families(metrics.text().decode()))
  kinds = {
    family.name: family.type
    for family in families
    if not family.name.endswith("_created")
  }
  assert kinds == {
    "gr_jax_requests": "counter",
    "gr_jax_request_seconds": "histogram",
    "gr_jax_queue_seconds": "histogram",
    "gr_jax_search_seconds": "histogram",
    "gr_jax_batch_requests": "histogram",
    "gr_jax_beams": "counter",
    "gr_jax_late_answers": "counter",
    "gr_jax_cache": "counter",
    "gr_jax_item_changes": "counter",
    "gr_jax_reloads": "counter",
    "gr_jax_ready": "gauge",
  }
  assert all(family.documentation for family in families)


@hypothesis.given(
  st.lists(
    st.tuples(
      st.sampled_from(["/search", "/items"]), st.sampled_from([200, 422])
    )
  )
)
def test_counters_only_grow_and_count_each_request_once(requests):
  metrics = ServingMetrics()
  before = {}
  for route, status in requests:
    metrics.requests.labels(route, status).inc()
    now = samples(metrics)
    assert all(now[name] >= value for name, value in before.items())
    before = now
  for route, status in set(requests):
    labels = ("route", route), ("status", str(status))
    counted = before["gr_jax_requests_total", *labels]
    assert counted == requests.count((route, status))


@hypothesis.given(SECONDS)
def test_a_histogram_sums_and_sorts_what_it_saw(seconds):
  metrics = ServingMetrics()
  for each in seconds:
    metrics.queue.observe(each)
  found = samples(metrics)
  name = "gr_jax_queue_seconds"
  assert found[name + "_count",] == len(seconds)
  assert math.isclose(found[name + "_sum",], math.fsum(seconds))
  buckets = {k[1][1]: v for k, v in found.items() if k[0] == name + "_bucket"}
  assert len(buckets) == 14
  for edge, count in buckets.items():
    assert count == sum(each <= float(edge) for each in seconds)
  assert buckets["+Inf"] == len(seconds)


def test_batches_of_any_size_that_is_compiled_have_a_bucket_of_their_own():
  for size in (1, 4, 16, 64):
    metrics = ServingMetrics()
    metrics.batch.observe(size)
    found = samples(metrics)
    filled = [
      float(key[1][1])
      for key, count in found.items()
      if key[0] == "gr_jax_batch_requests_bucket" and count
    ]
    assert min(filled) == size


def test_a_gauge_is_read_at_every_scrape():
  metrics, waiting = ServingMetrics(), [1, 2]
  metrics.watch("queue_length", "Requests that wait.", lambda: len(waiting))
  assert samples(metrics)["gr_jax_queue_length",] == 2
  waiting.clear()
  assert samples(metrics)["gr_jax_queue_length",] == 0


def test_two_servers_of_one_process_count_apart():
  one, other = ServingMetrics(), ServingMetrics()
  one.reloads.labels("done").inc()
  key = "gr_jax_reloads_total", ("outcome", "done")
  assert samples(one)[key] == 1
  assert key not in samples(other)


def test_a_search_of_several_requests_is_counted_once():
  metrics = ServingMetrics()
  taken = {"batch": 0.0, "search": 1000.0}

  def answer(requests):
    return [
      Invalid("no"),
      *[Answer([], 1, [], [], {}, taken, 4)] * len(requests),
    ]

  assert len(metrics.counted(answer)([None] * 4)) == 5
  text = metrics.text().decode()
  assert "gr_jax_batch_requests_sum 4.0" in text
  assert "gr_jax_search_seconds_sum 1.0" in text


def test_a_batch_without_an_answer_was_no_search():
  metrics = ServingMetrics()
  metrics.counted(lambda requests: [Invalid("no")])([None])
  assert "gr_jax_search_seconds_count 0.0" in metrics.text().decode()
