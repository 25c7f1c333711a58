"""The encoding of a text that does not declare it: certain, guessed with a confidence, or refused and asked for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from landing.readings import declared, records
from pipeline.tiny import open_tiny
from vertebra.errors import CollectError
from vertebra.landing.batch_writer import BatchWriter
from vertebra.landing.erasure.cut_text import cut_csv
from vertebra.landing.parsing.code_pages import codec_of, readings, words_of
from vertebra.landing.parsing.csv_dialect import CsvOptions
from vertebra.landing.parsing.detection import CERTAIN
from vertebra.landing.parsing.languages import CODE_PAGES
from vertebra.landing.parsing.records import ReadContext
from vertebra.landing.payload import PayloadPart

# Six lines each, so that their letters tell more than one code page apart.
TEXTS = {
    "Spanish": ("Málaga\nCórdoba\nEspaña\nJaén\nÁvila\n¿Qué año?", "windows-1252 iso-8859-1 cp850 mac-roman"),
    "French": ("Orléans\nForêt\nBesançon\nÎle-de-France\nNîmes\nà côté", "windows-1252 cp850 mac-roman"),
    "German": ("Köln\nMünchen\nNürnberg\nStraße\nÄpfel\nfür Größe", "windows-1252 cp850 mac-roman"),
    "Polish": ("Łódź\nKraków\nGdańsk\nPoznań\nŚwięty Krzyż\nżółw", "windows-1250 iso-8859-2 cp852"),
    "Czech": (
        "Plzeň\nÚstí nad Labem\nTřebíč\nČeské Budějovice\nPříbram\nžlutý kůň\nměsto\nřeka",
        "windows-1250 iso-8859-2 cp852",
    ),
    "Hungarian": ("Győr\nSzékesfehérvár\nKőszeg\nGödöllő\nHódmezővásárhely\nfűszer", "windows-1250 iso-8859-2 cp852"),
    "Turkish": ("İstanbul\nŞişli\nDiyarbakır\nMuğla\nEskişehir\nAğrı", "windows-1254"),
    "Russian": ("Москва\nСанкт-Петербург\nКазань\nНижний Новгород", "windows-1251 koi8-r cp866 iso-8859-5"),
    "Greek": ("Αθήνα\nΘεσσαλονίκη\nΠάτρα\nΗράκλειο", "windows-1253 iso-8859-7"),
    "Japanese": ("東京都\n大阪府\nさいたま市\nカタカナ\n京都府", "shift-jis euc-jp"),
    "Chinese": ("北京市\n上海市\n广州市\n深圳市\n重庆市\n中华人民共和国\n有限公司\n地址和电话号码", "gb18030"),
    "Korean": ("서울특별시\n부산광역시\n대구광역시\n인천광역시\n경기도 수원시", "euc-kr"),
}
WRITTEN = [(language, page) for language, (_, pages) in TEXTS.items() for page in pages.split()]


@pytest.mark.parametrize(("language", "page"), WRITTEN)
def test_the_right_reading_of_a_few_lines_is_the_first(language: str, page: str) -> None:
    text = TEXTS[language][0]
    first, *_ = readings(words_of([text.encode(codec_of(page))]))
    assert first.confidence >= 0.85
    assert first.words == tuple(dict.fromkeys(words_of_text(text)))


def words_of_text(text: str) -> list[str]:
    return [word for word in text.replace("\n", " ").split() if not word.isascii()] if "?" not in text else [
        "Málaga", "Córdoba", "España", "Jaén", "Ávila", "¿Qué", "año",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "page", "other"),
    [
        ("İstanbul\nŞişli\nğ", "windows-1254", "windows-1252"),
        ("Győr\nSzékesfehérvár", "windows-1250", "windows-1252"),
        ("Plzeň", "windows-1250", "windows-1252"),
        ("北京市\n上海", "gb18030", "euc-jp"),
        ("café", "cp850", "windows-1252"),
    ],
)
def test_a_text_that_two_code_pages_fit_is_refused_with_both_readings(
    landed: Any, text: str, page: str, other: str
) -> None:
    content = f"v;n\n{text.replace(chr(10), ';1' + chr(10))};1\n".encode(page)
    with pytest.raises(CollectError, match=r"the encoding of data\.csv is not certain") as caught:
        landed(content)
    assert f"{page} reads " in caught.value.cause
    assert f"{other} reads " in caught.value.cause
    assert "parse: {encoding: " in caught.value.remedy
    assert landed(content, "declared.csv", encoding=page, delimiter=";")[0]["v"] == text.partition("\n")[0]


def test_code_pages_that_read_a_text_the_same_way_are_one(collected: Any, project: Path) -> None:
    assert set(readings([b"M\xe1laga"])[0].code_pages) >= {"windows-1252", "windows-1250", "iso-8859-1", "iso-8859-2"}
    (project / "euro.csv").write_bytes("a;b\n1;12,50 €\n2;3 €\n".encode("windows-1252"))
    outcome = collected(declared("euro.csv"))
    assert records(outcome.new[0])[0]["b"] == "12,50 €"
    assert "the encoding of batch 1 was guessed: windows-1252, confidence 9" in str(outcome.warnings[0])
    assert outcome.new[0].receipt.text["confidence"] >= CERTAIN


def test_every_code_page_has_a_codec_and_words_that_are_no_text_are_refused(landed: Any) -> None:
    assert all(codec_of(page) for page in CODE_PAGES)
    with pytest.raises(CollectError, match=r"cannot be detected|is not certain"):
        landed(b"a,b\n" + bytes(range(128, 256)).replace(b"\x80", b"") + b",1\n")


def test_utf8_with_a_few_lines_in_another_encoding_names_them_and_reads_them_if_declared(
    collected: Any, project: Path
) -> None:
    good = [f"{number};Málaga".encode() for number in range(2000)]
    content = b"\n".join([b"id;nombre", *good[:500], "x;Cádiz".encode("windows-1252"), *good[500:], b"y;Le\xf3n", b""])
    (project / "mixed.csv").write_bytes(content)
    with pytest.raises(CollectError, match="is not utf-8: byte 0xE1 in line 502 does not decode") as caught:
        collected(declared("mixed.csv"))
    assert "2 of 2,003 lines are not UTF-8" in caught.value.cause
    assert "lines 502, 2,003; read as windows-1252 (Cádiz, León)" in caught.value.cause
    assert "parse: {encoding: [utf-8, windows-1252]}" in caught.value.remedy
    outcome = collected(declared("mixed.csv", encoding=["utf-8", "windows-1252"], delimiter=";"), "run-2")
    names = [row["nombre"] for row in records(outcome.new[0])]
    assert (set(names), names.count("Cádiz"), names[500], names[-1]) == (
        {"Málaga", "Cádiz", "León"},
        1,
        "Cádiz",
        "León",
    )
    assert outcome.new[0].receipt.text["other_lines"] == {"windows-1252": {"lines": 2, "first": [502, 2003]}}
    assert "batch 1 has 2 lines in windows-1252: lines 502, 2,003" in str(outcome.warnings[0])


def test_lines_of_json_and_encodings_that_cannot_be_mixed(landed: Any) -> None:
    lines = b"\xef\xbb\xbf" + '{"a": "Málaga"}\n'.encode() + '{"a": "Cádiz"}\n'.encode("latin-1")
    read = {"format": "jsonl", "encoding": ["utf-8", "iso-8859-1"]}
    assert landed(lines, "a.jsonl", **read) == [{"a": "Málaga"}, {"a": "Cádiz"}]
    one = landed("a\né\n".encode("latin-1"), "one.csv", encoding=["iso-8859-1"])
    assert one == [{"a": "é"}]
    with pytest.raises(CollectError, match="cannot be read line by line in utf-16"):
        landed(lines, "b.jsonl", format="jsonl", encoding=["utf-8", "utf-16"])
    with pytest.raises(CollectError, match="has a line that is in none of utf-8, ascii"):
        landed(lines, "c.jsonl", format="jsonl", encoding=["utf-8", "ascii"])


def test_a_batch_that_was_guessed_before_keeps_its_encoding(collected: Any, project: Path, monkeypatch: Any) -> None:
    (project / "old.csv").write_bytes("a;b\n1;Gy\xf5r\n".encode("windows-1252"))
    with pytest.raises(CollectError, match="is not certain"):
        collected(declared("old.csv"))
    with monkeypatch.context() as earlier:
        earlier.setattr("vertebra.landing.parsing.detection.CERTAIN", 0)
        (batch,) = collected(declared("old.csv"), "run-2").new
    seen = records(batch)
    again = BatchWriter(declared("old.csv"), batch.folder.parent, "run-3", batch.receipt.collected_at, "files/1")
    assert records(again.reparse(batch)) == seen
    assert batch.receipt.guessed_encodings == (batch.receipt.text["encoding"],)
    explicit = declared("old.csv", encoding="windows-1250", delimiter=";")
    corrected = BatchWriter(explicit, batch.folder.parent, "run-4", batch.receipt.collected_at, "files/1")
    assert records(corrected.reparse(batch))[0]["b"] == "Győr"


def test_records_are_cut_out_of_a_text_in_several_encodings(project: Path) -> None:
    lines = [b"id,n\n", "1,Málaga\n".encode(), "2,Cádiz\n".encode("latin-1"), b'3,"Le\xf3n" x\n', b"4,Madrid\n"]
    payload = project / "mixed.csv"
    payload.write_bytes(b"".join(lines))
    part = PayloadPart("mixed.csv", lambda: payload.open("rb"), payload)
    context = ReadContext(CsvOptions(format="csv", encoding=("utf-8", "windows-1252")), project / "scratch", "0" * 64)
    for dropped in range(4):
        sink = io.BytesIO()
        cut_csv(part, [dropped], sink, context)
        assert sink.getvalue() == b"".join(line for at, line in enumerate(lines) if at != dropped + 1)


def test_the_run_and_the_sources_show_the_guess(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "vertebra.yaml").write_text("name: guesses\n")
    (tmp_path / "pl.csv").write_bytes("id;v\n1;Łódź\n2;Święty Krzyż\n".encode("windows-1250"))
    (tmp_path / "datasets" / "pl.yaml").write_text(
        "source: s\ncollect: {from: files, path: pl.csv}\nparse: {format: csv}\ncolumns: {id: int, v: string}\n"
    )
    with open_tiny(tmp_path) as project:
        report = project.run(select="landing.pl")
        assert report.ok
        warning = report.results[0].facts.warnings[0]
        assert "guessed: windows-1250, confidence 9" in warning
        assert "parse: {encoding: windows-1250}" in warning
        assert project.sources(["pl"])[0].warnings == (warning,)
