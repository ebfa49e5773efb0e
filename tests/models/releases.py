"""Weights of a released model under the official code's names."""

import importlib

import torch
from torch import nn

from models.official._loading import official_names


def official_weights(net):
    """What a checkpoint of the released code would hold of this model's weights.

    A Conv1d was released as a Conv2d over one channel.
    """
    own, release = net.state_dict(), release_of(net)
    if hasattr(release, "official_state"):
        return release.official_state(net)
    return {key: _official(net, name, own[name]) for key, name in our_names(net).items()}


def our_names(net):
    """Official name -> our name of every entry of the state dict that the release has.

    A release has `KEYS`, the prefixes of the official names -> of ours, or `keys(config)` where
    they depend on the configuration; where names alone do not lead there, `official_state(model)`
    besides, for `official_weights`.
    """
    release = release_of(net)
    return official_names(
        net, release.keys(net.config) if hasattr(release, "keys") else release.KEYS
    )


def release_of(net):
    """The module of models/official."""
    return importlib.import_module(type(net).__module__)


def _official(net, name, weight):
    parent, _, last = name.rpartition(".")
    convolution = isinstance(net.get_submodule(parent), nn.Conv1d) and last == "weight"
    return torch.clone(weight.mT.unsqueeze(1) if convolution else weight)
