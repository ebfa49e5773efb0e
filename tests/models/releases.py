"""Weights of a released model under the official code's names."""

import importlib
import inspect

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

    A release has `KEYS`, the prefixes of the official names -> of ours, or a function `keys` or
    `prefixes` of the configuration or the model that they depend on; where names alone do not lead
    there, `official_state(model)` besides, for `official_weights`.
    """
    release = release_of(net)
    function = getattr(release, "keys", None) or getattr(release, "prefixes", None)
    if function is None:
        return official_names(net, release.KEYS)
    (parameter,) = inspect.signature(function).parameters
    return official_names(net, function(net if parameter == "model" else net.config))


def release_of(net):
    """The module of models/official."""
    return importlib.import_module(type(net).__module__)


def _official(net, name, weight):
    parent, _, last = name.rpartition(".")
    convolution = isinstance(net.get_submodule(parent), nn.Conv1d) and last == "weight"
    return torch.clone(weight.mT.unsqueeze(1) if convolution else weight)
