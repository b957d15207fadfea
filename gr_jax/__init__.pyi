"""The public names, each with its module; `__init__.py` reads this file."""

from gr_jax.data.catalogue import Catalogue as Catalogue
from gr_jax.data.requests import Requests as Requests
from gr_jax.data.sources.own_data import import_tables as import_tables
from gr_jax.decoding.beam_search import beam_search as beam_search
from gr_jax.decoding.filters import make_filters as make_filters
from gr_jax.decoding.generator import Generator as Generator
from gr_jax.decoding.live_trie import make_live_trie as make_live_trie
from gr_jax.decoding.sampling import sample_group as sample_group
from gr_jax.decoding.scoring import (
  constrained_log_probs as constrained_log_probs,
)
from gr_jax.decoding.scoring import model_log_probs as model_log_probs
from gr_jax.decoding.trie import Trie as Trie
from gr_jax.decoding.trie import build_trie as build_trie
from gr_jax.decoding.unconstrained_beam_search import (
  unconstrained_beam_search as unconstrained_beam_search,
)
from gr_jax.evaluation import baselines as baselines
from gr_jax.evaluation import metrics as metrics
from gr_jax.evaluation.intervals import Interval as Interval
from gr_jax.evaluation.intervals import bootstrap as bootstrap
from gr_jax.evaluation.intervals import paired_difference as paired_difference
from gr_jax.generators.build import build_generator as build_generator
from gr_jax.generators.decoder_only import DecoderOnly as DecoderOnly
from gr_jax.generators.encoder_decoder import EncoderDecoder as EncoderDecoder
from gr_jax.generators.prompts.vocabulary import Vocabulary as Vocabulary
from gr_jax.generators.prompts.vocabulary import (
  build_vocabulary as build_vocabulary,
)
from gr_jax.generators.prompts.writer import PromptConfig as PromptConfig
from gr_jax.generators.prompts.writer import PromptWriter as PromptWriter
from gr_jax.nn.transformer import TransformerConfig as TransformerConfig
from gr_jax.recipes import get_config as get_config
from gr_jax.recipes import run as run
from gr_jax.retrieval.item_search import FoundItem as FoundItem
from gr_jax.retrieval.item_search import ItemSearch as ItemSearch
from gr_jax.retrieval.item_search import load as load
from gr_jax.retrieval.retriever import Retriever as Retriever
from gr_jax.rl import losses as losses
from gr_jax.rl.rewards.items import best_of_items as best_of_items
from gr_jax.rl.rewards.items import mean_of_items as mean_of_items
from gr_jax.rl.rewards.page import PageReward as PageReward
from gr_jax.rl.scored_group import ScoredGroup as ScoredGroup
from gr_jax.serving.serve import serve as serve
from gr_jax.text.encoder import TextEncoder as TextEncoder
from gr_jax.text.encoder import WordLlamaEncoder as WordLlamaEncoder
from gr_jax.tokenizers.build import load_tokenizer as load_tokenizer
from gr_jax.tokenizers.cq_sid import CqSid as CqSid
from gr_jax.tokenizers.dsi import DsiIds as DsiIds
from gr_jax.tokenizers.rq_kmeans import RqKMeans as RqKMeans
from gr_jax.tokenizers.rq_vae import RqVae as RqVae
from gr_jax.tokenizers.sa2crq import Sa2crq as Sa2crq
from gr_jax.tokenizers.semantic_ids import SemanticIds as SemanticIds
from gr_jax.tokenizers.tokenizer import Tokenizer as Tokenizer

__version__: str
