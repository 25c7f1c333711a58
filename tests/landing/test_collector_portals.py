"""CKAN, Socrata and paged APIs: every record once, or a reason why not."""

from __future__ import annotations

import json
import re

import pytest
from pydantic import ValidationError

from landing.readings import records, source
from portals import stand_in as faults
from portals.portals import CkanPortal, OpenMeteo, PagedApi, SocrataPortal
from portals.stand_in import Reply, reset_midway, with_status
from vertebra.errors import CollectError
from vertebra.governance.drift import sources_in
from vertebra.lake.batches import batches
from vertebra.landing.outcome import PayloadsRefusedError


def numbers(batch, key="_id"):
    return [int(row[key]) for row in records(batch)]


def landed(lake):
    return batches(lake.landing, "station", "readings")


def ckan(host, **more):
    return source({"from": "ckan", "portal": f"{host.url}/data", "resource": "r-1"} | more, "snapshot")


def socrata(host, form="json", **more):
    return source(
        {"from": "socrata", "portal": host.url, "id": "abcd-1234", "page": 100} | more, "snapshot", {"format": form}
    )


def rest(host, by, load="snapshot", **more):
    page = {
        "offset": {"by": "offset", "param": "offset"},
        "number": {"by": "number", "param": "page"},
        "cursor": {"by": "cursor", "param": "cursor", "next": "meta.next"},
        "link": {"by": "link"},
        "next": {"by": "link", "next": "meta.next"},
    }[by] | more.pop("page", {})
    collect = {"from": "rest", "url": f"{host.url}/{by}", "page": page} | more
    return source(collect, load, {"records": "data.items"})


