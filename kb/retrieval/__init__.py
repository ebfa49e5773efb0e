"""Retrieval metrics over a similarity matrix or two sets of embeddings, both directions.

Knows no model and no record; reads numpy arrays and torch tensors alike.
"""

from kb.retrieval.evaluation import Evaluation, evaluate
from kb.retrieval.post import Post
from kb.retrieval.relevance import Relevance

__all__ = ["Evaluation", "Post", "Relevance", "evaluate"]
