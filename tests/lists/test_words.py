"""The words of a citation: names, venues, years and ids, one at a time."""

import pytest

from kb.lists import Venues, dates, identifiers, people, sentences
from kb.lists.linkwords import host_kind, word_kind

VENUES = Venues.load()


@pytest.mark.parametrize(
    ("text", "names", "et_al"),
    [
        ("Luo H, Ji L, Zhong M, et al.", ["Luo H", "Ji L", "Zhong M"], True),
        ("Ash, M., Oak, B. J., & Elm, C.", ["Ash, M.", "Oak, B. J.", "Elm, C."], False),
        ("by Maria Ash, Ben Oak and Carla de Elm", ["Maria Ash", "Ben Oak", "Carla de Elm"], False),
        ("Maria Ash*, Ben Oak† (Harbour University)", ["Maria Ash", "Ben Oak"], False),
        ("M. Ash and others", ["M. Ash"], True),
        ("王小明, 李雷 等", ["王小明", "李雷"], True),
        (
            "Maria Ash, Ben Oak and Carla Elm, Dan Fir",
            ["Maria Ash", "Ben Oak", "Carla Elm", "Dan Fir"],
            False,
        ),
        ("van Ash, Maria and Oak Jr., Ben", ["van Ash, Maria", "Oak Jr., Ben"], False),
    ],
)
def test_author_lists_of_many_styles(text: str, names: list[str], et_al: bool) -> None:
    """Names as written, in order."""
    assert people.authors(text) == (names, et_al)


@pytest.mark.parametrize(
    "text",
    [
        "Deep Learning", "A Survey", "Explainable AI", "Open-Vocabulary DETR", "Slow Lanterns", "CVPR",
        "Hierarchical Imitation and Reinforcement Learning", "方法简单, 论文易读", "Google, Facebook",
        "Signal, Image and Video Processing", "Tu et al. IEEE Trans. Software Eng", "", "2020",
    ],
)  # fmt: skip
def test_what_may_as_well_be_a_title_is_no_author_list(text: str) -> None:
    """Capitalised words alone make nobody."""
    assert people.authors(text) is None


@pytest.mark.parametrize(
    ("name", "surname"),
    [
        ("Luo H", "Luo"), ("Huaishao Luo", "Luo"), ("H. Luo", "Luo"), ("Luo, H.", "Luo"), ("Chen Y C", "Chen"),
        ("Aäron van den Oord", "van den Oord"), ("Laurens van der Maaten", "van der Maaten"),
        ("Hal Daumé III", "Daumé"), ("OtaniEmail", "OtaniEmail"), ("王小明", "王小明"),
    ],
)  # fmt: skip
def test_the_surname_of_a_name_in_any_order(name: str, surname: str) -> None:
    """Initials, particles and suffixes aside."""
    assert people.surname(name) == surname


@pytest.mark.parametrize(
    ("phrase", "venue", "year"),
    [
        ("CVPR, 2019", "CVPR", 2019),
        (
            "In Proc. of the 28th ACM International Conference on Multimedia, pp. 3047-3055, 2020",
            "ACM MM",
            2020,
        ),
        ("IEEE Transactions on Multimedia, vol. 22 (4), 2020", "TMM", 2020),
        ("Advances in Neural Information Processing Systems (NeurIPS) 2021", "NeurIPS", 2021),
        ("CVPR 2022 (Oral)", "CVPR", 2022),
        ("CVPR'21", "CVPR", 2021),
        ("ECCV 2020 Workshop", "ECCVW", 2020),
        ("EMNLP 2023 Industry", "EMNLP", 2023),
        ("arXiv preprint arXiv:2104.08860, 2021", "arXiv", 2021),
        ("MBVC, 2019", "BMVC", 2019),
    ],
)
def test_venues_in_many_spellings_are_one(phrase: str, venue: str, year: int) -> None:
    """The short name the field writes, and the year beside it."""
    table = Venues.load()
    table = Venues(
        *(dict(t) for t in (table.names, table.typos, table.kinds, table.phrases, table.tags))
    )
    table.add({"typos": {"MBVC": "BMVC"}}, "test")

    assert dates.from_phrase(phrase, table) == (venue, year, True)


