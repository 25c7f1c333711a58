"""Archives: members read as streams, damage and hostility refused."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zipfile

import pytest

from landing.readings import declared, records
from vertebra.errors import CollectError
from vertebra.landing.payload import PayloadPart, SizeLimits, parts

SQUARES = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(20_000))


def zipped(**members: str | bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return sink.getvalue()


def size_of(part: PayloadPart) -> int:
    with part.open() as stream:
        return len(stream.read())


def test_gzip_is_unpacked_whatever_its_name(landed):
    assert landed(gzip.compress(b"a\n1\n"), "data.csv") == [{"a": "1"}]


@pytest.mark.parametrize("format_", ["csv", "json", "jsonl"])
def test_formats_are_read_out_of_archives(landed, format_):
    content = {"csv": "a\n1\n2\n", "json": '[{"a": 1}, {"a": 2}]', "jsonl": '{"a": 1}\n{"a": 2}\n'}[format_]
    rows = [{"a": "1"}, {"a": "2"}]
    assert landed(zipped(data=content), "d.zip", format=format_) == rows
    assert landed(gzip.compress(content.encode()), "d.gz", format=format_) == rows


def test_members_with_the_same_columns_are_one_table_in_the_order_of_their_names(landed):
    content = zipped(**{"b.csv": "x\n3\n", "a.csv": "x\n1\n2\n", "__MACOSX/a.csv": "junk", ".hidden": "junk"})
    assert landed(content, "d.zip") == [{"x": "1"}, {"x": "2"}, {"x": "3"}]


def test_json_members_may_differ_in_keys(landed):
    content = zipped(**{"a.json": '[{"x": 1}]', "b.json": '{"y": 2}'})
    assert landed(content, "d.zip", format="json") == [{"x": "1", "y": None}, {"x": None, "y": "2"}]


def test_members_with_other_columns_are_refused_with_the_way_to_choose(landed):
    content = zipped(**{"a.csv": "x\n1\n", "b.csv": "y\n1\n"})
    with pytest.raises(CollectError, match="do not have the same columns") as told:
        landed(content, "d.zip")
    assert "member" in told.value.remedy
    assert landed(content, "e.zip", member="b*") == [{"y": "1"}]


def test_a_member_that_is_not_there_is_told_with_those_that_are(landed):
    with pytest.raises(CollectError, match=re.escape("has no member '*.txt'")) as told:
        landed(zipped(**{"in/a.csv": "x\n1\n"}), "d.zip", member="*.txt")
    assert "in/a.csv" in told.value.cause


def test_a_member_is_found_by_its_last_part(landed):
    content = zipped(**{"2013/a.csv": "x\n1\n", "readme.txt": "hello"})
    assert landed(content, "d.zip", member="*.csv") == [{"x": "1"}]


@pytest.mark.parametrize("name", ["../../etc/cron.d/x.csv", "/tmp/x.csv", "a/../../x.csv", "..\\x.csv", "C:/x.csv"])
def test_a_member_that_leads_out_of_the_archive_is_refused(landed, name):
    with pytest.raises(CollectError, match="leads out of the archive"):
        landed(zipped(**{name: "x\n1\n"}), "d.zip")


@pytest.mark.parametrize("pack", [lambda b: zipped(a=b), gzip.compress], ids=["zip", "gzip"])
def test_a_bomb_is_stopped_at_the_bound(tmp_path, pack):
    payload = tmp_path / "bomb"
    payload.write_bytes(pack(b"x" * (8 << 20)))
    (part,) = parts(payload, "bomb", limits=SizeLimits(free=1 << 20))
    read = []
    with part.open() as stream, pytest.raises(CollectError, match="expands to more than"):
        read.extend(iter(lambda: len(stream.read(1 << 16)), 0))
    assert 1 << 19 < sum(read) <= 1 << 21


def test_a_bomb_is_refused_and_kept_aside(landed, lake, monkeypatch):
    monkeypatch.setattr("vertebra.landing.payload.SizeLimits.__init__.__defaults__", (250, 1 << 20, 64 << 30))
    with pytest.raises(CollectError, match="expands to more than"):
        landed(zipped(a="a\n" + "x" * (16 << 20)), "d.zip")
    assert len(list(lake.landing.glob("station/readings/.refused/*/payload.zip"))) == 1


@pytest.mark.parametrize("limits", [SizeLimits(free=1 << 20), SizeLimits(ratio=2_000, free=0, size=2 << 20)])
def test_a_bomb_in_many_members_is_stopped_at_the_bound(tmp_path, limits):
    payload = tmp_path / "bomb"
    with zipfile.ZipFile(payload, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(8):
            archive.writestr(f"{number}/same.csv", b"x" * (1 << 20))
    read = []
    with pytest.raises(CollectError, match="bomb expands to more than"):
        read.extend(map(size_of, parts(payload, "bomb", limits=limits)))
    assert sum(read) <= 2 << 20


def test_what_is_read_again_counts_once(tmp_path):
    payload = tmp_path / "twice"
    payload.write_bytes(zipped(a=b"x" * (1 << 20), b=b"x" * (1 << 20)))
    members = parts(payload, "twice", limits=SizeLimits(free=2 << 20))
    assert [size_of(part) for part in members * 3] == [1 << 20] * 6


def test_what_is_no_bomb_may_expand_far_within_the_free_size(landed):
    assert len(landed(gzip.compress(b"a\n" + b"0\n" * 1_000_000), "d.gz")) == 1_000_000


@pytest.mark.parametrize("keep", [0.02, 0.5, 0.999])
@pytest.mark.parametrize("pack", [lambda b: zipped(**{"a.csv": b}), gzip.compress], ids=["zip", "gzip"])
def test_a_cut_off_archive_is_refused(landed, pack, keep):
    whole = pack(SQUARES)
    with pytest.raises(CollectError, match=r"cut-off|cut off"):
        landed(whole[: int(len(whole) * keep)], "d.bin")


def test_a_flipped_byte_is_refused(landed):
    content = bytearray(zipped(**{"a.csv": SQUARES}))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(CollectError, match=r"damaged or cut off|is not"):
        landed(bytes(content), "d.zip")


def test_an_encrypted_member_is_refused(landed):
    content = bytearray(zipped(**{"a.csv": "a\n1\n"}))
    content[6] |= 1
    directory = content.index(b"PK\x01\x02")
    content[directory + 8] |= 1
    with pytest.raises(CollectError, match="is encrypted"):
        landed(bytes(content), "d.zip")


def test_the_receipt_is_of_the_packed_bytes(project, collected):
    packed = zipped(**{"a.csv": "a\n1\n"})
    (project / "d.csv.zip").write_bytes(packed)
    (batch,) = collected(declared("d.csv.zip")).new
    assert batch.receipt.payload == "payload.csv.zip"
    assert batch.payload.read_bytes() == packed
    assert records(batch) == [{"a": "1"}]


def test_the_directory_of_an_archive_is_read_once_whatever_its_members(landed, monkeypatch):
    opened = []
    opening = zipfile.ZipFile.__init__
    members = {f"{number:03d}": f"a\n{number}\n" for number in range(300)}
    content = zipped(**members)
    monkeypatch.setattr(zipfile.ZipFile, "__init__", lambda *about, **more: opened.append(1) or opening(*about, **more))
    assert [row["a"] for row in landed(content, "d.zip")] == [str(number) for number in range(300)]
    assert len(opened) < 5


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_tar_archive_is_called_one(landed, pack):
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        member = tarfile.TarInfo("a.csv")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"a\n1\n"))
    with pytest.raises(CollectError, match="is a tar archive"):
        landed(pack(sink.getvalue()), "d.tar.gz")
