"""One paper = one file. `kb.repro.models` finds them by name; parts/ is what no paper claims."""
