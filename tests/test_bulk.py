"""Photos by the million, without Ray: what is listed, answered, judged, committed, and done again."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageOps

from carpose import Estimator
from carpose.engines import Found
from carpose.errors import BadParameter
from carpose.images import Picture
from deployments.bulk.alone import alone
from deployments.bulk.asked import Asked
from deployments.bulk.command import main
from deployments.bulk.decoding import decoded, fetched, looked_at
from deployments.bulk.done import Key, plan
from deployments.bulk.duplicates import Seen, Sight
from deployments.bulk.errors import BulkError
from deployments.bulk.gather import Gather
from deployments.bulk.output import Output
from deployments.bulk.photos import list_photos
from deployments.bulk.progress import Progress
from deployments.bulk.report import html
from deployments.bulk.schema import SCHEMA, Row, columns_of, empty, shared
from deployments.bulk.scoring import Models, Scorer
from deployments.bulk.summary import summarize
from tests.servers import ROOT
from tests.support import encoded

EXAMPLE = ROOT / "deployments" / "web" / "example.jpg"
MODELS = {"car_parts": "parts@1", "main_car": "car@1"}
FRONT = Asked.of(expect="front")


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(Models(), masks=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A car, small in another photo, the first once more, one that is cut off, one that shows none."""
    photos = tmp_path / "photos"
    (photos / "exterior").mkdir(parents=True)
    (photos / ".hidden").mkdir()
    with Image.open(EXAMPLE) as image:
        car = image.convert("RGB")
        wide = ImageOps.expand(car.resize((400, 267)), (500, 300, 500, 333), "grey")
    (photos / "exterior" / "car.jpg").write_bytes(EXAMPLE.read_bytes())
    (photos / "again.jpg").write_bytes(EXAMPLE.read_bytes())
    (photos / "resaved.webp").write_bytes(encoded(car.resize((600, 400)), "WEBP", quality=80))
    (photos / "small.png").write_bytes(encoded(wide, "PNG"))
    (photos / "cut.jpg").write_bytes(EXAMPLE.read_bytes()[:3000])
    (photos / "nothing.png").write_bytes(encoded(Image.new("RGB", (300, 200), "grey"), "PNG"))
    (photos / ".hidden" / "car.jpg").write_bytes(b"")
    (photos / "readme.txt").write_text("no photo")
    return photos


def names(table: pa.Table) -> list[str]:
    return sorted(Path(uri).name for uri in table["uri"].to_pylist())


def by_name(output: Output) -> dict[str, Row]:
    """Rows by the names of their photos; each photo has one."""
    rows = [row for _, part, _ in output.read_all() for row in part.to_pylist()]
    found = {Path(row["uri"]).name: row for row in rows}
    assert len(found) == len(rows)
    return found


def answered(scorer: Scorer, todo: pa.Table, seen: Seen | None = None) -> list[Row]:
    """As the cluster answers, in this process."""
    return [row for some in decoded(todo, seen, True) for row in scorer(some).to_pylist()]


def run(
    output: Output,
    listed: pa.Table,
    rows: Iterable[Row] | None = None,
    asked: Asked = FRONT,
    models: dict[str, str] = MODELS,
    masks: bool = False,
    rows_per_part: int = 2,
) -> list[str]:
    """Names of the photos that a run looks at; `rows` are what comes of it, by default a row that
    names the models."""
    found = plan(listed, output, Key(models, masks, asked.identity))
    gather = Gather(output, asked, masks, found, models, rows_per_part)
    gather.judge_anew()
    if rows is None:
        todo = found.todo.to_pylist()
        rows = [row(photo["uri"], models=models, bytes=photo["bytes"]) for photo in todo]
    gather.add(rows)
    gather.finish()
    return names(found.todo)


def row(uri: str, **columns: Any) -> Row:
    """An answer: a car from its left."""
    return empty(uri) | ANSWER | {"models": MODELS, "sha256": f"{abs(hash(uri)):064x}"} | columns


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output.at(str(tmp_path / "poses"))