@pytest.mark.parametrize(
    ("label", "venue", "year"),
    [
        ("CVPR19", "CVPR", 2019), ("ACM MM'20", "ACM MM", 2020), ("ECCVW2016", "ECCVW", 2016), ("ARXIV20", "arXiv", 2020),
        ("CVPR49", "CVPR", 2049), ("ICML50", "ICML", 1950), ("CVPR'00", "CVPR", 2000), ("NEUCOM21", "Neurocomputing", 2021), ("ICML 98", "ICML", 1998), ("Lantern Days 21", "Lantern Days", 2021),
    ],
)  # fmt: skip
def test_labels_give_venue_and_year(label: str, venue: str, year: int) -> None:
    """Two digits are of this century up to 49; a venue that no table knows stays as written."""
    assert dates.from_label(label, VENUES) == (venue, year)


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("CVPR, 2019.", 2019), ("(2016), 45-60", 2016), ("Trecvid 2016: ... CVPR 2017", 2017), ("2022.07", 2022),
        ("2020-06-11", 2020), ("arXiv:2001.00001", None), ("1709.01362", None), ("pp. 2010123", None), ("v2019.1234", None),
    ],
)  # fmt: skip
def test_the_year_of_a_text_is_no_part_of_a_longer_number(text: str, year: int | None) -> None:
    """Ids and pages are no years."""
    assert dates.find_year(text) == year


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Foo vs. Bar. CVPR, 2020.", ["Foo vs. Bar.", "CVPR, 2020."]),
        ("Why? Because. ECCV", ["Why?", "Because.", "ECCV"]),
        ("M. Ash. Title", ["M. Ash.", "Title"]),
        ("Title - CVPR 2020 | code", ["Title", "CVPR 2020", "code"]),
        ("Video-Text Retrieval", ["Video-Text Retrieval"]),
    ],
)
def test_a_citation_falls_into_its_parts(text: str, parts: list[str]) -> None:
    """At stops and dashes, not after abbreviations or inside words."""
    assert sentences.split(text) == parts


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://arxiv.org/abs/2104.08860v2", ("2104.08860", 2)),
        ("http://www.arxiv.org/pdf/1709.01362.pdf", ("1709.01362", None)),
        ("https://arxiv.org/abs/cs/0501001", ("cs/0501001", None)),
        ("https://ar5iv.labs.arxiv.org/html/2001.00001", ("2001.00001", None)),
        ("https://huggingface.co/papers/2001.00001", ("2001.00001", None)),
        ("https://doi.org/10.48550/arXiv.2001.00001", ("2001.00001", None)),
        ("https://a.org/abs/2001.00001", (None, None)),
    ],
)
def test_arxiv_ids_of_addresses(url: str, found: tuple[str | None, int | None]) -> None:
    """ArXiv's own and those of mirrors that keep its ids."""
    assert identifiers.arxiv_in_url(url) == found


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("https://dl.acm.org/doi/pdf/10.1145/3397271.3401151", "10.1145/3397271.3401151"),
        (
            "https://link.springer.com/article/10.1007/s11263-016-0987-1",
            "10.1007/s11263-016-0987-1",
        ),
        ("(doi: 10.1016/j.x(99)00012-3).", "10.1016/j.x(99)00012-3"),
        ("https://doi.org/10.48550/arXiv.2001.00001", None),
        ("https://dl.acm.org/citation.cfm?id=3206064", None),
    ],
)
def test_dois_of_texts_and_addresses(text: str, doi: str | None) -> None:
    """Without the punctuation around them; arXiv's own are arXiv ids."""
    assert identifiers.doi_in(text) == doi


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("paper", "paper"), ("[PDF]", "paper"), ("Paper (arXiv)", "paper"), ("official code", "code"),
        ("Code-PyTorch", "code"), ("project page", "homepage"), ("论文", "paper"), ("Slides", "slides"),
        ("Slow Lanterns for Video Search", None), ("Mask R-CNN", None), ("link", None),
    ],
)  # fmt: skip
def test_the_word_of_a_link_tells_its_kind(words: str, kind: str | None) -> None:
    """A title is no such word."""
    assert word_kind(words) == kind


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://openaccess.thecvf.com/x.html", "paper"), ("https://a.org/x.pdf?y=1", "paper"),
        ("https://github.com/a/b", "code"), ("https://youtu.be/x", "video"), ("https://a.org/", None), ("link", None),
        ("http://[broken", None),
    ],
)  # fmt: skip
def test_the_host_tells_the_kind_where_no_word_does(url: str, kind: str | None) -> None:
    """Hosts of papers, code and talks; of others nothing is known."""
    assert host_kind(url) == kind


def test_a_list_names_organisations_over_the_packaged_ones() -> None:
    """A word of its own beside the packaged words; a venue's name is none."""
    table = Venues.load()
    own = Venues(organisations=set(table.organisations))
    own.add({"organisations": "Lanternworks"}, "data/venues.yaml")

    named = [own.is_organisation(name) for name in ("HIT-Huawei", "Lanternworks", "KDD")]

    assert named == [True, True, False]
