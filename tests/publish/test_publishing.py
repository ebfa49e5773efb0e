"""`kb publish` as a whole: incremental, atomic, careful, and clear when something is missing."""

import json
import subprocess
import sys

import pytest

from kb.publish import publishing
from kb.records import Exit, KBError, Library


def kb(*words, **options):
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "kb", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def snapshot(folder):
    """Every file below a folder with its bytes."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_command_prints_where_the_site_lies(invented, tmp_path):
    """The one line of output is the address of the first page."""
    done = kb("publish", "-C", invented, "--out", tmp_path / "out", "--strict")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'out' / 'site' / 'index.html'}\n"
    assert (tmp_path / "out/site/papers/kestrel2021boats/index.html").is_file()


def test_json_is_one_document_and_nothing_else(invented, tmp_path):
    """`--json` tells folders and counts."""
    done = kb("publish", "-C", invented, "--out", tmp_path / "out", "--no-mkdocs", "--json")
    said = json.loads(done.stdout)
    assert said["pages"] == len(list((tmp_path / "out" / "docs").rglob("*.md")))
    assert said["site"] is None


def test_the_same_input_is_not_built_again(copy, tmp_path):
    """A second publication changes no file; a changed record changes its page and the site."""
    library, out = Library.open(copy), tmp_path / "out"
    assert publishing.publish(library, out).rebuilt
    before = snapshot(out)
    again = publishing.publish(Library.open(copy), out)
    assert (again.changed, again.rebuilt) == (0, False)
    assert snapshot(out) == before
    papers = copy / "data" / "papers.yaml"
    papers.write_text(
        papers.read_text(encoding="utf-8").replace("Learning from Mud", "Mud"), "utf-8"
    )
    third = publishing.publish(Library.open(copy), out)
    assert third.rebuilt
    assert "<title>Mud - " in (out / "site/papers/newt2018mud/index.html").read_text("utf-8")


def test_without_mkdocs_only_plain_files_are_written(invented, tmp_path):
    """`--no-mkdocs` writes docs/ and nothing else."""
    done = kb("publish", "-C", invented, "--out", tmp_path / "out", "--no-mkdocs")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name[0] != "."] == ["docs"]


def test_a_machine_without_mkdocs_is_told_the_extra(invented, tmp_path):
    """One line names what to install, and the exit code says: out of reach."""
    code = (
        "import sys; sys.modules['mkdocs'] = None\n"
        "from kb.cli import run\n"
        f"sys.exit(run(['publish', '-C', {str(invented)!r}, '--out', {str(tmp_path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == Exit.UNREACHABLE
    assert done.stderr.count("\n") == 1
    assert "pip install 'kb-video-text-retrieval[site]'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_publishing_needs_no_torch(invented, tmp_path):
    """Records and results become pages without the libraries that measured them."""
    code = (
        "import sys, pathlib\n"
        "from kb.publish import publishing\n"
        "from kb.records import Library\n"
        f"library = Library.open(pathlib.Path({str(invented)!r}))\n"
        f"publishing.publish(library, pathlib.Path({str(tmp_path / 'out')!r}), mkdocs=False)\n"
        "print({'torch', 'mkdocs'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_page_that_mkdocs_complains_about_leaves_the_old_site(copy, tmp_path):
    """Under `--strict` a dead link stops the build, names the page, and the site stays."""
    out = tmp_path / "out"
    publishing.publish(Library.open(copy), out, strict=True)
    before = snapshot(out / "site")
    page = copy / "site" / "pages" / "extra.md"
    page.parent.mkdir()
    page.write_text("[nowhere](nowhere.md)", encoding="utf-8")
    with pytest.raises(KBError, match=r"extra\.md.*nowhere\.md") as caught:
        publishing.publish(Library.open(copy), out, strict=True)
    assert caught.value.code == Exit.FINDINGS
    assert snapshot(out / "site") == before
    assert [path for path in out.iterdir() if path.name.startswith(".kb-publish-")] == []


def test_a_broken_record_stops_before_anything_is_written(copy, tmp_path):
    """The line names the file; no page is half new."""
    (copy / "data" / "papers.yaml").write_text("papers: [{id: x", encoding="utf-8")
    done = kb("publish", "-C", copy, "--out", tmp_path / "out")
    assert done.returncode == Exit.USAGE
    assert "papers.yaml" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("key", ["repo_url", "hooks", "docs_dir", "site_dir"])
def test_settings_that_would_break_a_promise_are_refused(copy, tmp_path, key):
    """A setting that would load from another host or run code is named with its reason."""
    (copy / "site" / "mkdocs.yml").write_text(f"{key}: https://a.example\n", encoding="utf-8")
    with pytest.raises(KBError, match=f"`{key}` cannot be set here: "):
        publishing.publish(Library.open(copy), tmp_path / "out")


def test_a_hand_written_page_cannot_hide_a_generated_one(copy, tmp_path):
    """site/pages/results.md would replace what is measured; it is refused."""
    page = copy / "site" / "pages" / "results.md"
    page.parent.mkdir()
    page.write_text("# All is well", encoding="utf-8")
    with pytest.raises(KBError, match=r"results\.md is a generated page"):
        publishing.publish(Library.open(copy), tmp_path / "out")


def test_an_empty_knowledge_base_has_a_site(tmp_path):
    """Right after `kb init` there is something to look at."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "papers.yaml").write_text("papers: []\n", encoding="utf-8")
    done = publishing.publish(Library.open(tmp_path), tmp_path / "build", strict=True)
    home = (done.site / "index.html").read_text("utf-8")
    assert "0 papers with their published results" in home


def test_two_processes_publish_to_one_place_without_harm(invented, tmp_path):
    """Both finish, and the site is whole."""
    command = [sys.executable, "-m", "kb", "publish", "-C", str(invented)]
    command += ["--out", str(tmp_path / "out")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in "ab"]
    assert [one.communicate()[1] and one.returncode for one in both] == [0, 0]
    assert (tmp_path / "out" / "site" / "search" / "search_index.json").is_file()


def test_a_port_that_is_taken_is_one_line(invented, tmp_path, serve):
    """`kb serve` says which address is taken and how to choose another."""
    address = serve(invented)
    port = address.rstrip("/").rpartition(":")[2]
    done = kb("serve", "-C", invented, "--out", tmp_path / "out", "--port", port)
    assert done.returncode == Exit.UNREACHABLE
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr


def test_the_front_page_links_no_run_in_a_probe_world(copy, tmp_path):
    """They are in no table of results, so the front page has no link to one."""
    results = copy / "data" / "results" / "paper-boats"
    record = json.loads((results / "paper-boats-full-1.json").read_text())
    record |= {"id": "paper-boats-probe", "date": "2999-01-01T00:00:00Z"}
    record["data"]["probe"] = {
        "mechanism": "plain",
        "level": "plain",
        "seed": 0,
        "inputs": ["frames"],
    }
    record["data"]["fingerprint"] = "f" * 64
    (results / "paper-boats-probe.json").write_text(json.dumps(record))
    done = publishing.publish(Library.open(copy), tmp_path / "out", mkdocs=False)
    home = (done.docs / "index.md").read_text("utf-8")
    assert "What is new" in home
    assert "f" * 64 not in home