def test_a_folder_s_photos_are_listed_with_their_folder_as_category(folder: Path) -> None:
    listed = list_photos(str(folder))
    assert names(listed) == [
        "again.jpg",
        "car.jpg",
        "cut.jpg",
        "nothing.png",
        "resaved.webp",
        "small.png",
    ]
    category = dict(zip(listed["uri"].to_pylist(), listed["category"].to_pylist(), strict=True))
    assert category[str(folder / "exterior" / "car.jpg")] == "exterior"
    assert category[str(folder / "again.jpg")] is None


def test_a_table_names_photos_once_from_its_own_folder(folder: Path) -> None:
    table = {
        "uri": ["exterior/car.jpg", str(folder / "cut.jpg"), "exterior/car.jpg", "s3://b/c.jpg"],
        "expect": ["front, front-left", None, "back", ["left"]],
        "category": ["new", None, "old", 7],
    }
    table["expect"][3] = "left"
    table["category"][3] = "7"
    pq.write_table(pa.table(table), folder / "photos.parquet")
    listed = list_photos(str(folder / "photos.parquet")).to_pylist()
    assert [photo["uri"] for photo in listed] == [
        str(folder / "exterior" / "car.jpg"), str(folder / "cut.jpg"), "s3://b/c.jpg",
    ]  # fmt: skip
    assert [photo["expect"] for photo in listed] == [["front", "front-left"], None, ["left"]]
    assert [photo["category"] for photo in listed] == ["new", None, "7"]


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"path": ["a.jpg"]}, "no column uri; it has path"),
        ({"uri": ["gopher://a.jpg"]}, "s3://bucket/key"),
        ({"uri": ["a.jpg", None]}, "1 rows have no uri"),
        ({"uri": ["a.jpg"], "expect": ["top"]}, "column expect: 'top' is not one of front"),
        ({"uri": pa.array([], pa.string())}, "no photos"),
    ],
)
def test_a_table_that_is_no_list_of_photos_is_refused(
    tmp_path: Path, columns: dict[str, Any], complaint: str
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "photos.parquet")
    with pytest.raises((BulkError, BadParameter), match=complaint):
        list_photos(str(tmp_path / "photos.parquet"))


def test_rows_are_what_the_library_answers(scorer: Scorer, folder: Path, output: Output) -> None:
    listed, estimator = list_photos(str(folder)), Estimator.load(threads=1)
    asked = Asked.of(expect="front", rules=["listing-main"])
    run(output, listed, answered(scorer, listed), asked, masks=True)
    rows = by_name(output)
    for name in ("exterior/car.jpg", "small.png"):
        content = (folder / name).read_bytes()
        answer = estimator.answer(content, expect=["front"], include=["masks"]).response()
        found, columns = rows[Path(name).name], columns_of(answer)
        assert {key: found[key] for key in columns} == columns
        assert answer.compliance
        verdict = {v["rules"]: v for v in found["verdicts"]}["expect"]
        assert verdict["verdict"] == answer.compliance.verdict
        assert verdict["reasons"] == answer.compliance.reasons
        assert found["models"] == answer.models
    assert rows["small.png"]["notices"] == ["closer-look"], "the steps were taken in their order"
    assert rows["cut.jpg"]["error"] == "bad-image"
    assert rows["cut.jpg"]["verdict"] is None
    assert rows["nothing.png"]["error"] == "no-car"
    assert rows["nothing.png"]["verdicts"][0]["codes"] == ["no-car"]


def test_a_photo_that_cannot_be_read_is_a_row(scorer: Scorer, folder: Path) -> None:
    listed = list_photos(str(folder))
    (folder / "again.jpg").unlink()
    rows = {Path(row["uri"]).name: row for row in answered(scorer, listed)}
    assert rows["again.jpg"]["error"] == "unreadable"
    assert "No such file" in rows["again.jpg"]["error_detail"]
    assert rows["car.jpg"]["viewpoint"]


def test_equal_photos_are_looked_at_once(scorer: Scorer, folder: Path, output: Output) -> None:
    listed = list_photos(str(folder))
    rows = answered(scorer, listed, Seen())
    run(output, listed, rows)
    found = by_name(output)
    original = next(r for r in found.values() if r["scored_as"] is None and r["car_score"])
    doubles = {name for name, row in found.items() if row["scored_as"]}
    same = {"car.jpg", "again.jpg", "resaved.webp"}
    assert len(doubles & same) == 2
    assert doubles <= same
    for name in doubles:
        one = found[name]
        assert one["scored_as"] in {r["uri"] for n, r in found.items() if n in same - doubles}
        with Image.open(one["uri"]) as image:
            assert (one["width"], one["height"]) == image.size
    boxes = [found[name] for name in sorted(same)]
    for one in boxes:
        share = one["car_box"][2] / one["width"]
        assert share == pytest.approx(boxes[0]["car_box"][2] / boxes[0]["width"], abs=0.002)
    assert original["sha256"]


