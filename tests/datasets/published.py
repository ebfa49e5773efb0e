"""Tiny invented datasets in the published file formats: what the readers' tests read."""

import csv
import json
import pickle

import numpy as np

SPLITS = {"train": ["a_0_5", "b_1_6"], "val": ["c_2_7"], "test": ["d_3_8", "e_4_9"]}
VIDEOS = [video for ids in SPLITS.values() for video in ids]
TEXTS = {
    video: [f"a {video[0]} runs", f"the {video[0]}, again"][: 1 + n % 2]
    for n, video in enumerate(VIDEOS)
}


def text(path, *lines):
    """A text file of these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def document(path, value):
    """A JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def lists(root):
    """One list of ids a split."""
    for split, ids in SPLITS.items():
        text(root / f"{split}_list.txt", *ids)


def msvd(root):
    """MSVD as BigFile collections."""
    for split, ids in SPLITS.items():
        lines = [f"{v}#{k} {t}" for v in ids for k, t in enumerate(TEXTS[v])]
        text(root / f"msvd{split}/TextData/msvd{split}.caption.txt", *lines)
        text(root / f"msvd{split}/VideoSets/msvd{split}.txt", *ids)


def msvd_json(root):
    """MSVD as X-Pool has it."""
    document(root / "captions_msvd.json", TEXTS)
    lists(root)


def msvd_pickle(root):
    """MSVD as CE and CLIP4Clip have it: tokens."""
    tokens = {video: [t.split() for t in texts] for video, texts in TEXTS.items()}
    (root / "raw-captions.pkl").write_bytes(pickle.dumps(tokens, protocol=2))
    lists(root)


def msvd_csv(root):
    """MSVD as it was first published: one row a sentence, of many languages."""
    with (root / "MSR Video Description Corpus.csv").open(
        "w", encoding="utf-8", newline=""
    ) as file:
        rows = csv.writer(file)
        head = "VideoID,Start,End,WorkerID,Source,AnnotationTime,Language,Description"
        rows.writerow(head.split(","))
        for video in VIDEOS:
            for sentence in TEXTS[video]:
                rows.writerow([*video.split("_"), 7, "clean", 12, "English", sentence])
            rows.writerow([*video.split("_"), 8, "clean", 9, "Slovene", "nekaj teče"])
    lists(root)


def msvd_names(root):
    """MSVD as HGR has it: arrays of names."""
    document(root / "annotation/RET/ref_captions.json", TEXTS)
    (root / "public_split").mkdir()
    for short, split in (("trn", "train"), ("val", "val"), ("tst", "test")):
        np.save(root / f"public_split/{short}_names.npy", np.array(SPLITS[split]))


def tgif(root):
    """TGIF: urls and sentences, lists of urls."""
    url = "https://38.media.tumblr.com/0f/tumblr_{}.gif".format
    rows = [f"{url(video)}\t{sentence}" for video in VIDEOS for sentence in TEXTS[video]]
    text(root / "data/tgif-v1.0.tsv", *rows)
    for split, ids in SPLITS.items():
        text(root / f"data/splits/{split}.txt", *map(url, ids))


def _vatex(ids, *, chinese=True):
    entries = []
    for video in ids:
        entry = {"videoID": f"{video[0]}-x_000003_000013", "enCap": [f"en {k}" for k in range(3)]}
        entries.append({**entry, "chCap": [f"中{k}" for k in range(2)]} if chinese else entry)
    return entries


def vatex(root):
    """VATEX: three files, the last without Chinese; lists that halve the validation clips."""
    document(root / "vatex_training_v1.0.json", _vatex("ab"))
    document(root / "vatex_validation_v1.0.json", _vatex("cd"))
    document(root / "vatex_public_test_english_v1.1.json", _vatex("ef", chinese=False))
    for split, letters in (("train", "ab"), ("val", "c"), ("test", "d")):
        text(root / f"{split}_list.txt", *(f"{x}-x_000003_000013" for x in letters))


def _described(seconds, *moments):
    return {
        "duration": seconds,
        "timestamps": [[start, end] for start, end, _ in moments],
        "sentences": [sentence for *_, sentence in moments],
    }


def activitynet(root):
    """ActivityNet Captions: train, and two tellings of the test videos."""
    train = {
        "v_a": _described(9.5, (0, 4, "A man sits."), (9, 3, " He rises.")),
        "v_b": _described(5, (0, 5, "x")),
    }
    document(root / "train.json", train)
    document(
        root / "val_1.json", {"v_c": _described(20.0, (1.5, 7, "A dog."), (7, 20, "  It barks. "))}
    )
    document(root / "val_2.json", {"v_c": _described(20.0, (0, 20, "A loud dog."))})


