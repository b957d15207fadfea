"""Stages of rankers: training, counted baselines, evaluation."""