def test_a_double_is_held_against_its_own_rules(
    scorer: Scorer, folder: Path, output: Output
) -> None:
    listed = list_photos(str(folder)).to_pylist()
    for photo in listed:
        photo["expect"] = ["back"] if photo["uri"].endswith("again.jpg") else None
    table = pa.Table.from_pylist(listed, list_photos(str(folder)).schema)
    viewpoint = answered(scorer, table)[0]["viewpoint"]
    run(output, table, answered(scorer, table, Seen()), Asked.of())
    verdict = by_name(output)["again.jpg"]["verdicts"]
    assert by_name(output)["car.jpg"]["verdicts"] is None
    assert [v["rules"] for v in verdict] == ["expect"]
    assert verdict[0]["verdict"] == ("accepted" if viewpoint == "back" else "refused")


@pytest.mark.parametrize(
    ("other", "bits", "scaled", "same"),
    [
        (Sight("b", "aa" * 32, 0, (10, 10)), None, True, True),
        (Sight("b", "bb" * 32, 0b1001, (800, 600)), 2, True, False),
        (Sight("b", "bb" * 32, 0b0001, (800, 600)), 2, True, True),
        (Sight("b", "bb" * 32, 0b0111, (800, 600)), 2, True, True),
        (Sight("b", "bb" * 32, 0b0001, (800, 600)), None, True, False),
        (Sight("b", "bb" * 32, 0b0001, (400, 300)), 2, True, True),
        (Sight("b", "bb" * 32, 0b0001, (400, 300)), 2, False, False),
        (Sight("b", "bb" * 32, 0b0001, (600, 800)), 2, True, False),
        (Sight("b", "bb" * 32, None, (800, 600)), 2, True, False),
    ],
    ids=[
        "file", "too different", "two bits", "one bit", "files alone", "scaled", "scaled, not allowed",
        "turned", "no hash",
    ],
)  # fmt: skip
def test_what_counts_as_the_same(other: Sight, bits: int | None, scaled: bool, same: bool) -> None:
    seen = Seen(bits, scaled)
    first = Sight("a", "aa" * 32, 0b0011 | 0b0100, (800, 600))
    assert seen.first([replace(first, phash=0b0111 ^ 0)]) == [None]
    assert seen.first([other]) == ["a" if same else None]
    assert seen.first([other]) == ["a" if same else None], "asked again"
    assert seen.known([("c", other.sha256), ("c", "cc" * 32)]) == ["a" if same else "b", None]
    assert seen.known([("a", "aa" * 32)]) == [None]


def test_near_is_found_in_whichever_bits_differ() -> None:
    seen, phash = Seen(3), 0x0123_4567_89AB_CDEF
    seen.first([Sight("a", "aa" * 32, phash, (4, 3))])
    for k in range(62):
        other = Sight(f"b{k}", f"{k:064x}", phash ^ (0b111 << (k - 1 if k else 0)), (4, 3))
        assert seen.first([other]) == ["a"], k


def test_a_second_run_looks_at_what_is_missing_alone(folder: Path, output: Output) -> None:
    listed = list_photos(str(folder))
    assert run(output, listed.slice(0, 4)) == names(listed.slice(0, 4))
    assert run(output, listed) == names(listed.slice(4))
    assert run(output, listed) == []
    assert sorted(by_name(output)) == names(listed)