def _annotation(number, video, description, times, chunks=6):
    return {
        "annotation_id": number,
        "video": video,
        "description": description,
        "times": times,
        "num_segments": chunks,
        "dl_link": "https://www.flickr.com/video_download.gne?id=1",
    }


def didemo(root):
    """DiDeMo: one video under three names, annotators who differ."""
    document(root / "train_data.json", [_annotation(1, "1@N01_2_a.mov", "x", [[0, 0]] * 4)])
    several = [
        _annotation(2, "1@N01_2_b.avi", "a cat", [[3, 3], [3, 3], [2, 3], [0, 0]]),
        _annotation(3, "1@N01_2_b.mp4", "a hat", [[0, 1]] * 4),
        _annotation(4, "1@N01_2_b.", "a mat", [[5, 5]] * 4),
    ]
    document(root / "val_data.json", several)
    document(root / "test_data.json", [_annotation(5, "1@N01_2_c.3gp", "y", [[0, 0]] * 4, 5)])


TIMES = "00.00.01.000\t00.00.04.000\t00.00.01.000\t00.00.04.000"


def lsmdc(root):
    """LSMDC: retrieval, multiple choice and blanks."""
    rows = {
        "LSMDC16_annos_training.csv": ["1_F_0-1\tSOMEONE sits.", '1_F_0-1\tSOMEONE "waits".'],
        "LSMDC16_annos_val.csv": ["2_F_0-1\tHe stands."],
        "LSMDC16_challenge_1000_publictect.csv": ["3_F_0-1\tIt rains.", "3_F_2-3\tShe runs."],
        "LSMDC16_multiple_choice_train.csv": ["1_F_0-1\tright\tb\tc\td\te"],
        "LSMDC16_multiple_choice_valid.csv": ["2_F_0-1\tright\tb\tc\td\te"],
        "LSMDC16_multiple_choice_test_randomized.csv": ["3_F_0-1\ta\tb\tright\td\te\t3"],
        "LSMDC16_annos_training_FIB.csv": ["1_F_0-1\tSOMEONE sits.\tSOMEONE _____ .\tsits"],
        "LSMDC16_annos_val_FIB.csv": ["2_F_0-1\tHe stands.\tHe _____ .\tstands"],
        "LSMDC16_annos_test_FIB.csv": ["3_F_0-1\tIt rains.\tIt _____ .\trains"],
    }
    for file, lines in rows.items():
        cells = [line.split("\t", 1) for line in lines]
        text(root / file, *(f"{clip}\t{TIMES}\t{rest}" for clip, rest in cells))


def avs(root):
    """AVS: one year's topics and judgements, a gallery, a training collection."""
    text(root / "iacc.3/TextData/tv16.avs.txt", "501 a person playing guitar", "502 a dog ")
    judged = ["1501 0 shot1_1 1 1", "1501 0 shot1_2 2 -1", "1501 0 shot2_9 2 0"]
    text(root / "iacc.3/TextData/avs.qrels.tv16", *judged)
    text(root / "iacc.3/VideoSets/iacc.3.txt", "shot1_1", "shot1_2", "shot2_9", "shot3_4")
    train = root / "tgif-msrvtt10k/TextData/tgif-msrvtt10k.caption.txt"
    text(train, "video1#0 a cat", "video1#1 a hat", "tumblr_x#0 a mat")


def howto100m(root, suffix=".json"):
    """HowTo100M: the table, and the narration as JSON or as a pickle."""
    head = "video_id,category_1,category_2,rank,task_id"
    row = 'xx,"Food, and Entertaining",Recipes,1,77'
    text(root / "HowTo100M_v1.csv", head, row, "yy,Crafts,,2,78")
    narration = {
        "xx": {
            "start": [0, 2, 4.5, 9],
            "end": [2, 4, 9, 10],
            "text": ["cut", "the", "bread", "now"],
        },
        "yy": {"start": [1.0, 2.0], "end": [2.0, 3.0], "text": ["glue", float("nan")]},
    }
    path = root / f"caption{suffix}"
    if suffix == ".pickle":
        path.write_bytes(pickle.dumps(narration, protocol=4))
    else:
        narration["yy"]["text"][1] = ""
        document(path, narration)
