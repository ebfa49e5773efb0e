"""Every shape written in models/ is checked while these tests run."""

import torch
from jaxtyping import install_import_hook

torch.set_num_threads(1)  # toy sizes: two threads crawl where others want the cores
install_import_hook("models", "beartype.beartype")
