"""Towers from a folder in the Hub's format: the same numbers as transformers, and a run from them."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from torch.nn import functional

from kb.cli import run
from kb.datasets.features import video_pixels
from kb.datasets.features.videos import LOSSY, find_videos, write_video
from kb.records.errors import KBError
from kb.repro import towers
from kb.repro.views import pixels
from models.clip4clip import CLIP4Clip, Config
from models.parts.contract import DataSizes
from tests.datasets import msrvtt_copy

transformers = pytest.importorskip("transformers", reason="needs the extra `towers`")

from safetensors import torch as safetensors  # noqa: E402  (it comes with transformers)

from tests.repro import tower_folder  # noqa: E402  (it needs transformers)

GREY = 30  # brightness: what a lossy file makes of black is darker
TEXTS = ["a dog runs", "two red cars stop at the gate"]


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """A tiny CLIP on disk."""
    return tower_folder.write(tmp_path_factory.mktemp("hub") / "clip")


@pytest.fixture
def clip(saved, tmp_path):
    """A copy of it, to be damaged."""
    return shutil.copytree(saved, tmp_path / "clip")


def started(folder, **changes):
    """CLIP4Clip, started from the tower."""
    tower = towers.open_tower(folder)
    config = dataclasses.replace(Config(), **towers.settings("clip4clip", tower), **changes)
    net = CLIP4Clip(config, DataSizes(vocabulary=tower.vocabulary)).eval()
    towers.start("clip4clip", net, tower)
    return net


@torch.no_grad()
def test_both_towers_give_what_transformers_gives(saved):
    """Captions of unequal length and frames, within 1e-6."""
    net, hub = started(saved), transformers.AutoModel.from_pretrained(str(saved)).eval()
    words = transformers.AutoTokenizer.from_pretrained(str(saved))
    read = words(TEXTS, padding=True, return_tensors="pt")
    pixels = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    theirs = hub(**read, pixel_values=pixels)
    text = net.text(read["input_ids"], read["attention_mask"].bool())
    video = net.video(pixels[:, None], torch.ones(3, 1, dtype=torch.bool))[:, 0]
    torch.testing.assert_close(
        functional.normalize(text, dim=1), theirs.text_embeds, rtol=0, atol=1e-6
    )
    torch.testing.assert_close(
        functional.normalize(video, dim=1), theirs.image_embeds, rtol=0, atol=1e-6
    )
    assert net.scale.log.item() == hub.logit_scale.item()


def test_a_head_starts_from_the_towers_text_blocks(saved):
    """As the paper's does (Eq. 9?), after the tower's weights are there."""
    net = started(saved, head="seqTransf", blocks=(2, 2))
    own, text = (stack.layers[0].linear1.weight for stack in (net.blocks, net.text.blocks))
    assert torch.equal(own, text)
    assert torch.equal(net.positions, net.text.positions)


def test_patches_over_three_frames_start_from_the_middle_one(saved):
    """The kernel is the tower's in the middle, zero before and after."""
    kernel = started(saved, depth=3).video.patches.weight
    assert torch.count_nonzero(kernel[:, :, [0, 2]]) == 0
    assert torch.equal(kernel[:, :, 1], started(saved).video.patches.weight[:, :, 0])


def test_captions_are_cut_where_the_tower_reads_no_more(saved):
    """The end token stays."""
    tower = towers.open_tower(saved)
    (long,) = tower(["abc " * 50])
    assert len(long) == tower_folder.LONGEST
    assert long[-1] == len(tower_folder.PIECES) - 1


def test_older_files_are_read(clip):
    """Sizes at their defaults left out of config.json, and positions counted among the weights."""
    path = clip / "config.json"
    content = json.loads(path.read_text())
    for part in ("text_config", "vision_config"):
        del content[part]["hidden_act"], content[part]["layer_norm_eps"]
    path.write_text(json.dumps(content))
    weights = safetensors.load_file(clip / "model.safetensors")
    counted = {"text_model.embeddings.position_ids": torch.arange(tower_folder.LONGEST)[None]}
    safetensors.save_file(weights | counted, clip / "model.safetensors", {"format": "pt"})
    assert torch.equal(
        started(clip).text.positions, weights["text_model.embeddings.position_embedding.weight"]
    )


def cut_weights(folder):
    """Half of the weights."""
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def with_code(folder):
    """A tokeniser that is a program beside the weights."""
    path = folder / "tokenizer_config.json"
    content = json.loads(path.read_text())
    content |= {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}}
    path.write_text(json.dumps(content))
    (folder / "own.py").write_text("raise SystemExit('run')\n")


def of_another_kind(folder):
    """A text model of another family."""
    path = folder / "config.json"
    path.write_text(json.dumps({"model_type": "bert", "vocab_size": 10}))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (shutil.rmtree, "is no folder"),
        (lambda folder: (folder / "config.json").unlink(), "has no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), "it is no object"),
        (of_another_kind, "holds a model of the kind 'bert', clip4clip starts from 'clip'"),
        (
            lambda folder: tower_folder.edited(folder, "text_config", hidden_act="gelu"),
            "its blocks use gelu, CLIP's QuickGELU",
        ),
        (cut_weights, "cannot be read"),
        (lambda folder: (folder / "model.safetensors").unlink(), "its files hold 0 bytes"),
        (
            lambda folder: tower_folder.edited(folder, "vision_config", num_hidden_layers=1),
            "16 weights are of no layer, vision_model.encoder.layers.1.layer_norm1.bias first",
        ),
    ],
)
def test_a_damaged_folder_is_one_line(clip, damage, words):
    """What is wrong, and where; transformers' own lines are not shown."""
    damage(clip)
    with pytest.raises(KBError, match=words) as raised:
        started(clip)
    assert "\n" not in raised.value.what
    assert raised.value.where is not None