class TestCkan:
    def test_all_records_come_although_the_portal_caps_its_pages(self, portal, gathered):
        host = portal(CkanPortal(rows=250, cap=100))
        (batch,) = gathered(ckan(host)).new
        assert numbers(batch) == list(range(1, 251))
        assert records(batch)[0] == {"_id": "1", "Nom": "barri 0", "Valor": "0.0"}
        offsets = [asked.query["offset"] for asked in host.asked if "offset" in asked.query]
        assert (offsets, batch.receipt.headers["total"]) == (["0", "100", "200"], "250")

    def test_a_total_that_moves_starts_the_read_again(self, portal, gathered):
        host = portal(app := CkanPortal(rows=250))

        def grow(one):
            if one.datastore_searches == 2:
                one.rows.append({"_id": 251, "Nom": "nou", "Valor": "1"})

        app.before = grow
        (batch,) = gathered(ckan(host)).new
        assert numbers(batch) == list(range(1, 252))

    def test_a_total_that_never_holds_still_is_refused(self, portal, gathered, lake):
        host = portal(app := CkanPortal(rows=250))
        app.before = lambda one: one.rows.append({"_id": len(one.rows) + 1, "Nom": "nou", "Valor": "1"})
        with pytest.raises(PayloadsRefusedError, match=r"had .* records and now has"):
            gathered(ckan(host))
        assert landed(lake) == []

    def test_a_change_without_a_new_total_is_noticed_by_the_date(self, portal, gathered):
        host = portal(app := CkanPortal(rows=250))

        def edit(one):
            if one.datastore_searches == 2:
                one.rows[0]["Nom"], one.modified = "canviat", "2024-02-02T00:00:00"

        app.before = edit
        (batch,) = gathered(ckan(host)).new
        assert (records(batch)[0]["Nom"], batch.receipt.headers["last_modified"]) == ("canviat", "2024-02-02T00:00:00")

    def test_rows_that_shift_between_pages_are_noticed_by_their_ids(self, portal, gathered, lake):
        host = portal(app := CkanPortal(rows=250))

        def shift(one):
            if one.datastore_searches % 3 == 2:
                one.rows.insert(0, {"_id": one.rows[0]["_id"] - 1, "Nom": "x", "Valor": "0"})
                one.rows.pop()

        app.before = shift
        with pytest.raises(PayloadsRefusedError, match="again, or out of order"):
            gathered(ckan(host))
        assert landed(lake) == []

    def test_a_page_that_is_cut_short_is_not_the_end(self, portal, gathered):
        host = portal(app := CkanPortal(rows=250))

        def narrow(one):
            one.cap = 30 if one.datastore_searches == 2 else 100

        app.before = narrow
        assert numbers(gathered(ckan(host)).new[0]) == list(range(1, 251))

    def test_a_page_without_records_before_the_end_is_refused(self, portal, gathered, lake):
        host = portal(app := CkanPortal(rows=250))

        def stop(one):
            one.cap = 0 if one.datastore_searches == 3 else 100

        app.before = stop
        with pytest.raises(PayloadsRefusedError, match="returned 200 records and reports 250"):
            gathered(ckan(host))
        assert landed(lake) == []

    def test_nothing_is_read_while_date_and_total_are_as_they_were(self, portal, gathered):
        host = portal(app := CkanPortal())
        gathered(ckan(host))
        assert gathered(ckan(host)).unchanged == 1
        app.rows.pop()
        assert len(gathered(ckan(host)).new) == 1

    def test_the_order_of_keys_and_links_makes_no_difference(self, portal, gathered):
        host = portal(app := CkanPortal())
        gathered(ckan(host))
        app.modified = "2024-03-03T00:00:00"
        app.rows = [dict(reversed(row.items())) for row in app.rows]
        app.cap = 70
        outcome = gathered(ckan(host))
        assert (outcome.new, outcome.unchanged) == ((), 1)

    def test_none_can_be_declared_right(self, portal, gathered):
        host = portal(app := CkanPortal(rows=5))
        gathered(ckan(host))
        app.rows = []
        with pytest.raises(PayloadsRefusedError, match="no records"):
            gathered(ckan(host))
        (batch,) = gathered(ckan(host, empty="accept")).new
        assert (batch.receipt.records, records(batch)) == (0, [])

    def test_an_unknown_resource_is_told_in_the_words_of_the_portal(self, portal, gathered):
        host = portal(CkanPortal())
        with pytest.raises(PayloadsRefusedError) as told:
            gathered(ckan(host, resource="r-2"))
        assert told.value.cause == "Not found: Resource was not found."

    def test_an_error_with_status_200_is_refused(self, portal, gathered, lake):
        host = portal(CkanPortal())
        host.faults = [None, None, None, faults.error_as_data]
        with pytest.raises(PayloadsRefusedError, match="is an error message"):
            gathered(ckan(host))
        assert landed(lake) == []

    class TestFiles:
        @pytest.fixture
        def app(self):
            app = CkanPortal()
            app.files = {
                f"{year}_renda_{kind}.csv": f"any,v\n{year},{kind}\n".encode()
                for year in (2022, 2021)
                for kind in ("a", "b")
            }
            app.files["metadades.pdf"] = b"%PDF"
            return app

        def declared(self, host, files):
            collect = {"from": "ckan", "portal": f"{host.url}/data", "package": "renda", "files": files}
            return source(collect, "snapshot", parse={"format": "csv"})

        def test_those_whose_names_match_are_batches_with_the_year_of_their_name(self, portal, gathered, app):
            new = gathered(self.declared(portal(app), "{period:%Y}_renda_a.csv")).new
            assert [(b.receipt.period, b.receipt.part) for b in new] == [("2021", None), ("2022", None)]
            assert [records(batch)[0]["any"] for batch in new] == ["2021", "2022"]

        def test_without_a_period_the_name_says_which_part_it_is(self, portal, gathered, app):
            new = gathered(self.declared(portal(app), "*_A.csv")).new
            assert [batch.receipt.part for batch in new] == ["2021_renda_a.csv", "2022_renda_a.csv"]

        def test_two_files_of_one_period_are_told(self, portal, gathered, app):
            with pytest.raises(CollectError, match="several files of 2022"):
                gathered(self.declared(portal(app), "{period:%Y}_renda_*.csv"))

        def test_a_pattern_that_matches_nothing_is_told_with_the_names_there_are(self, portal, gathered, app):
            with pytest.raises(CollectError, match=r"has no file named \*\.json") as told:
                gathered(self.declared(portal(app), "*.json"))
            assert "2022_renda_a.csv" in told.value.cause

        def test_a_link_out_of_the_web_is_refused_and_the_others_are_landed(self, portal, gathered, app):
            app.links["2021_renda_a.csv"] = "file:///etc/passwd"
            with pytest.raises(PayloadsRefusedError, match="does not follow") as told:
                gathered(self.declared(portal(app), "*_a.csv"))
            assert [batch.receipt.part for batch in told.value.outcome.new] == ["2022_renda_a.csv"]

        @pytest.mark.parametrize("status", [404, 500])
        def test_a_file_that_is_listed_and_does_not_come_is_refused_and_the_others_are_landed(
            self, portal, gathered, app, status
        ):
            host = portal(app)
            fault = with_status(status)
            host.faults = [None, None, *[fault] * (1 if status == 404 else 5)]
            with pytest.raises(PayloadsRefusedError, match=f"answers with status {status}") as told:
                gathered(self.declared(host, "{period:%Y}_renda_a.csv"))
            assert [batch.receipt.period for batch in told.value.outcome.new] == ["2021"]
            assert [batch.receipt.period for batch in gathered(self.declared(host, "{period:%Y}_renda_a.csv")).new] == [
                "2022"
            ]

        def test_a_missing_file_is_named_and_can_be_skipped_by_name(self, portal, gathered, app):
            app.gone = {"2021_renda_a.csv"}
            declared = self.declared(host := portal(app), "{period:%Y}_renda_a.csv")
            with pytest.raises(
                PayloadsRefusedError, match=r"lists 2021_renda_a\.csv, and the portal does not have"
            ) as told:
                gathered(declared)
            assert 'collect: {skip: ["2021_renda_a.csv"]}' in told.value.remedy
            asked = len(host.asked)
            for skip in (["2021_*"], ["2021_*", "1999_*"]):
                collect = declared.collect.model_copy(update={"skip": tuple(skip)})
                outcome = gathered(declared.model_copy(update={"collect": collect}), f"run-{len(skip)}")
                assert outcome.refused == ()
                assert [one.fact for one in outcome.warnings] == [
                    f"collect.skip of readings names {one}, and no resource has this name" for one in skip[1:]
                ]
            assert not any("2021_renda_a" in one.path for one in host.asked[asked:])
            collect = declared.collect.model_copy(update={"skip": ("*",)})
            with pytest.raises(CollectError, match="has no file named") as none_left:
                gathered(declared.model_copy(update={"collect": collect}))
            assert "collect.skip leaves out all" in none_left.value.cause

    class TestResources:
        """The yearly resources of a package are one dataset, read from the datastore."""

        @pytest.fixture
        def app(self):
            app = CkanPortal(cap=100)
            for year, header in ((2013, "Demanda_ocupació"), (2012, "Demanda_ocupacio")):
                rows = [{"_id": n + 1, "Any": str(year), header: f"{year}-{n}"} for n in range(250)]
                app.stored[f"{year}_atur_per_sexe.csv"] = rows
            return app

        def declared(self, host, **more):
            collect = {
                "from": "ckan",
                "portal": f"{host.url}/data",
                "package": "atur",
                "resources": "{period:%Y}_atur_*",
            }
            columns = {
                "year": {"type": "int", "source": "Any"},
                "demand": {"type": "string", "source": ["Demanda_ocupació", "Demanda_ocupacio"]},
            }
            return source(collect | more, "snapshot", columns=columns)

        def test_each_is_read_page_by_page_as_a_period(self, portal, gathered, app):
            declared = self.declared(portal(app))
            new = gathered(declared).new
            assert [(batch.receipt.period, batch.receipt.records) for batch in new] == [("2012", 250), ("2013", 250)]
            assert [sources_in(declared, batch.receipt.columns)["demand"] for batch in new] == [
                "Demanda_ocupacio",
                "Demanda_ocupació",
            ]
            app.stored["2013_atur_per_sexe.csv"][0]["Any"], app.modified = "2014", "2024-01-02T00:00:00"
            assert [batch.receipt.period for batch in gathered(declared).new] == ["2013"]

        def test_one_that_the_portal_does_not_have_is_named_and_can_be_skipped(self, portal, gathered, app):
            app.gone = {"2012_atur_per_sexe.csv"}
            host = portal(app)
            with pytest.raises(PayloadsRefusedError, match=r"lists 2012_atur_per_sexe\.csv") as told:
                gathered(self.declared(host))
            assert "Not found: Resource was not found." in told.value.cause
            assert [batch.receipt.period for batch in told.value.outcome.new] == ["2013"]
            assert gathered(self.declared(host, skip=["2012_*"])).refused == ()

        def test_one_that_is_not_in_the_datastore_is_told(self, portal, gathered, app):
            app.files["2011_atur_per_sexe.csv"] = b"Any,Demanda\n2011,1\n"
            with pytest.raises(PayloadsRefusedError, match=r"2011_atur_per_sexe\.csv is not in the datastore") as told:
                gathered(self.declared(portal(app)))
            assert 'skip: ["2011_atur_per_sexe.csv"]' in told.value.remedy
            assert len(told.value.outcome.new) == 2

        def test_a_page_that_is_cut_is_refused_and_the_others_are_landed(self, portal, gathered, app):
            app.stored["2012_atur_per_sexe.csv"] = [{"_id": 1, "Any": "2012"}]
            host = portal(app)
            host.faults = [None, None, faults.error_as_data]
            with pytest.raises(PayloadsRefusedError, match="is an error message") as told:
                gathered(self.declared(host))
            assert [batch.receipt.period for batch in told.value.outcome.new] == ["2013"]

    @pytest.mark.parametrize(
        ("collect", "says"),
        [
            ({"package": "a"}, "package goes with files or with resources"),
            ({"package": "a", "files": "*", "resources": "*"}, "package goes with files or with resources"),
            ({"resource": "a", "resources": "*"}, "package goes with files or with resources"),
            ({"resource": "a", "skip": ["b"]}, "skip names resources of a package"),
            ({"package": "a", "files": "*", "skip": ["{period:%Y}_*"]}, "has a placeholder"),
            ({"package": "a", "resources": "{station}"}, "has no {station}"),
        ],
    )
    def test_forms_that_do_not_go_together_are_refused(self, collect, says):
        with pytest.raises(ValidationError, match=re.escape(says)):
            source({"from": "ckan", "portal": "https://e.org"} | collect, "snapshot", parse={"format": "json"})


