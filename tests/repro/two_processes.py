"""What test_parallel starts twice: a few steps of models without dropout, printed by the leader."""

import json
import sys
from dataclasses import replace

import torch

from kb import datasets
from kb.repro import parallel
from kb.repro.plan import plan
from kb.repro.split_tensors import load_split
from kb.repro.train import Training
from kb.repro.vocabulary import Vocabulary


def steps(name: str, batch_size: int) -> dict:
    """Losses of three steps, the gradients' norms, and a checksum of weights and running means."""
    torch.set_num_threads(1)
    corpus = datasets.load("diorama-msrvtt", size="tiny")
    words = Vocabulary.build(c.text for c in corpus.splits["train"].captions)
    chosen = plan(name, corpus, words, seed=0, changes={"batch_size": batch_size})
    chosen = replace(chosen, config=replace(chosen.config, dropout=0.0))
    torch.manual_seed(0)
    train = load_split(corpus, "train", words, chosen.views, torch.device("cpu"))
    model = parallel.distribute(chosen.build(), 0)
    training = Training(model, chosen.recipe, train, train, seed=0)
    training.model.train()
    losses, norms = [], []
    for rows in train.batches(chosen.recipe.sampling, training.shuffle)[:3]:
        training.total = torch.zeros(())
        training._backward(rows, fresh=True)
        training._step()
        losses.append(float(training.total))
        norms.append(float(sum(p.grad.pow(2).sum() for p in training.model.parameters())))
    tensors = training.model.state_dict().values()
    return {"losses": losses, "norms": norms, "sum": sum(float(v.double().sum()) for v in tensors)}


if __name__ == "__main__":
    with parallel.process_group():
        made = {}
        for word in sys.argv[1:]:
            name, _, size = word.partition("=")
            made[name] = {**steps(name, int(size)), "processes": parallel.size()}
        if parallel.rank() == 0:
            sys.stdout.write(json.dumps(made) + "\n")
