"""Links of small logs, counted by hand."""

import numpy as np

from gr_jax.candidates.log import Log
from gr_jax.candidates.request_batch import RequestBatch
from gr_jax.candidates.sources.links import LAST
from gr_jax.data.request_lists import training_event_ends
from tests.reference import small_logs


def dense(scores, rows):
  """`[rows, N]`, 0 where there is no score."""
  found = np.zeros((rows, scores.num_items), np.float32)
  found[scores.rows, scores.items] = scores.values
  return found


def batch_of(sequences):
  requests = small_logs.requests_of(sequences)
  counted = training_event_ends(requests)
  nobody = np.zeros(0, np.int64), np.zeros((0, 1), np.float32)
  log = Log(requests, counted, *nobody)
  rows = np.arange(len(requests))
  return RequestBatch(log, rows[:, None], np.ones(len(rows), bool))


def kept_sequences(batch, row):
  """Training sequences where the row's user stops at its history."""
  requests = batch.log.requests
  user = requests.user[batch.requests[row, 0]]
  found = []
  for u, begin in enumerate(requests.user_offsets[:-1]):
    end = batch.log.counted[u]
    if u == user:
      end = min(end, batch.ends[row])
    found.append(requests.event_item[begin : max(end, begin)].tolist())
  return found


def newest(batch, row, num_items):
  history = batch.log.requests.history(batch.requests[row, 0])
  weights = np.zeros(num_items)
  for age, item in enumerate(history[::-1][:LAST]):
    weights[item] += 1 / (1 + age)
  return weights


def windowed(sequences, weights, num_items, window):
  pairs, popularity = np.zeros((num_items, num_items)), np.zeros(num_items)
  for sequence in sequences:
    np.add.at(popularity, sequence, 1)
    for q, new in enumerate(sequence):
      for p in range(max(q - window, 0), q):
        pairs[sequence[p], new] += 1 / (q - p)
        pairs[new, sequence[p]] += 0.5 / (q - p)
  return weights @ pairs / (np.sqrt(popularity) + 5)


def same_users(sequences, whole, weights, num_items):
  def users(of):
    have = np.zeros((len(of), num_items))
    for user, sequence in enumerate(of):
      have[user, sequence] = 1
    return have

  have, all_ = users(sequences), users(whole)
  both = have.T @ have
  np.fill_diagonal(both, 0)
  root = 1 / np.sqrt(all_.sum(0) + 5)
  return (weights * root) @ both / np.sqrt(have.sum(0) + 5)
