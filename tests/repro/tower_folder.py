"""A tiny CLIP with a tokeniser of single letters, saved as the Hub's downloads are."""

import json
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

SIDE = 32
LETTERS = [chr(code) for code in range(33, 127)]
PIECES = [*LETTERS, *(f"{letter}</w>" for letter in LETTERS), "<|startoftext|>", "<|endoftext|>"]
LONGEST = 40  # pieces of a caption


def write(folder: Path, **changes: object) -> Path:
    """The folder; `changes` to the settings of the text tower."""
    ids = {piece: number for number, piece in enumerate(PIECES)}
    CLIPTokenizer(vocab=ids, merges=[], model_max_length=LONGEST).save_pretrained(folder)
    text = {
        "vocab_size": len(PIECES),
        "hidden_size": 32,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": LONGEST,
        "bos_token_id": len(PIECES) - 2,
        "eos_token_id": len(PIECES) - 1,
        "pad_token_id": len(PIECES) - 1,
    }
    video = {
        "hidden_size": 48,
        "intermediate_size": 192,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "image_size": SIDE,
        "patch_size": 16,
    }
    config = CLIPConfig(text_config={**text, **changes}, vision_config=video, projection_dim=32)
    torch.manual_seed(0)
    CLIPModel(config).save_pretrained(folder)
    return folder


def edited(folder: Path, part: str, **changes: object) -> Path:
    """The folder with other settings of one tower in its config.json."""
    path = folder / "config.json"
    content = json.loads(path.read_text())
    content[part].update(changes)
    path.write_text(json.dumps(content))
    return folder