@pytest.mark.parametrize(
    ("columns", "again"),
    [
        ({"models": {"car_parts": "parts@0", "main_car": "car@1"}}, True),
        ({"error": "unreadable"}, True),
        ({"error": "lost"}, True),
        ({"error": "bad-image"}, False),
        ({"error": "no-car"}, False),
        ({"bytes": 5}, True),
    ],
)
def test_what_is_looked_at_again(
    folder: Path, output: Output, columns: dict[str, Any], again: bool
) -> None:
    listed = list_photos(str(folder))
    sizes = dict(zip(listed["uri"].to_pylist(), listed["bytes"].to_pylist(), strict=True))
    first = listed["uri"][0].as_py()
    rows = [row(uri, bytes=size) | (columns if uri == first else {}) for uri, size in sizes.items()]
    run(output, listed, rows)
    parts = output.parts()
    assert run(output, listed) == ([Path(first).name] if again else [])
    assert output.parts() == parts, "a row takes the place of the one before"
    assert run(output, listed) == []
    assert sorted(by_name(output)) == names(listed)


def test_masks_that_are_missing_are_made(folder: Path, output: Output) -> None:
    listed = list_photos(str(folder))
    run(output, listed)
    assert run(output, listed, masks=True) == names(listed)
    assert run(output, listed, masks=True) == []
    assert run(output, listed) == []


def test_other_rules_take_no_second_look(folder: Path, output: Output) -> None:
    listed = list_photos(str(folder))
    run(output, listed)
    assert {r["verdict"] for r in by_name(output).values()} == {"refused"}
    assert run(output, listed, asked=Asked.of(expect="left")) == []
    assert {r["verdict"] for r in by_name(output).values()} == {"accepted"}
    wish = listed.set_column(3, "expect", pa.array([["back"]] * 6, pa.list_(pa.string())))
    assert run(output, wish, asked=Asked.of(expect="left")) == []
    assert {r["verdict"] for r in by_name(output).values()} == {"refused"}


def test_rules_go_by_category(tmp_path: Path) -> None:
    file = b"sets: {tall: {min_width: 9999}}\ncategories: {rear: [tall, listing-back], inside: []}"
    asked = Asked.of(rules=["tall"], file=file)
    judged = asked.verdicts(row("a", category="rear"))
    assert [v["rules"] for v in judged["verdicts"]] == ["tall", "listing-back"]
    assert judged["verdict"] == "refused"
    assert [v["rules"] for v in asked.verdicts(row("a"))["verdicts"]] == ["tall"]
    assert Asked.of().verdicts(row("a")) == {"verdict": None, "verdicts": None}


def test_what_comes_twice_or_unasked_is_taken_once(folder: Path, output: Output) -> None:
    listed = list_photos(str(folder))
    rows = [row(uri) for uri in listed["uri"].to_pylist()]
    run(output, listed, [*rows, *rows, row("/elsewhere.jpg")])
    assert sorted(by_name(output)) == names(listed)


def test_photos_that_never_come_back_are_rows_that_the_next_run_tries(
    folder: Path, output: Output
) -> None:
    listed = list_photos(str(folder))
    sizes = zip(listed["uri"].to_pylist(), listed["bytes"].to_pylist(), strict=True)
    run(output, listed, [row(uri, bytes=size) for uri, size in sizes][1:])
    lost = Path(listed["uri"][0].as_py()).name
    assert by_name(output)[lost]["error"] == "lost"
    assert run(output, listed) == [lost]
    assert by_name(output)[lost]["error"] is None


def test_what_is_answered_before_a_run_is_stopped_is_kept(folder: Path, output: Output) -> None:
    listed = list_photos(str(folder))
    asked = Asked.of()
    found = plan(listed, output, Key(MODELS, False, asked.identity))
    gather = Gather(output, asked, False, found, MODELS, 500)
    some = listed.slice(0, 3).to_pylist()
    gather.add([row(photo["uri"], bytes=photo["bytes"]) for photo in some])
    gather.keep()
    assert sorted(by_name(output)) == names(listed.slice(0, 3))
    assert run(output, listed, asked=asked) == names(listed.slice(3))


def test_a_batch_that_is_too_much_is_looked_at_one_by_one(scorer: Scorer, folder: Path) -> None:
    class Small(Scorer):
        """On a device with room for one picture."""

        def __init__(self) -> None:
            vars(self).update(vars(scorer))

        def _detect(self, pictures: list[Picture]) -> list[Found]:
            if len(pictures) > 1:
                raise MemoryError("no room")
            return super()._detect(pictures)

    class Broken(Small):
        """With none."""

        def _detect(self, pictures: list[Picture]) -> list[Found]:
            raise MemoryError("no room")

    listed = list_photos(str(folder))
    assert answered(Small(), listed) == answered(scorer, listed)
    errors = {Path(r["uri"]).name: r["error_detail"] for r in answered(Broken(), listed)}
    assert errors["car.jpg"] == "MemoryError: no room"
    assert errors["cut.jpg"] != errors["car.jpg"]