@pytest.mark.parametrize(
    ("part", "count", "value", "words"),
    [
        ("text_config", "num_hidden_layers", 10**7, "it tells of 122,8"),
        ("text_config", "vocab_size", 10**10, "weights, its files hold"),
        ("text_config", "max_position_embeddings", 10**12, "weights, its files hold"),
        ("vision_config", "image_size", 10**7, "weights, its files hold"),
        ("vision_config", "patch_size", 0, "patch_size is 0"),
    ],
)
def test_sizes_that_the_weights_cannot_fill_are_refused_before_anything_is_built(
    clip, part, count, value, words
):
    """A lie in config.json would cost terabytes of memory, or hours."""
    with pytest.raises(KBError, match=words):
        towers.settings(
            "clip4clip", towers.open_tower(tower_folder.edited(clip, part, **{count: value}))
        )


def test_code_in_a_folder_is_not_run(clip, saved):
    """Nor asked about: the pieces are those of the tokeniser's file."""
    with_code(clip)
    assert towers.open_tower(clip)(TEXTS) == towers.open_tower(saved)(TEXTS)


def test_a_tokeniser_of_another_tower_is_refused(clip):
    """Its ids are beyond the text tower's vectors."""
    tower_folder.edited(clip, "text_config", vocab_size=50)
    with pytest.raises(KBError, match="its tokeniser has a piece 189, its text tower 50 pieces"):
        towers.open_tower(clip)(TEXTS)


def test_another_model_says_which_start_from_a_tower(base, saved, capsys):
    """Nothing is ignored."""
    assert base.is_dir()
    assert run(["repro", "moee", "--size", "tiny", "--tower", str(saved)]) == 2
    assert "moee starts from no tower; models that do: clip4clip\n" in capsys.readouterr().err


def test_without_a_tower_the_published_configuration_asks_for_one(base, capsys):
    """Word pieces are a tower's."""
    assert base.is_dir()
    assert run(["repro", "clip4clip", "--size", "tiny", "--config", "published"]) == 4
    assert "--tower FOLDER" in capsys.readouterr().err


@pytest.fixture
def videos(tmp_path, monkeypatch):
    """A copy of MSR-VTT with a video file for 22 of 24 videos, and an empty cache."""
    monkeypatch.setenv("KB_CACHE", str(tmp_path / "cache"))
    root = msrvtt_copy.write(tmp_path / "copy")
    (root / "videos").mkdir()
    noise = np.random.default_rng(0)
    for number in set(range(24)) - {3, 20}:
        frames = noise.integers(255, size=(6, 48, 64, 3), dtype=np.uint8)
        write_video(root / "videos" / f"video{number}.mp4", frames, 2, LOSSY)
    return root


def test_video_files_are_trained_from_a_tower(base, saved, videos, tmp_path, capsys):
    """The record says from which tower, on how many videos, and of what sizes."""
    line = ["repro", "clip4clip", "--data", "msrvtt", "--root", str(videos), "--tower", str(saved)]
    assert run([*line, "--epochs", "1", "--json"]) == 0
    out, said = capsys.readouterr()
    assert json.loads(out)["coverage"] == "7 of 2,990 test videos, 11 of 6,513 training videos"
    assert "pixels: 12 frames of each video file, 224 by 224" in said
    assert "tower: clip of" in said
    (record,) = [json.loads(p.read_text()) for p in (base / "data/results").rglob("*.json")]
    assert record["tower"] == f"clip {towers.open_tower(saved).digest[:16]}"
    assert record["config"]["side"] == tower_folder.SIDE
    assert record["views"] == ["pieces", "pixels"]
    assert record["command"].endswith("--tower FOLDER --seed 0 --epochs 1")
    assert len(list((tmp_path / "cache/frames").glob("*.npy"))) == 22


def test_without_a_tower_video_files_are_read_by_a_model_of_words(base, videos, capsys):
    """ClipBERT's small configuration, whose vocabulary is the data's own."""
    line = ["repro", "clipbert", "--data", "msrvtt", "--root", str(videos), "--config", "small"]
    assert run([*line, "--epochs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["videos"]["test"] == "7 of 2,990 videos"
    (record,) = [json.loads(p.read_text()) for p in (base / "data/results").rglob("*.json")]
    assert "tower" not in record


def test_another_file_of_a_video_is_another_run(videos):
    """The fingerprint is over the files that were read."""
    one = video_pixels.VideoPixels(find_videos(videos))
    before = one.fingerprint
    frames = np.zeros((6, 48, 64, 3), np.uint8)
    write_video(videos / "videos" / "video0.mp4", frames, 2, LOSSY)
    again = video_pixels.VideoPixels(find_videos(videos))
    assert again.fingerprint != before
    assert one("video0").max() < GREY


def test_a_damaged_video_is_named(videos):
    """One line with the file, not the video's absence."""
    path = videos / "videos" / "video1.mp4"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(KBError, match="cannot be decoded") as raised:
        video_pixels.VideoPixels(find_videos(videos))("video1")
    assert raised.value.where == path


def test_twelve_frames_are_as_many_as_the_view_takes():
    """What is stored is what is read."""
    assert video_pixels.COUNT == pixels.FRAMES
