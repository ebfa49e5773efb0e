"""Every shape written in models/ is checked while these tests run."""

from jaxtyping import install_import_hook

install_import_hook("models", "beartype.beartype")