def test_without_a_terminal_progress_is_lines(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(1000)
    progress.add(400)
    progress.close()
    assert re.fullmatch(
        r"400 of 1,000 photos, [\d.]+ photos/s, 0:\d\d:\d\d left\n", capsys.readouterr().err
    )


def test_a_double_whose_photo_is_done_long_since_needs_no_look(
    folder: Path, output: Output
) -> None:
    listed = list_photos(str(folder))
    uris = listed["uri"].to_pylist()
    run(output, listed.slice(0, 1))
    run(output, listed, [row(uri, scored_as=uris[0], width=80, height=60) for uri in uris[1:]])
    assert {r["viewpoint"] for r in by_name(output).values()} == {"left"}
    assert {r["scored_as"] for r in by_name(output).values()} == {None, uris[0]}


def test_what_was_killed_while_it_wrote_leaves_nothing(folder: Path, output: Output) -> None:
    listed = list_photos(str(folder))
    run(output, listed)
    left = Path(output.place.path) / ".unfinished-1-part-x.parquet"
    left.write_bytes(b"PAR1 half a file")
    assert len(by_name(output)) == listed.num_rows
    with alone(output):
        assert not left.exists()


def test_only_one_run_at_a_time_writes_to_a_folder(
    folder: Path, output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--input", str(folder), "--output", output.place.uri]
    with alone(output):
        unfinished = Path(output.place.path) / ".unfinished-1-part-x.parquet"
        unfinished.write_bytes(b"PAR1 half a file")
        assert main(command) == 2
        assert unfinished.exists(), "it may be the other's"
    error = capsys.readouterr().err
    assert len(error.strip().splitlines()) == 1
    assert f"another run writes to it (process {os.getpid()} of " in error
    with alone(output):
        pass


def test_a_folder_is_free_once_its_run_was_killed(output: Output) -> None:
    code = "import sys; from deployments.bulk.alone import alone; from deployments.bulk.output import Output\n"
    code += "with alone(Output.at(sys.argv[1])):\n print('held', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", code, output.place.uri],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert other.stdout
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(BulkError, match=f"process {other.pid} of"), alone(output):
        pass
    other.kill()
    other.communicate()
    with alone(output):
        pass


def test_pandas_and_duckdb_read_the_rows(folder: Path, output: Output) -> None:
    import duckdb
    import pandas

    listed = list_photos(str(folder))
    run(output, listed)
    output.write_manifest({})
    frame = pandas.read_parquet(output.place.path)
    assert len(frame) == listed.num_rows
    assert list(frame.columns) == SCHEMA.names
    found = duckdb.sql(
        f"""SELECT viewpoint, count(*), any_value(quality.car_share), any_value(verdicts[1].codes[1]),
        any_value(car_box[3]), any_value(models.car_parts)
        FROM '{output.place.path}/*.parquet' GROUP BY viewpoint"""
    ).fetchall()
    assert found == [("left", listed.num_rows, 0.5, "viewpoint", 600.0, "parts@1")]


def test_the_report_counts_and_shows(scorer: Scorer, folder: Path, output: Output) -> None:
    listed = list_photos(str(folder))
    run(output, listed, answered(scorer, listed, Seen()), Asked.of(rules=["listing-back"]))
    summary = summarize(output)
    assert (summary.photos, summary.doubles, summary.broken) == (6, 2, 1)
    assert summary.errors == {"bad-image": 1, "no-car": 1}
    assert sum(summary.histogram) == 4
    assert summary.error_share == pytest.approx(1 / 6)
    page = html(summary, {"input": "<photos>"})
    assert "&lt;photos&gt;" in page
    assert page.count("data:image/jpeg") == 2 + 3, "each picture once a sheet"
    assert "http" not in page.replace("http://www.w3.org", "")


def test_scaled_boxes_are_in_the_double_s_own_pixels() -> None:
    own = row("b", width=400, height=300, scored_as="a")
    there = shared(row("a"), own)
    assert there["car_box"] == [50.0, 50.0, 300.0, 250.0]
    assert there["parts"][0]["box"] == [100.0, 150.0, 150.0, 200.0]
    assert there["scored_as"] == "a"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--input", "{tmp}/none"], "no such folder"),
        (["--input", "{tmp}/none.parquet"], "none.parquet: there is none"),
        (["--input", "{tmp}"], "no photos"),
        (["--input", "gopher://x/y"], "s3://bucket/prefix"),
        (["--output", "{tmp}/file/poses"], "cannot be written"),
        (["--output", "{tmp}/other"], "is not of carpose's bulk"),
        (["--expect", "top"], "expect: 'top' is not one of front"),
        (["--rules", "none"], "rules: 'none' is not one of listing"),
        (["--rules-file", "{tmp}/none.yaml"], "no such file"),
        (["--rules-file", "{tmp}/bad.yaml"], "sets.a.colour"),
        (["--car-parts", "{tmp}/none"], "model.yaml"),
        (["--car-parts", "embedded:main_car"], "is a main_car bundle, not car_parts"),
    ],
)
def test_what_cannot_begin_is_one_line_and_exit_code_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    arguments: Sequence[str], complaint: str,
) -> None:  # fmt: skip
    base = tmp_path / "things"
    (base / "other").mkdir(parents=True)
    (base / "file").write_text("")
    (base / "bad.yaml").write_text("sets: {a: {colour: red}}")
    pq.write_table(pa.table({"x": [1]}), base / "other" / "part-x.parquet")
    given = {"--input": str(folder), "--output": str(base / "poses")}
    pairs = [word.format(tmp=base) for word in arguments]
    given |= dict(zip(pairs[::2], pairs[1::2], strict=True))
    assert main([word for pair in given.items() for word in pair]) == 2
    out, error = capsys.readouterr()
    assert complaint in error
    assert len(error.strip().splitlines()) == 1
    assert not out


