# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch dashboard`: what it serves of a study, what it refuses, and how it ends."""

import io
import json
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import pytest

from tests import postgresql
from tests.commands import Command, contents, said_by, start
from tests.conftest import write_tiny_study
from tests.mpqsearch.dashboard.conftest import Serve, Served


def drawn(page: Served) -> dict[str, str]:
    """The figures, once they are drawn."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = {one["id"]: one["graph_object"] for one in page.study()["plotly_graph_objects"]}
        if found:
            return found
        time.sleep(0.2)
    pytest.fail("no figures")


def test_a_study_is_at_home_there(serve: Serve, runs: Path) -> None:
    """Units, notes, readable attributes, constraints, figures; no byte of the run changes."""
    before = contents(runs)
    with serve(runs, "tiny") as page:
        figures = drawn(page)
        study = page.study()
    assert contents(runs) == before
    assert study["objective_names"] == [
        "accuracy (0 to 1)",
        "latency (µs)",
        "energy (µJ)",
        "size (B)",
    ]
    assert "12 of 18 candidates were tried" in study["note"]["body"]
    attributes = {one["key"]: one["value"] for one in study["user_attrs"]}
    assert attributes["candidates in the space"] == "18"
    assert len(study["trials"]) >= 12
    noted = [
        one for one in study["trials"] if "mpqsearch export --study tiny" in one["note"]["body"]
    ]
    assert len(noted) == 12
    for trial in noted:
        assert trial["constraints"] == [0.0]
        keys = {one["key"] for one in trial["user_attrs"]}
        assert {"candidate", "outcome", "cost origin", "training (s)"} <= keys
        assert "details" not in keys
    assert any("on the front" in one["note"]["body"] for one in study["best_trials"])
    assert {"front-accuracy-latency", "bits-by-layer", "learning-curves"} <= figures.keys()
    front = json.loads(figures["front-accuracy-latency"])
    assert front["layout"]["title"]["text"] == "Accuracy and latency"
    shown = next(trace for trace in front["data"] if trace.get("name") == "front")
    assert shown["hovertext"]
    assert all("accuracy" in text for text in shown["hovertext"])


def test_what_does_not_fit_is_said_to_violate_a_constraint(serve: Serve, runs: Path) -> None:
    """It is never among the best, though nothing may be cheaper."""
    with sqlite3.connect(runs / "tiny/study.db") as database:
        (cheapest,) = database.execute(
            "SELECT trial_id FROM trial_values WHERE objective = 3 ORDER BY value LIMIT 1"
        ).fetchone()
        for table, key, value in (
            ("trial_system_attributes", "constraints:fits_the_chip", "0.25"),
            ("trial_user_attributes", "outcome", '"infeasible"'),
        ):
            done = database.execute(
                f"UPDATE {table} SET value_json = ? WHERE trial_id = ? AND key = ?",  # noqa: S608
                (value, cheapest, key),
            )
            assert done.rowcount == 1
    with serve(runs, "tiny") as page:
        study = page.study()
    (misfit,) = (one for one in study["trials"] if one["trial_id"] == cheapest)
    assert misfit["constraints"] == [0.25]
    assert "does not fit the chip" in misfit["note"]["body"]
    assert study["best_trials"]
    assert cheapest not in {one["trial_id"] for one in study["best_trials"]}


def test_report_and_exports_are_artifacts(serve: Serve, runs: Path) -> None:
    """The study's report, a trial's project and manifest; nothing that is half exported."""
    with sqlite3.connect(runs / "tiny/study.db") as database:
        query = "SELECT value_json FROM trial_user_attributes WHERE key = 'candidate' LIMIT 1"
        (candidate,) = database.execute(query).fetchone()
    name = json.loads(candidate).replace(" ", "-")
    for folder in (name, f".{name}.partial-x", "99-1-1"):
        export = runs / "tiny/export" / folder
        (export / "izer").mkdir(parents=True)
        (export / "manifest.json").write_text("{}")
        (export / "izer/main.c").write_text("int main;")
    with serve(runs, "tiny") as page:
        study = page.study()
        assert {one["filename"] for one in study["artifacts"]} == {
            "report.html",
            "99-1-1.zip",
            "99-1-1.manifest.json",
        }
        of_study = {one["filename"]: one["artifact_id"] for one in study["artifacts"]}
        status, body = page.ask(f"/artifacts/{page.study_id}/{of_study['report.html']}")
        assert status == 200
        assert b"12 of 18 candidates were tried" in body
        (trial,) = (one for one in study["trials"] if one["artifacts"])
        files = {one["filename"]: one["artifact_id"] for one in trial["artifacts"]}
        assert set(files) == {f"{name}.zip", f"{name}.manifest.json"}
        where = f"/artifacts/{page.study_id}/{trial['trial_id']}"
        status, body = page.ask(f"{where}/{files[f'{name}.zip']}")
        assert status == 200
        packed = zipfile.ZipFile(io.BytesIO(body))
        assert packed.namelist() == [f"{name}/izer/main.c", f"{name}/manifest.json"]
        assert page.ask(f"{where}/{files[f'{name}.manifest.json']}") == (200, b"{}")
        (runs / "tiny/export" / name / "manifest.json").unlink()
        assert page.ask(f"{where}/{files[f'{name}.zip']}")[0] == 404


def test_it_changes_nothing_but_notes(serve: Serve, runs: Path) -> None:
    """A study cannot be deleted, renamed or told to; whoever writes a note keeps his own."""
    with serve(runs, "tiny") as page:
        trial = page.study()["trials"][0]
        for method, path in (
            ("DELETE", f"/api/studies/{page.study_id}"),
            ("POST", f"/api/studies/{page.study_id}/rename"),
            ("POST", "/api/studies"),
            ("POST", f"/api/trials/{trial['trial_id']}/tell"),
            ("POST", f"/api/artifacts/{page.study_id}"),
        ):
            status, body = page.ask(path, method, {"study_name": "x", "directions": ["minimize"]})
            assert (status, b"changes nothing" in body) == (403, True), path
        note = f"/api/studies/{page.study_id}/{trial['trial_id']}/note"
        mine = {"version": trial["note"]["version"] + 1, "body": "mine"}
        assert page.ask(note, "PUT", mine)[0] == 204
        kept = page.study()["trials"][0]
    assert kept["note"] == {"version": 1, "body": "mine"}
    with serve(runs, "tiny") as page:
        assert page.study()["trials"][0]["note"]["body"] == "mine"


INTERRUPTED_WHILE_DRAWING = """
import os, signal, sys, time, warnings
sys.setswitchinterval(1e-6)
import mpqsearch.report.importance as importance
def interrupted(*args, **settings):
    before = warnings.filters
    print("interrupted", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    while warnings.filters is before:
        time.sleep(0.0001)
    warnings.warn("shown to whoever ended the command")
importance.get_param_importances = interrupted
from mpqsearch.__main__ import main
main()
"""


def test_what_is_computed_while_it_ends_says_nothing(runs: Path) -> None:
    """Optuna warns of what is experimental in a thread; that is silenced until the process ends."""
    options = ["--study", "tiny", "--port", "0", "--runs", str(runs)]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_DRAWING, "dashboard", *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "interrupted" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_a_study_that_becomes_unreadable_is_shown_as_it_is(serve: Serve, runs: Path) -> None:
    """Records of another version: no note, a line that says so, and the dashboard goes on."""
    with serve(runs, "tiny", says="the study is shown without notes") as page:
        with sqlite3.connect(runs / "tiny/study.db") as database:
            database.execute(
                "INSERT INTO study_user_attributes (study_id, key, value_json)"
                " VALUES (?, 'reference:x', '{}')",
                (page.study_id,),
            )
        assert page.study()["trials"][0]["note"]["body"] == ""


def test_a_bad_request_is_one_line(mpqsearch: Command, runs: Path, tmp_path: Path) -> None:
    """No such study, port, host or storage: nothing is served, and nothing changes."""
    before = contents(runs)
    assert "no run of study 'tinny'" in said_by(
        mpqsearch("dashboard", "-s", "tinny", "--runs", runs)
    )
    assert "--study" in said_by(mpqsearch("dashboard", "--runs", runs))

    def said(*options: object) -> str:
        return said_by(mpqsearch("dashboard", "-s", "tiny", "--runs", runs, *options))

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen at 127.0.0.1, port {port}: Address already in use" in said(
            "--port", port
        )
    for port in (-1, 65536, 10**20):
        assert f"--port must be in 1..65535, or 0 for any that is free, but is {port}" in said(
            "--port", port
        )
    assert "--port" in said("--port", "http")
    assert "--host must be" in said("--host", " ")
    for host in ("no.such.host.invalid", "a..b", "192.0.2.1", "127.0.0.1:80", "http://x", "::g"):
        assert f"cannot listen at {host}, port 0: " in said("--host", host, "--port", 0)
    assert contents(runs) == before
    (runs / "tiny/study.db").write_text("no database")
    assert re.search("study.db .*cannot be used|another program", said())
    away = tmp_path / "elsewhere/tiny"
    away.mkdir(parents=True)
    (away / "storage.txt").write_text("postgresql+psycopg://nobody@127.0.0.1:1/none\n")
    gone = said_by(mpqsearch("dashboard", "-s", "tiny", "--runs", away.parent))
    assert "cannot be used" in gone


def test_the_dashboard_page_s_command_runs(serve: Serve, tmp_path: Path) -> None:
    """As it stands there, after a short run; only the port is another."""
    page = Path(__file__).resolve().parents[3] / "docs/dashboard.md"
    found = re.search(r"^```sh\n(.*?)\n```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    *command, study = shlex.split(found[1])
    assert command == ["mpqsearch", "dashboard", "--study"]
    done = start("run", "--study", study, "--trials", 4, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with serve(tmp_path / "runs", study) as served:
        assert served.study()["name"] == study


@pytest.mark.postgresql
@pytest.mark.slow
@pytest.mark.skipif(postgresql.installed() is None, reason="PostgreSQL is not installed")
def test_a_shared_study_is_found_by_its_run_folder(serve: Serve, tmp_path: Path) -> None:
    """Its database may hold other studies, which are shown as they are."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with tempfile.TemporaryDirectory(prefix="postgresql") as folder:
        Path(folder).chmod(0o755)
        server = postgresql.Server(Path(folder))
        server.start()
        try:
            url = server.database("shared")
            write_tiny_study(tmp_path)
            for name in ("one", "two"):
                done = start(
                    *("run", "--study", "tiny.yaml", "--name", name, "--storage", url),
                    cwd=tmp_path,
                )
                assert done.returncode == 0, done.stderr
            with serve(tmp_path / "runs", "two") as page:
                assert "12 of 18 candidates were tried" in page.study()["note"]["body"]
                assert page.study_id != "1"
                assert json.loads(page.ask("/api/studies/1")[1])["note"]["body"] == ""
        finally:
            server.stop()