class TestStoredBodies:
    """Bodies of a portal that somebody saved as files."""

    def body(self, number, total):
        rows = [{"_id": n, "Any": "2012"} for n in range(number)]
        return json.dumps({"help": "", "success": True, "result": {"records": rows, "limit": 100, "total": total}})

    def declared(self, path, **more):
        parse = {"format": "json", "records": "result.records"}
        return source({"from": "files", "path": path} | more, "append", parse=parse)

    def test_one_page_of_several_is_refused(self, project, collected):
        (project / "a.json").write_text(self.body(100, 3552))
        with pytest.raises(CollectError, match=r"a\.json has 100 records, and says itself that there are 3,552"):
            collected(self.declared("a.json"))
        (project / "b.json").write_text(self.body(3, 3))
        assert collected(self.declared("b.json")).records == 3

    def test_an_error_that_was_saved_as_data_is_refused(self, project, collected):
        (project / "a.json").write_text(
            '{"success": false, "error": {"message": "Not found", "__type": "Not Found Error"}}'
        )
        with pytest.raises(CollectError, match="has no key 'result'"):
            collected(self.declared("a.json"))


class TestEmptyFiles:
    """An empty day among files is no failure; an empty file alone, or one that had records, is."""

    def declared(self, path="*.json", **more):
        return source({"from": "files", "path": path} | more, "append", parse={"format": "json"})

    def test_a_day_without_records_lands_among_others(self, project, collected):
        for day, text in (("01", '[{"a": 1}]'), ("02", "[]"), ("03", "[]")):
            (project / f"2020-01-{day}.json").write_text(text)
        assert [batch.receipt.records for batch in collected(self.declared()).new] == [1, 0, 0]
        assert collected(self.declared()).unchanged == 3
        # a new declaration parses them again
        again = source({"from": "files", "path": "*.json"}, "append", parse={"format": "json", "encoding": "utf-8"})
        outcome = collected(again, "run-2")
        assert (outcome.reparsed, outcome.warnings) == (3, ())

    @pytest.mark.parametrize("text", ["", "{}", "[{}]", "null"])
    def test_what_is_no_empty_array_is_refused_among_others(self, project, collected, text):
        (project / "a.json").write_text('[{"a": 1}]')
        (project / "b.json").write_text(text)
        with pytest.raises(CollectError):
            collected(self.declared())

    def test_a_file_alone_is_refused_unless_declared(self, project, collected):
        (project / "a.json").write_text("[]")
        with pytest.raises(CollectError, match="the array is empty"):
            collected(self.declared("a.json"))
        with pytest.raises(CollectError, match="the array is empty"):
            collected(self.declared())
        assert collected(self.declared("a.json", empty="accept")).records == 0

    def test_a_file_that_had_records_is_refused(self, project, collected):
        (project / "a.json").write_text('[{"a": 1}]')
        (project / "b.json").write_text('[{"a": 2}]')
        collected(self.declared())
        (project / "b.json").write_text("[]")
        with pytest.raises(CollectError, match=r"b\.json has no records; the batch before had 1"):
            collected(self.declared())