def test_a_run_with_nothing_to_do_says_what_is_there(
    folder: Path, tmp_path: Path, output: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    from carpose.bundles import open_bundle

    models = {task: open_bundle(f"embedded:{task}").identity for task in MODELS}
    listed = list_photos(str(folder))
    sizes = listed["bytes"].to_pylist()
    rows = [
        row(u, models=models, bytes=n)
        for u, n in zip(listed["uri"].to_pylist(), sizes, strict=True)
    ]
    rows[0] |= {"error": "bad-image", "viewpoint": None}
    run(output, listed, rows, Asked.of(), models)
    command = ["--input", str(folder), "--output", output.place.uri]
    assert main(command) == 0
    assert (
        "6 photos, 0 of them scored with another one\nviewpoints: left 5\n"
        in capsys.readouterr().out
    )
    assert main([*command, "--max-errors", "0.1"]) == 3
    manifest = json.loads((tmp_path / "poses" / "_carpose" / "manifest.json").read_text())
    assert manifest["photos"] == sum(manifest["parts"].values()) == 6
    assert manifest["complete"] is True
    shutil.rmtree(folder)


def test_the_first_look_is_the_service_s(folder: Path) -> None:
    listed = list_photos(str(folder)).to_pylist()
    (photo,) = [p for p in listed if p["uri"].endswith("small.png")]
    one = looked_at(fetched(photo), hashed=True)
    assert one.picture is not None
    assert max(one.picture.pixels.shape) == 1024
    assert one.row["width"] == 1400


ANSWER: Row = {
    "width": 800, "height": 600, "turned": 0, "view": "side", "viewpoint": "left", "score": 0.9,
    "azimuth": 90.0, "azimuth_error": 9.0, "angle": 1.0, "signed_angle": 1.0,
    "reference_line": [200.0, 500.0, 500.0, 500.0], "car_score": 0.99,
    "car_box": [100.0, 100.0, 600.0, 500.0],
    "parts": [{"label": "wheel", "score": 0.9, "box": [200.0, 300.0, 300.0, 400.0], "mask": None}],
    "quality": {
        "whole": True, "cut": [], "framing": "whole", "car_share": 0.5, "sharpness": 0.7,
        "brightness": 0.7, "blown": 0.0, "cars": 1,
    },
    "warnings": [], "notices": [],
}  # fmt: skip
