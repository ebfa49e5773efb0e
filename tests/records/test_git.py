"""One way to ask git."""

import subprocess

from kb.records.git import git, said


def test_an_answer_comes_without_its_line_end(tmp_path):
    """The name of the branch that a new repository stands on."""
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=tmp_path, check=True)
    assert said(["symbolic-ref", "--short", "HEAD"], tmp_path) == "main"


def test_where_git_refuses_there_is_no_answer(tmp_path):
    """A repository without a commit has no head; a folder that is not there has no git."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert said(["rev-parse", "--verify", "HEAD"], tmp_path) is None
    assert git(["status"], tmp_path / "absent") is None


def test_a_program_of_the_repositorys_choosing_does_not_run(tmp_path):
    """A file system monitor named in a repository's settings is left alone."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    ran = tmp_path / "ran"
    program = tmp_path / "monitor"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    subprocess.run(["git", "config", "core.fsmonitor", str(program)], cwd=tmp_path, check=True)
    assert said(["status", "--porcelain", "--untracked-files=no"], tmp_path) == ""
    assert not ran.exists()
