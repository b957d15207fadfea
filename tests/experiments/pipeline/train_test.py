from experiments.pipeline.train import throughput
from gr_jax.parallel.mesh import MeshConfig, make_mesh
from tests.reference.small_world import PROMPT, semantic_ids
from tests.reference.tasks import started


def test_tokens_are_positions_of_prompts_and_of_what_follows(tmp_path):
  task, model, params, _ = started("page_wise", tmp_path)
  mesh = make_mesh(MeshConfig())
  found = throughput(params, model, task, PROMPT, mesh=mesh)(2.0)
  prompt = 1 + 2 * PROMPT.history
  levels = len(semantic_ids().level_sizes)
  row = prompt + 6 * levels + 2
  assert found["train/tokens_per_second"] == 4 * row / 2
  assert found["train/examples_per_second"] == 4 * 6 / 2
  assert found["train/share_of_matmul_peak"] > 0
