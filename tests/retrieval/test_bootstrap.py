"""Intervals that resample clusters of queries: videos with all their captions, families of videos."""

import time
import tracemalloc

import numpy as np
import pytest

from kb.records.errors import KBError
from kb.retrieval import Relevance, bootstrap, evaluate
from kb.retrieval.bootstrap import Sample

VIDEOS, CAPTIONS = 200, 20


def scores(n: int) -> np.ndarray:
    """A model that is right more often than not."""
    return np.random.default_rng(5).normal(size=(n, n)) + 2 * np.eye(n)


def sample(n: int, clusters: int, seed: int = 0) -> Sample:
    """Queries with any values, about as many in every cluster."""
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=n) for name in ("R@1", "R@5", "R@10")}
    return Sample(values, rng.integers(1, 9, n).astype(float), np.arange(n) % clusters)


def sites(number: int, seed: int = 7) -> tuple[np.ndarray, float]:
    """(sites, queries) hits of as many test sets, and the true rate: beta-binomial, by video."""
    rng = np.random.default_rng(seed)
    a, b = 0.7, 1.4
    rate = rng.beta(a, b, (number, VIDEOS))
    hits = rng.random((number, VIDEOS, CAPTIONS)) < rate[:, :, None]
    return hits.reshape(number, -1).astype(float), a / (a + b)


def ends(hits: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """(sites, 2) interval of the mean of each site."""
    named = {str(site): own for site, own in enumerate(hits)}
    one = Sample(named, np.ones(hits.shape[1]), cluster)
    (drawn,) = bootstrap.resampled([one], samples=1000, seed=1)
    return np.array([bootstrap.percentiles(means) for means in drawn.means.values()])


def coverage(bounds: np.ndarray, truth: float) -> float:
    """Percent of intervals that contain the truth."""
    return 100 * float(np.mean((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])))


def width(bounds: np.ndarray) -> float:
    """Mean width."""
    return float(np.mean(bounds[:, 1] - bounds[:, 0]))


def test_the_interval_over_videos_covers_the_truth_and_the_one_over_queries_does_not() -> None:
    """Simulated: 95 % cover where videos are drawn, far fewer where captions are."""
    video, caption = np.repeat(np.arange(VIDEOS), CAPTIONS), np.arange(VIDEOS * CAPTIONS)
    hits, truth = sites(1200)
    assert 93 <= coverage(ends(hits, video), truth) <= 97
    assert coverage(ends(hits[:60], caption), truth) < 65


def test_hits_shuffled_over_videos_give_both_intervals_the_same_width() -> None:
    """Without anything that captions of one video share, drawing videos changes nothing."""
    video, caption = np.repeat(np.arange(VIDEOS), CAPTIONS), np.arange(VIDEOS * CAPTIONS)
    hits, _ = sites(20)
    shuffled = np.random.default_rng(3).permuted(hits, axis=1)
    assert width(ends(hits, video)) > 2 * width(ends(hits, caption))
    assert width(ends(shuffled, video)) / width(ends(shuffled, caption)) == pytest.approx(1, 0.05)


def test_the_interval_holds_the_value_and_repeats_by_seed() -> None:
    """The same seed gives the same interval, and the value lies inside it, SumR's too."""
    measured = evaluate(similarity=scores(80))
    first, again = measured.intervals(seed=3), measured.intervals(seed=3)
    assert first == again != measured.intervals(seed=4)
    sides = {"t2v": measured.t2v.metrics, "v2t": measured.v2t.metrics}
    for side, metrics in {**sides, "both": {"SumR": measured.sum_r}}.items():
        assert first[side].keys() == metrics.keys()
        for name, (low, high) in first[side].items():
            assert low <= metrics[name] <= high


def test_means_and_medians_are_those_of_the_resamples() -> None:
    """Counting the drawn clusters gives mean and median of their queries, taken one by one."""
    one = sample(31, 31)
    several = sample(57, 12, seed=1)
    for side in (one, several):
        clusters = int(side.cluster.max()) + 1
        (drawn,) = bootstrap.resampled([side], samples=7, seed=11)
        draw = np.random.default_rng(11)
        for i in range(7):
            chosen = [
                query
                for cluster in draw.integers(clusters, size=clusters)
                for query in np.flatnonzero(side.cluster == cluster)
            ]
            assert drawn.medians[i] == np.median(side.rank[chosen])
            for name, values in side.per_query.items():
                np.testing.assert_allclose(drawn.means[name][i], values[chosen].mean())