class TestSocrata:
    @pytest.mark.parametrize("form", ["json", "csv"])
    def test_all_records_come_page_by_page(self, portal, gathered, form):
        host = portal(SocrataPortal(rows=250))
        (batch,) = gathered(socrata(host, form)).new
        assert numbers(batch, "id") == list(range(250))
        assert records(batch)[0] == {"id": "0", "nom": "centre 0", "valor": None if form == "json" else ""}
        assert batch.receipt.headers["X-SODA2-Types"] == '["text","text","text"]'
        assert batch.receipt.headers["rowsUpdatedAt"] == "1700000000"

    def test_nothing_is_read_while_the_portal_says_that_no_row_changed(self, portal, gathered):
        host = portal(app := SocrataPortal())
        gathered(socrata(host))
        before = len(host.asked)
        assert gathered(socrata(host)).unchanged == 1
        assert len(host.asked) == before + 1
        app.updated += 1
        app.rows[0]["nom"] = "un altre"
        assert len(gathered(socrata(host)).new) == 1

    def test_without_metadata_it_is_read_each_time(self, portal, gathered):
        host = portal(app := SocrataPortal())
        app.views = False
        assert [len(gathered(socrata(host)).new) for _ in range(2)] == [1, 0]

    @pytest.mark.parametrize("change", ["rows", "updated"])
    def test_a_change_while_reading_starts_it_again(self, portal, gathered, change):
        host = portal(app := SocrataPortal(rows=250))
        asked = []

        def move(one):
            asked.append(1)
            if len(asked) == 2:
                if change == "rows":
                    one.rows.append({"id": "250", "nom": "nou"})
                else:
                    one.rows[0], one.updated = {"id": "0", "nom": "canviat"}, one.updated + 1

        app.before = move
        (batch,) = gathered(socrata(host)).new
        expected = 251 if change == "rows" else 250
        assert (batch.receipt.records, len(batch.receipt.columns)) == (expected, 3)
        assert records(batch)[0]["nom"] == ("centre 0" if change == "rows" else "canviat")

    @pytest.mark.parametrize("kind", ["repeats", "short"])
    def test_pages_that_do_not_add_up_are_refused(self, portal, gathered, lake, kind):
        inner = SocrataPortal(rows=250)

        def wrong(asked):
            if asked.query.get("$offset") == "100":
                if kind == "repeats":
                    asked = faults.Asked(asked.path, asked.query | {"$offset": "0"}, asked.headers)
                else:
                    return Reply(b"[]")
            return inner(asked)

        host = portal(wrong)
        with pytest.raises(
            PayloadsRefusedError, match="repeats page 1" if kind == "repeats" else "returned 100 records"
        ):
            gathered(socrata(host))
        assert landed(lake) == []

    def test_records_that_repeat_are_no_page_that_is_given_again(self, portal, gathered):
        host = portal(app := SocrataPortal())
        app.rows = [{"nom": "centre"} for _ in range(250)]
        assert gathered(socrata(host)).records == 250

    @pytest.mark.parametrize("form", ["json", "csv"])
    def test_none_can_be_declared_right(self, portal, gathered, form):
        host = portal(app := SocrataPortal(rows=5))
        gathered(socrata(host, form))
        app.rows, app.updated = [], app.updated + 1
        with pytest.raises(PayloadsRefusedError, match="no records"):
            gathered(socrata(host, form))
        (batch,) = gathered(socrata(host, form, empty="accept")).new
        assert (batch.receipt.records, records(batch)) == (0, [])

    def test_a_retired_dataset_is_told(self, portal, gathered):
        with pytest.raises(PayloadsRefusedError) as told:
            gathered(socrata(portal(SocrataPortal()), id="zzzz-9999"))
        assert told.value.cause == "Not found"


