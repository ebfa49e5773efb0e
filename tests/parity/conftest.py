"""One thread: at the sizes of the recordings two are slower."""

import torch

torch.set_num_threads(1)
