"""Policies over pictures: flow models in the loop of `gr_jax/rl/loop.py`."""