class TestPagedApi:
    @pytest.mark.parametrize("by", ["offset", "number", "cursor", "link", "next"])
    @pytest.mark.parametrize("rows", [1, 10, 25, 30])
    @pytest.mark.parametrize("total", [None, "meta.total"])
    def test_every_record_comes_once(self, portal, gathered, by, rows, total):
        host = portal(PagedApi(rows))
        (batch,) = gathered(rest(host, by, page={"total": total})).new
        assert numbers(batch, "id") == list(range(rows))
        assert records(batch)[-1] == {
            "id": str(rows - 1),
            "at": f"2024-01-{(rows - 1) % 28 + 1:02d}",
            "v": str((rows - 1) * 1.5),
        }

    @pytest.mark.parametrize("by", ["offset", "cursor", "link"])
    def test_what_breaks_off_is_asked_for_again(self, portal, gathered, by):
        host = portal(PagedApi())
        host.faults = [None, reset_midway, with_status(503), faults.cut_off]
        assert numbers(gathered(rest(host, by)).new[0], "id") == list(range(25))

    @pytest.mark.parametrize("by", ["offset", "number", "cursor", "link", "next"])
    @pytest.mark.parametrize("fault", [faults.page, faults.error_as_data, faults.nothing, faults.cut_unnoticed])
    def test_one_wrong_page_refuses_the_whole(self, portal, gathered, lake, by, fault):
        host = portal(PagedApi())
        host.faults = [None, None, fault]
        with pytest.raises(PayloadsRefusedError):
            gathered(rest(host, by))
        assert landed(lake) == []
        assert len(gathered(rest(host, by)).new) == 1

    def test_a_total_that_moves_starts_the_read_again(self, portal, gathered):
        host = portal(app := PagedApi())
        seen = []

        def grow(one):
            seen.append(1)
            if len(seen) == 2:
                one.rows.append({"id": 25, "at": "2024-02-01", "v": 0})
                one.total = 26

        app.before = grow
        assert numbers(gathered(rest(host, "offset", page={"total": "meta.total"})).new[0], "id") == list(range(26))

    def test_fewer_records_than_the_total_are_refused(self, portal, gathered, lake):
        host = portal(app := PagedApi())
        app.total = 27
        with pytest.raises(PayloadsRefusedError, match="returned 25 records and reports 27"):
            gathered(rest(host, "cursor", page={"total": "meta.total"}))
        assert landed(lake) == []

    @pytest.mark.parametrize("by", ["offset", "cursor", "link", "next"])
    def test_records_that_repeat_are_no_page_that_is_given_again(self, portal, gathered, by):
        host = portal(app := PagedApi(rows=40))
        app.rows = [{"v": 1, "at": "x"} for _ in range(40)]
        assert gathered(rest(host, by, page={"total": "meta.total"})).records == 40

    def test_records_that_repeat_by_number_are_no_page_that_is_given_again(self, portal, gathered):
        host = portal(app := PagedApi(rows=40))
        app.rows = [{"v": 1, "at": "x"} for _ in range(40)]
        paging = {"total": "meta.total", "size": 10, "size_param": "limit"}
        assert gathered(rest(host, "number", page=paging)).records == 40

    def test_a_number_that_is_not_heard_is_told_though_the_total_adds_up(self, portal, gathered, lake):
        app = PagedApi(rows=40)
        host = portal(lambda asked: app(faults.Asked(asked.path, {}, asked.headers)))
        with pytest.raises(PayloadsRefusedError, match="repeats page 1 on page 2"):
            gathered(rest(host, "number", page={"total": "meta.total", "size": 10}))
        assert landed(lake) == []

    @pytest.mark.parametrize("by", ["offset", "number", "cursor", "link", "next"])
    def test_a_page_that_is_not_there_before_the_last_is_no_period_that_is_to_come(self, portal, gathered, lake, by):
        host = portal(PagedApi())
        dataset = rest(host, by, url=f"{host.url}/{{period:%Y}}/{by}", page={"total": "meta.total"},
                       periods={"unit": "year", "from": "2025", "to": "2025"})  # fmt: skip
        host.faults = [None, with_status(404), None, with_status(404)]
        with pytest.raises(PayloadsRefusedError, match="answers with status 404"):
            gathered(dataset)
        assert landed(lake) == []

    @pytest.mark.parametrize("key", [lambda n: n, lambda n: n // 10], ids=["other records", "equal records"])
    def test_an_offset_that_is_not_heard_is_told_though_the_total_adds_up(self, portal, gathered, lake, key):
        app = PagedApi(rows=40)
        app.rows = [{"id": key(n), "at": "x"} for n in range(40)]
        host = portal(lambda asked: app(faults.Asked(asked.path, {}, asked.headers)))
        with pytest.raises(PayloadsRefusedError, match="repeats page 1 on page 2"):
            gathered(rest(host, "offset", page={"total": "meta.total"}))
        assert landed(lake) == []

    def test_one_page_that_is_given_again_is_refused_though_the_total_adds_up(self, portal, gathered, lake):
        app = PagedApi(rows=40)

        def wrong(asked):
            again = {"offset": "0"} if asked.query["offset"] == "10" else asked.query
            return app(faults.Asked(asked.path, again, asked.headers))

        with pytest.raises(PayloadsRefusedError, match="repeats page 1 on page 2"):
            gathered(rest(portal(wrong), "offset", page={"total": "meta.total"}))
        assert landed(lake) == []

    def test_a_page_that_is_not_full_before_the_last_is_refused(self, portal, gathered, lake):
        inner = PagedApi()
        host = portal(
            lambda asked: (
                Reply(b'{"data": {"items": [{"id": 99}]}}') if asked.query.get("page") == "2" else inner(asked)
            )
        )
        with pytest.raises(PayloadsRefusedError, match="continues after a page that is not full"):
            gathered(rest(host, "number"))
        assert landed(lake) == []

    def test_paging_in_a_circle_is_refused(self, portal, gathered):
        bodies = iter(range(100))
        host = portal(
            lambda asked: Reply(b'{"data": {"items": [{"id": %d}]}, "meta": {"next": "same"}}' % next(bodies))
        )
        with pytest.raises(PayloadsRefusedError, match="leads back to a page that was read"):
            gathered(rest(host, "cursor"))

    def test_records_elsewhere_than_declared_are_told(self, portal, gathered):
        host = portal(lambda asked: Reply(b'{"rows": []}'))
        with pytest.raises(PayloadsRefusedError, match=r"has no array of records at data\.items") as told:
            gathered(rest(host, "offset"))
        assert told.value.cause == "it has the keys rows"

    def test_only_what_changed_is_asked_for(self, portal, gathered):
        host = portal(app := PagedApi(rows=5))
        since = {"param": "since", "field": "at", "start": "2024-01-01"}
        dataset = rest(host, "cursor", "upsert", since=since)
        first = gathered(dataset)
        app.rows.append({"id": 5, "at": "2024-03-01", "v": 0})
        second = gathered(dataset)
        assert (first.new[0].receipt.cursor, second.new[0].receipt.cursor) == ("2024-01-05", "2024-03-01")
        assert numbers(second.new[0], "id") == [4, 5]
        assert [one.query["since"] for one in host.asked] == ["2024-01-01", "2024-01-05"]

    def test_nothing_new_is_no_batch(self, portal, gathered):
        host = portal(PagedApi(rows=5))
        dataset = rest(host, "cursor", "upsert", since={"param": "since", "field": "at", "start": "2025-01-01"})
        outcome = gathered(dataset)
        assert (outcome.new, outcome.unchanged) == ((), 1)


class TestRecordsThatMoveBetweenPages:
    """An update takes a record to the end: those behind it move up, and the first of the next page is passed over."""

    @pytest.fixture
    def app(self):
        app = PagedApi(rows=30)
        app.rows = [{"id": n, "at": f"2024-01-{n + 1:02d}", "v": n} for n in range(30)]
        app.asked = 0
        return app

    @staticmethod
    def updates(*requests):
        """Update the oldest record before some requests, all of them without an argument."""

        def before(app):
            app.asked += 1
            if not requests or app.asked in requests:
                first, *others = app.rows
                app.rows = [*others, {**first, "at": f"2024-02-{app.asked:02d}", "v": 1000 + app.asked}]

        return before

    SINCE = {"param": "since", "field": "at", "start": "2024-01-01"}  # noqa: RUF012

    @pytest.mark.parametrize("total", [None, "meta.total"])
    @pytest.mark.parametrize("by", ["offset", "number", "link"])
    def test_what_was_updated_since_is_read_until_two_reads_agree(self, portal, gathered, app, by, total):
        app.before = self.updates(2)
        host = portal(app)
        (batch,) = gathered(rest(host, by, "upsert", since=self.SINCE, page={"total": total})).new
        assert sorted(numbers(batch, "id")) == list(range(30))
        assert batch.receipt.cursor == "2024-02-02"
        read = 4 if by != "link" and total is None else 3
        assert len(host.asked) == 3 * read

    def test_while_no_two_reads_agree_the_cursor_stays_so_that_nothing_is_lost(self, portal, gathered, lake, app):
        app.before = self.updates()
        dataset = rest(portal(app), "offset", "upsert", since=self.SINCE, page={"total": "meta.total"})
        (batch,) = gathered(dataset).new
        assert (batch.receipt.cursor, set(numbers(batch, "id")) < set(range(30))) == (None, True)
        app.before = None
        (batch,) = gathered(dataset).new
        assert sorted(numbers(batch, "id")) == list(range(30))
        assert batch.receipt.cursor == max(row["at"] for row in app.rows)

    @pytest.mark.parametrize("by", ["offset", "number"])
    def test_without_a_total_all_records_are_read_until_two_reads_agree(self, portal, gathered, app, by):
        host = portal(app)
        app.before = self.updates(2)
        (batch,) = gathered(rest(host, by)).new
        assert sorted(numbers(batch, "id")) == list(range(30))
        assert len(host.asked) == 12

    def test_without_a_total_a_source_that_never_holds_still_is_refused(self, portal, gathered, lake, app):
        app.before = self.updates()
        with pytest.raises(PayloadsRefusedError, match="gives other records each time") as told:
            gathered(rest(portal(app), "offset"))
        assert "declare page.total" in told.value.remedy
        assert landed(lake) == []

    @staticmethod
    def stamps(app):
        """Stamp every record with the number of the request."""
        app.asked += 1
        app.rows = [{**row, "served": app.asked} for row in app.rows]

    @pytest.mark.parametrize("by", ["offset", "number"])
    def test_what_each_answer_stamps_on_its_records_is_no_change(self, portal, gathered, lake, app, by):
        host = portal(app)
        app.before = self.stamps
        with pytest.raises(PayloadsRefusedError, match="gives other records each time") as told:
            gathered(rest(host, by))
        assert "volatile: [KEY]" in told.value.remedy
        dataset = rest(host, by, volatile=["served"])
        (batch,) = gathered(dataset).new
        assert sorted(numbers(batch, "id")) == list(range(30))
        assert all(row["served"] for row in records(batch))
        assert gathered(dataset).unchanged == 1
        app.rows[-1] = {**app.rows[-1], "v": 7}
        assert len(gathered(dataset).new) == 1

    @pytest.mark.parametrize(("rows", "total", "requests"), [(30, "meta.total", 3), (30, None, 8), (9, None, 2)])
    def test_what_a_read_costs_in_requests(self, portal, gathered, app, rows, total, requests):
        host = portal(app)
        app.rows = app.rows[:rows]
        gathered(rest(host, "offset", page={"total": total}))
        assert len(host.asked) == requests


class TestOneAnswer:
    def test_points_and_years_are_batches_and_volatile_keys_make_no_difference(self, portal, gathered):
        host = portal(app := OpenMeteo())
        collect = {
            "from": "rest",
            "url": f"{host.url}/v1/archive",
            "params": {"latitude": "{latitude}", "start_date": "{year}-01-01", "hourly": "temperature_2m"},
            "over": {"latitude": ["40.6", "41.4"], "year": {"from": 2013, "to": 2014}},
            "volatile": ["generationtime_ms"],
        }
        outcome = gathered(source(collect, "snapshot"))
        assert [b.receipt.part for b in outcome.new] == [
            f"latitude={latitude},year={year}" for latitude in ("40.6", "41.4") for year in (2013, 2014)
        ]
        assert gathered(source(collect, "snapshot")).unchanged == 4
        assert app.calls == 8

    def test_a_refusal_is_told_in_its_words(self, portal, gathered):
        host = portal(OpenMeteo())
        with pytest.raises(PayloadsRefusedError) as told:
            gathered(source({"from": "rest", "url": f"{host.url}/v1/archive"}, "snapshot"))
        assert told.value.cause == "Parameter 'latitude' is missing"
