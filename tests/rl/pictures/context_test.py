from gr_jax.rl.pictures.context import FlowContext


def test_a_network_reads_what_is_trained_and_what_is_fixed():
  params = {"params": 1}
  assert FlowContext(params).variables({"params": 2}) == {"params": 2}
  found = FlowContext(params, {"frozen": 3}).variables({"params": 2})
  assert found == {"params": 2, "frozen": 3}
