"""Three-way merge of one record, field by field: what each side may and may not do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.sync.merge import Merged, merge, merge_links

WAS = {"title": "Old Title", "venue": "arXiv", "year": 2020}


def test_the_list_changes_a_value_and_the_record_takes_it() -> None:
    """List changed, record not."""
    out = merge(WAS, {**WAS, "venue": "ECCV"}, WAS)

    assert out.changes == {"venue": "ECCV"}
    assert out.base["venue"] == "ECCV"
    assert out.conflicts == []


def test_a_person_changes_the_record_and_it_stays() -> None:
    """Record changed, list not."""
    out = merge(WAS, WAS, {**WAS, "title": "Right Title"})

    assert out.changes == {}
    assert out.base == WAS


def test_both_change_to_the_same_value() -> None:
    """Agreement is no conflict, and becomes the base."""
    new = {**WAS, "year": 2021}

    out = merge(WAS, new, new)

    assert (out.changes, out.conflicts, out.base) == ({}, [], new)


def test_both_change_differently_and_both_are_kept() -> None:
    """A conflict touches neither record nor base, however often it is met."""
    theirs, ours = {**WAS, "year": 2021}, {**WAS, "year": 2022}

    first = merge(WAS, theirs, ours)
    second = merge(first.base, theirs, ours)

    assert first.conflicts == second.conflicts == ["year"]
    assert first.changes == {}
    assert first.base == WAS


@pytest.mark.parametrize(("side", "year"), [("ours", 2022), ("theirs", 2021)])
def test_a_conflict_is_resolved_once_and_for_all(side: Any, year: int) -> None:
    """The chosen side stands, and the next merge meets no conflict."""
    theirs, ours = {**WAS, "year": 2021}, {**WAS, "year": 2022}

    out = merge(WAS, theirs, ours, resolve=side)
    record = {**ours, **out.changes}

    assert record["year"] == year
    assert merge(out.base, theirs, record) == Merged(base=out.base)


def test_what_the_list_no_longer_says_is_not_lost() -> None:
    """A reformatted list without labels leaves the record's label, and the base."""
    was = {**WAS, "label": "Luo et al. ARXIV20"}

    out = merge(was, WAS, was)

    assert out.changes == {}
    assert out.base == was


def test_full_authors_stand_against_a_shorter_form() -> None:
    """The list's label changes its style; the record's authors, read elsewhere, are the same."""
    was = {"authors": ["Luo", "et al."]}
    full = {"authors": ["Huaishao Luo", "Lei Ji", "Ming Zhong"]}

    out = merge(was, {"authors": ["Luo H", "Ji L", "et al."]}, full)
    other = merge(was, {"authors": ["Li", "et al."]}, full)

    assert (out.changes, out.conflicts) == ({}, [])
    assert other.conflicts == ["authors"]


def test_without_a_base_a_value_from_another_source_stands() -> None:
    """The lock was lost: what has a source of its own is the record's, the rest is asked."""
    theirs, ours = {"title": "Title", "year": 2020}, {"title": "A Title", "year": 2021}

    out = merge(None, theirs, ours, sourced={"title"})

    assert out.conflicts == ["year"]
    assert out.changes == {}


def links(*pairs: str) -> list[dict[str, str]]:
    """Links from `kind url` words."""
    return [dict(zip(("kind", "url"), pair.split(), strict=True)) for pair in pairs]


@pytest.mark.parametrize(
    ("was", "says", "has", "result"),
    [
        # a wrong link corrected in the list
        (["paper a"], ["paper b"], ["paper a"], ["paper b"]),
        # a person added the code, the list corrects the paper
        (["paper a"], ["paper b"], ["paper a", "code c"], ["paper b", "code c"]),
        # the list adds the code, a person corrected the paper
        (["paper a"], ["paper a", "code c"], ["paper b"], ["code c", "paper b"]),
        # both add the same
        (["paper a"], ["paper a", "code c"], ["paper a", "code c"], ["paper a", "code c"]),
        # the list takes a dead link out
        (["paper a", "code c"], ["paper a"], ["paper a", "code c"], ["paper a"]),
        # a person takes it out, the list keeps it
        (["paper a", "code c"], ["paper a", "code c"], ["paper a"], ["paper a"]),
    ],
)
def test_links_merge_one_by_one(
    was: list[str], says: list[str], has: list[str], result: list[str]
) -> None:
    """Additions of both sides are kept, removals of either are followed."""
    assert merge_links(links(*was), links(*says), links(*has)) == (links(*result), False)


def test_one_link_replaced_differently_is_a_conflict() -> None:
    """The paper's address is another one in the list and in the record."""
    merged, conflict = merge_links(links("paper a"), links("paper b"), links("paper c"))

    assert conflict
    assert merged == links("paper c")


values = st.sampled_from(["a", "b", "c"])
urls = st.lists(st.sampled_from(["paper a", "paper b", "code c", "code d"]), unique=True)
states = st.fixed_dictionaries(
    {},
    optional={
        "title": values,
        "venue": values,
        "year": st.integers(2018, 2020),
        "authors": st.sampled_from([["Luo", "et al."], ["Huaishao Luo", "Lei Ji"], ["Li"]]),
        "links": urls.filter(bool).map(lambda pairs: links(*pairs)),
    },
)


@given(base=st.none() | states, theirs=states, ours=states)
def test_merging_twice_is_merging_once(
    base: dict[str, Any] | None, theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    """A second merge of the outcome changes nothing and finds the same conflicts."""
    first = merge(base, theirs, ours)
    record = {k: v for k, v in {**ours, **first.changes}.items() if v}

    second = merge(first.base, theirs, record)

    assert second.changes == {}
    assert second.conflicts == first.conflicts
    assert second.base == first.base


@given(base=states, theirs=states, ours=states)
def test_nothing_is_lost(
    base: dict[str, Any], theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    """Every value of either side stands in the record, unless a side gave it up, or conflicts."""
    out = merge(base, theirs, ours)
    record = {**ours, **out.changes}

    for name, says in theirs.items():
        if name in out.conflicts or name == "links":
            continue
        given_up = base.get(name) == says or name == "authors"
        assert record.get(name) == says or given_up
    for name, has in ours.items():
        if name != "links" and base.get(name) != has:
            assert record[name] == has


@given(base=states, theirs=states, ours=states)
def test_no_link_is_lost(
    base: dict[str, Any], theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    """A link of either side is in the record unless the other side took it out."""
    merged, conflict = merge_links(
        was := base.get("links", []), says := theirs.get("links", []), has := ours.get("links", [])
    )

    if not conflict:
        assert all(link in merged or link in was for link in (*says, *has))
        assert all(link in says or link in has for link in merged)


@given(ours=states, theirs=states, base=states)
def test_a_resolved_merge_has_no_conflicts(
    ours: dict[str, Any], theirs: dict[str, Any], base: dict[str, Any]
) -> None:
    """Deciding for a side leaves nothing open, then or next time."""
    out = merge(base, theirs, ours, resolve="theirs")
    record = {k: v for k, v in {**ours, **out.changes}.items() if v}

    assert out.conflicts == []
    assert merge(out.base, theirs, record).conflicts == []
