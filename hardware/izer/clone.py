# SPDX-License-Identifier: Apache-2.0
"""Clones the part of ai8x-synthesis that the izer needs, at the pinned commit."""

from pathlib import Path

from hardware.izer import toolchain
from hardware.izer.child_process import Done, failure, finished
from hardware.izer.toolchain import ToolchainError

FILES = ("/ai8xize.py", "/izer/", "/assets/", "/requirements.txt", "/LICENSE.txt", "/NOTICE.txt")
"""What is checked out: what the izer reads, and its licence; its 220 MB of examples are not."""

_SLOW = ("-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=60")
"""A network that stands still for a minute has failed."""
_PLAIN = ("-c", "core.hooksPath=", "-c", "core.autocrlf=false")
"""Hooks and line endings of the user's settings must not change the izer's files."""


def checked_source(git: str, source: Path) -> Path:
    """The git directory of a repository on this machine that holds the pinned commit.

    Raises:
        ToolchainError: where it is no repository, or lacks the commit.
    """
    source = source.expanduser().absolute()
    if not source.exists():
        raise ToolchainError(
            f"--from {source} does not exist; give a clone of {toolchain.REPOSITORY}, or leave"
            " --from out to clone it"
        )
    inside = source / ".git"
    directory = inside if inside.exists() else source
    look = [git, f"--git-dir={directory}"]
    if finished([*look, "rev-parse", "--git-dir"]).returncode:
        raise ToolchainError(
            f"--from {source} is no git repository; give a clone of {toolchain.REPOSITORY}"
        )
    commit = toolchain.PINNED_COMMIT
    if finished([*look, "cat-file", "-e", f"{commit}^{{commit}}"]).returncode:
        raise ToolchainError(
            f"--from {source} lacks commit {commit}; fetch {toolchain.REPOSITORY} into it, or give"
            " another clone"
        )
    return directory


def clone_izer(git: str, repository: Path | None, place: Path) -> None:
    """Checks out the pinned commit's files that the izer reads, and no others.

    A clone that lacks the contents of other files will do. From the network, contents come with
    the checkout: some megabytes, where the whole repository is hundreds.

    Args:
        git: The program.
        repository: A git directory on this machine; None for the one on GitHub.
        place: Folder to make.

    Raises:
        ToolchainError: where a repository on this machine cannot be cloned.
        IzerError: where the network's cannot.
    """
    contents = [] if repository else ["--filter=blob:none"]
    url = str(repository or toolchain.REPOSITORY)
    _run([git, *_SLOW, "clone", "--quiet", "--no-checkout", *contents, "--", url, str(place)], url)
    inside = [git, "-C", str(place), "--git-dir=.git", "--work-tree=."]
    _run([*inside, "config", "core.sparseCheckout", "true"], url)
    info = place / ".git" / "info"
    info.mkdir(exist_ok=True)
    (info / "sparse-checkout").write_text("\n".join(FILES) + "\n", encoding="utf-8")
    commit = toolchain.PINNED_COMMIT
    _run([*inside, *_SLOW, *_PLAIN, "checkout", "--quiet", "--detach", commit], url)
    lacking = _run([*inside, "ls-files", "--deleted"], url).stdout.splitlines()
    if not (place / toolchain.PROGRAM).is_file():
        lacking.append(toolchain.PROGRAM)
    if lacking:
        raise ToolchainError(
            f"{url} lacks contents of commit {commit} ({lacking[0]}); give a whole clone of"
            f" {toolchain.REPOSITORY}"
        )


def _run(command: list[str], url: str) -> Done:
    done = finished(command)
    if done.returncode and url == toolchain.REPOSITORY:
        then = "check the network, or give a clone with --from PATH"
        raise failure(f"cloning {url} failed", done, then)
    if done.returncode:
        said = failure(f"cloning {url} failed", done, "give another clone with --from")
        raise ToolchainError(str(said))
    return done
