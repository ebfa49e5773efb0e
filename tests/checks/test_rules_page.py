"""Every rule is documented where readers look, and the contract's catalogue is complete."""

from pathlib import Path

from kb.checks import catalogue, rules

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "kb" / "publish" / "theme" / "pages" / "lint.md"
CONTRACT = """
duplicate_entry, year_section_mismatch, year_label_text_mismatch, shared_paper_url, paper_link_not_a_paper,
same_url_paper_and_code, placeholder_link, title_disagrees_with_url, venue_typo, arxiv_id_mismatch,
paper_link_other_paper, author_scrape_error, author_given_name, http_link, arxiv_pinned_version,
label_nonstandard, citation_marker, entry_lacks_code_link, title_spacing, malformed_link, space_in_link,
tracking_parameter, empty_entry
"""


def test_the_catalogue_has_every_rule_that_was_promised() -> None:
    """More may be there, none may be missing."""
    assert {name.strip() for name in CONTRACT.split(",")} <= {rule.id for rule in rules()}


def test_the_site_carries_the_page_that_the_catalogue_makes() -> None:
    """`kb lint --rules > kb/publish/theme/pages/lint.md` renews it."""
    assert PAGE.read_text(encoding="utf-8") == catalogue.page()


def test_every_rule_says_what_why_and_what_to_do() -> None:
    """One sentence each, no two rules the same."""
    for rule in rules():
        for sentence in (rule.summary, rule.reason, rule.hint):
            assert sentence[0].isupper() or sentence.startswith("[")
            assert sentence.endswith((".", ")"))
    assert len({rule.reason for rule in rules()}) == len(rules())


def test_the_menu_of_the_site_leads_to_the_page() -> None:
    """A page nobody finds documents nothing."""
    menu = (PAGE.parents[1] / "mkdocs.yml").read_text(encoding="utf-8")

    assert "lint.md" in menu
