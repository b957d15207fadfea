from gr_jax.training.metric_writer import MetricWriter, read_metrics


def test_rows_are_readable_while_the_writer_is_open(tmp_path):
  writer = MetricWriter(tmp_path)
  writer.write(3, {"train/loss": 0.5})
  assert read_metrics(tmp_path / "metrics.jsonl") == [
    {"step": 3, "train/loss": 0.5}
  ]
  writer.close()


def test_a_resumed_run_replaces_what_it_writes_again(tmp_path):
  writer = MetricWriter(tmp_path)
  for step in (10, 20, 30):
    writer.write(step, {"loss": 1.0})
  writer.close()
  writer = MetricWriter(tmp_path, first_step=20)
  writer.write(20, {"loss": 2.0})
  writer.close()
  rows = read_metrics(tmp_path / "metrics.jsonl")
  assert [(row["step"], row["loss"]) for row in rows] == [(10, 1.0), (20, 2.0)]


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
  path = tmp_path / "metrics.jsonl"
  path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo')
  assert read_metrics(path) == [{"step": 1, "loss": 2.0}]