def test_both_directions_come_from_one_draw() -> None:
    """Captions that score as their video does give both directions the same mean in every draw."""
    video = sample(40, 40)
    owner = np.repeat(np.arange(40), 3)
    caption = Sample({k: v[owner] for k, v in video.per_query.items()}, video.rank[owner], owner)
    t2v, v2t = bootstrap.resampled([caption, video], samples=50, seed=2)
    for name in video.per_query:
        np.testing.assert_allclose(t2v.means[name], v2t.means[name])
    bounds = bootstrap.intervals({"t2v": caption, "v2t": video}, samples=50, seed=2)
    total = 2 * np.sum([t2v.means[name] for name in video.per_query], axis=0)
    np.testing.assert_allclose(bounds["both"]["SumR"], bootstrap.percentiles(total))


def test_a_resample_does_not_depend_on_how_many_are_drawn() -> None:
    """The first resamples are the same bytes among seven and among a hundred."""
    sides = [sample(300, 40), sample(40, 40)]
    few, many = (bootstrap.resampled(sides, samples=n, seed=5) for n in (7, 100))
    for short, long in zip(few, many, strict=True):
        assert (short.medians == long.medians[:7]).all()
        for name, means in short.means.items():
            assert (means == long.means[name][:7]).all()


def test_ten_thousand_captions_take_little_time_and_memory() -> None:
    """10,000 captions of 500 videos, 1,000 resamples: seconds, and memory of a few resamples."""
    sides = [sample(10_000, 500), sample(500, 500)]
    began = time.process_time()
    bootstrap.resampled(sides, samples=1000, seed=0)
    assert time.process_time() - began < 3
    tracemalloc.start()
    bootstrap.resampled(sides, samples=20, seed=0)
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_the_width_is_that_of_the_binomial() -> None:
    """For R@1 of single captions the half-width is near 1.96 standard errors of a share."""
    measured = evaluate(similarity=scores(2000))
    low, high = measured.intervals(samples=2000)["t2v"]["R@1"]
    share = measured.t2v.metrics["R@1"] / 100
    wanted = 196 * np.sqrt(share * (1 - share) / 2000)
    assert abs((high - low) / 2 - wanted) < 0.1 * wanted


def test_clusters_are_what_relevance_or_a_family_links() -> None:
    """Captions of one video, videos of one caption, videos of one family."""
    owner = Relevance.read([1, 0, 1, 3], 4, 5)  # nothing is said of video 2 and video 4
    caption, video = owner.clusters()
    assert caption.tolist() == [0, 1, 0, 2]
    assert video[[1, 0, 3]].tolist() == [0, 1, 2]
    assert video[[2, 4]].min() > 2
    caption, video = owner.clusters(np.array([7, 9, 9, 7, 9]))
    assert caption.tolist() == [0, 1, 0, 1]
    assert video.tolist() == [1, 0, 0, 1, 0]
    shared = Relevance.read([[0, 0], [0, 1], [1, 1], [2, 2]], 3, 3)
    assert [of.tolist() for of in shared.clusters()] == [[0, 0, 1], [0, 0, 1]]


def test_families_widen_the_interval_where_their_videos_are_alike() -> None:
    """Twins that hit and miss together count as one."""
    rng = np.random.default_rng(0)
    right = np.repeat(rng.random(100) < 0.5, 2)
    table = rng.random((200, 200)) + np.diag(np.where(right, 2.0, -2.0))
    measured = evaluate(similarity=table)
    alone = measured.intervals()["t2v"]["R@1"]
    together = measured.intervals(family=np.arange(200) // 2)["t2v"]["R@1"]
    ratio = (together[1] - together[0]) / (alone[1] - alone[0])
    assert ratio == pytest.approx(np.sqrt(2), 0.1)


def test_one_cluster_gives_no_interval() -> None:
    """Where relevance links everything the message says so."""
    measured = evaluate(similarity=np.eye(2), relevance=np.ones((2, 2), bool))
    with pytest.raises(KBError, match="one cluster gives no interval"):
        measured.intervals()
