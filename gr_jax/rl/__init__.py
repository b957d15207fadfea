"""Preference alignment: rollouts, rewards, advantages, losses, updates."""
