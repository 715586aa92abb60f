"""Values of parameters from files and from the command line."""

from __future__ import annotations

import datetime as dt
import os
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from rumbo.errors import ConfigurationError, MissingParameterError, ParameterError
from rumbo.pipeline import config
from rumbo.pipeline.config import Configuration, command_line_values, discover
from rumbo.pipeline.config_files import (
    InterpolationMissingEnvvarError,
    LuigiConfigParser,
    LuigiTomlParser,
)
from rumbo.pipeline.parameter import Parameter, UnconsumedParameterWarning, _no_value
from rumbo.pipeline.parameters.collections import DictParameter, ListParameter
from rumbo.pipeline.parameters.dates import DateParameter
from rumbo.pipeline.parameters.scalars import IntParameter
from rumbo.pipeline.task import Task

if TYPE_CHECKING:
    from pathlib import Path


class Clean(Task):
    limit = IntParameter(default=1)
    day = DateParameter(default=dt.date(2000, 1, 1))
    note = Parameter(default="none")


class Spaced(Task):
    task_namespace = "flights"
    limit = IntParameter(default=1)


class Files:
    """A folder of configuration files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def use(self) -> Configuration:
        found = discover(str(self.folder))
        config.use(found)
        return found


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.delenv("LUIGI_CONFIG_PATH", raising=False)
    return Files(tmp_path)


class TestFiles:
    def test_without_files_defaults_hold(self, files: Files) -> None:
        assert files.use().sources == []
        assert Clean().limit == 1

    def test_an_ini_file(self, files: Files) -> None:
        files.write("luigi.cfg", "[Clean]\nlimit = 5\nday = 2013-07-10\n[flights.Spaced]\nlimit = 6\n")
        files.use()
        assert (Clean().limit, Clean().day, Spaced().limit) == (5, dt.date(2013, 7, 10), 6)

    def test_the_constructor_is_stronger(self, files: Files) -> None:
        files.write("luigi.cfg", "[Clean]\nlimit = 5\n")
        files.use()
        assert Clean(limit=7).limit == 7
        assert Clean(7).limit == 7

    def test_a_toml_file_of_luigis(self, files: Files) -> None:
        files.write("luigi.toml", '[Clean]\nlimit = 5\nday = 2013-07-10\nnote = "n"\n')
        files.use()
        assert (Clean().limit, Clean().day, Clean().note) == (5, dt.date(2013, 7, 10), "n")

    def test_rumbos_own_file(self, files: Files) -> None:
        files.write("rumbo.toml", "[tasks.Clean]\nlimit = 5\n[tasks.flights.Spaced]\nlimit = 6\n")
        files.use()
        assert (Clean().limit, Spaced().limit) == (5, 6)

    def test_a_family_with_a_namespace_may_be_quoted(self, files: Files) -> None:
        files.write("rumbo.toml", '[tasks."flights.Spaced"]\nlimit = 6\n')
        files.use()
        assert Spaced().limit == 6

    def test_pyproject(self, files: Files) -> None:
        files.write("pyproject.toml", "[tool.rumbo.tasks.Clean]\nlimit = 5\n")
        files.use()
        assert Clean().limit == 5

    def test_a_pyproject_that_does_not_mention_us_is_not_even_parsed(self, files: Files) -> None:
        files.write("pyproject.toml", "this is not TOML at all")
        assert files.use().sources == []

    def test_later_files_are_stronger_key_by_key(self, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        files.write("luigi.cfg", "[Clean]\nlimit = 1\nnote = cfg\nday = 2001-01-01\n")
        files.write("luigi.toml", '[Clean]\nlimit = 2\nnote = "toml"\n')
        files.write("extra.toml", "[Clean]\nlimit = 3\n")
        monkeypatch.setenv("LUIGI_CONFIG_PATH", str(files.folder / "extra.toml"))
        found = files.use()
        assert (Clean().limit, Clean().note, Clean().day) == (3, "toml", dt.date(2001, 1, 1))
        files.write("rumbo.toml", "[tasks.Clean]\nlimit = 4\n")
        files.use()
        assert Clean().limit == 4
        assert dict(found.items("Clean")) == {"limit": 3, "note": "toml", "day": "2001-01-01"}

    def test_an_extra_ini_file_is_stronger_than_the_usual_one(
        self, files: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files.write("luigi.cfg", "[Clean]\nlimit = 1\nnote = usual\n")
        files.write("extra.cfg", "[Clean]\nlimit = 2\n")
        monkeypatch.setenv("LUIGI_CONFIG_PATH", str(files.folder / "extra.cfg"))
        files.use()
        assert (Clean().limit, Clean().note) == (2, "usual")

    def test_values_that_toml_has_itself(self, files: Files) -> None:
        class Nested(Task):
            items = ListParameter()
            mapping = DictParameter()

        files.write("rumbo.toml", "[tasks.Nested]\nitems = [1, 2]\n[tasks.Nested.mapping]\na = [1]\n")
        files.use()
        assert (Nested().items, Nested().mapping) == ((1, 2), {"a": (1,)})

    def test_environment_variables_and_other_options(self, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WHO", "me")
        files.write("luigi.cfg", "[Clean]\nbase = ab\nnote = %(base)s-${WHO}-100%%\n")
        files.use()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert Clean().note == "ab-me-100%"

    def test_dashes_are_understood_with_a_warning(self, files: Files) -> None:
        class Dashed(Task):
            my_limit = IntParameter()

        files.write("luigi.cfg", "[Dashed]\nmy-limit = 5\n")
        files.use()
        with pytest.warns(DeprecationWarning, match="with dashes") as caught:
            assert Dashed().my_limit == 5
        assert str(caught[0].message) == (
            "Configuration [Dashed] my-limit (with dashes) should be avoided. Please use underscores: my_limit."
        )

    def test_a_deprecated_place_of_a_default(self, files: Files) -> None:
        class Elsewhere(Task):
            x = IntParameter(default=1, config_path={"section": "old", "name": "y"})

        files.write("luigi.cfg", "[old]\ny = 5\n")
        files.use()
        with pytest.warns(DeprecationWarning, match=r"\[old\] y is deprecated"):
            assert Elsewhere().x == 5

    def test_a_parameter_that_looks_for_itself(self, files: Files) -> None:
        class Fixed(Parameter[int]):
            def _get_value_from_config(self, section: str, name: str) -> Any:
                return 42 if name == "x" else _no_value

        class Own(Task):
            x = Fixed()
            y = Fixed()

        files.use()
        assert Own(y=1).x == 42
        with pytest.raises(MissingParameterError, match=r"^Own\.y has no value"):
            Own()

    def test_a_parameter_that_looks_for_itself_and_fails(self) -> None:
        class Failing(Parameter[int]):
            def has_task_value(self, task_name: str, param_name: str) -> bool:
                raise OSError("no network")

        class Lost(Task):
            x = Failing()

        with pytest.raises(ValueError) as caught:
            Lost()
        assert str(caught.value) == (
            "Lost.x: its value from outside the program cannot be found out: no network. "
            "Failing looks for it in a way of its own."
        )

    def test_a_value_in_a_deprecated_place_that_does_not_parse(self, files: Files) -> None:
        class Elsewhere(Task):
            x = IntParameter(default=1, config_path={"section": "old", "name": "y"})

        files.write("luigi.cfg", "[old]\ny = many\n")
        files.use()
        with pytest.raises(ParameterError) as caught:
            Elsewhere()
        assert str(caught.value) == (
            "Elsewhere.x: 'many' is not a whole number, for example 42 or -7. It comes from the configuration."
        )

    def test_files_are_read_when_first_needed(self, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        files.write("rumbo.toml", "[tasks.Clean]\nlimit = 5\n")
        monkeypatch.chdir(files.folder)
        config.use(None)
        assert Clean().limit == 5
        assert config.get_config() is config.get_config()

    def test_a_program_may_set_a_value(self, files: Files) -> None:
        files.write("rumbo.toml", "[tasks.Clean]\nlimit = 5\n")
        found = files.use()
        found.set("Clean", "limit", 9)
        assert Clean().limit == 9
        files.write("more.cfg", "[Clean]\nlimit = 6\nnote = more\n")
        found.read(files.folder / "more.cfg")
        assert (Clean().limit, Clean().note) == (9, "more")

    def test_a_key_that_is_no_parameter_is_warned_of_once(self, files: Files) -> None:
        class Careful(Task):
            x = IntParameter(default=1)
            ignore_unconsumed = {"known"}

        files.write("luigi.cfg", "[Careful]\nlimti = 5\nknown = 1\nx = 2\n")
        files.use()
        with pytest.warns(UnconsumedParameterWarning) as caught:
            Careful()
        assert [str(warning.message) for warning in caught] == [
            "The configuration contains the parameter 'limti' with value '5' "
            "that is not consumed by the task 'Careful'."
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Careful(x=3)


class TestErrors:
    def test_a_value_in_an_ini_file_that_does_not_parse(self, files: Files) -> None:
        files.write("luigi.cfg", "[Clean]\nlimit = many\n")
        files.use()
        with pytest.raises(ParameterError) as caught:
            Clean()
        assert str(caught.value) == (
            "Clean.limit: 'many' is not a whole number, for example 42 or -7. "
            f"It comes from [Clean] limit in {files.folder / 'luigi.cfg'}."
        )

    def test_a_value_in_a_toml_file_that_does_not_fit(self, files: Files) -> None:
        files.write("rumbo.toml", "[tasks.Clean]\nday = 7\n")
        files.use()
        with pytest.raises(ParameterError) as caught:
            Clean()
        assert str(caught.value) == (
            "Clean.day: 7 is not a datetime.date, for example datetime.date(2013, 7, 10). "
            f"It comes from [Clean] day in {files.folder / 'rumbo.toml'}."
        )

    def test_a_variable_that_is_not_set(self, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NOT_SET", raising=False)
        files.write("luigi.cfg", "[Clean]\nnote = ${NOT_SET}\n")
        files.use()
        with pytest.raises(ValueError) as caught:
            Clean()
        assert str(caught.value) == (
            "Clean.note: the configuration's value cannot be read. [Clean] note = ${NOT_SET}: the environment "
            "variable NOT_SET is not set. Set it, or write the value itself."
        )
        assert isinstance(caught.value.__cause__, InterpolationMissingEnvvarError)

    def test_a_file_that_is_not_toml(self, files: Files) -> None:
        files.write("rumbo.toml", "[tasks\n")
        with pytest.raises(ConfigurationError) as caught:
            files.use()
        assert str(caught.value) == (
            f"{files.folder / 'rumbo.toml'} is not valid TOML: Expected ']' at the end of a table declaration "
            "(at line 1, column 7)."
        )

    def test_a_file_that_is_not_ini(self, files: Files) -> None:
        files.write("luigi.cfg", "limit = 5\n")
        with pytest.raises(ConfigurationError) as caught:
            files.use()
        assert str(caught.value) == (
            "A configuration file cannot be understood: File contains no section headers.\n"
            f"file: '{files.folder / 'luigi.cfg'}', line: 1\n'limit = 5\\n'"
        )

    def test_a_file_that_cannot_be_read(self, files: Files) -> None:
        with pytest.raises(ConfigurationError) as caught:
            Configuration().read(files.folder / "nowhere.toml")
        assert str(caught.value) == f"{files.folder / 'nowhere.toml'} cannot be read: No such file or directory."

    def test_a_missing_option(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            Configuration().get("Clean", "limit")
        assert str(caught.value) == (
            "The configuration has no [Clean] limit. Set it in rumbo.toml ([tasks.Clean]) or luigi.cfg ([Clean]), "
            "or give a default."
        )

    def test_an_option_of_the_wrong_type(self, files: Files) -> None:
        files.write("luigi.cfg", "[s]\nx = perhaps\n")
        found = files.use()
        with pytest.raises(ConfigurationError) as caught:
            found.getboolean("s", "x")
        assert str(caught.value) == f"[s] x in {files.folder / 'luigi.cfg'}: 'perhaps' is not true or false."


class TestAskingAConfiguration:
    def test_by_type(self, files: Files) -> None:
        files.write("luigi.cfg", "[s]\ni = 5\nf = 0.5\nyes = on\nno = 0\n")
        files.write("rumbo.toml", "[tasks.t]\nflag = true\n")
        found = files.use()
        assert found.getint("s", "i") == 5
        assert found.getfloat("s", "f") == 0.5
        assert found.getboolean("s", "yes") is True
        assert found.getboolean("s", "no") is False
        assert found.getboolean("t", "flag") is True
        assert found.getint("s", "nothing", None) is None
        assert found.has_option("s", "i")
        assert not found.has_option("s", "j")
        assert found.sections() == ["t", "s"]

    def test_a_section_of_numbers(self, files: Files) -> None:
        files.write("luigi.cfg", "[resources]\ncpu = 5\nram = 7\n")
        assert files.use().getintdict("resources") == {"cpu": 5, "ram": 7}


class TestCommandLine:
    def test_values_hold_for_every_task_of_the_family(self) -> None:
        with command_line_values({("Clean", "limit"): "5", ("flights.Spaced", "limit"): "6"}):
            assert (Clean().limit, Spaced().limit) == (5, 6)
            assert Clean(limit=7).limit == 7
        assert Clean().limit == 1

    def test_they_are_stronger_than_files(self, files: Files) -> None:
        files.write("luigi.cfg", "[Clean]\nlimit = 5\nnote = file\n")
        files.use()
        with command_line_values({("Clean", "limit"): "6"}):
            assert (Clean().limit, Clean().note) == (6, "file")

    def test_an_empty_text_is_not_given(self) -> None:
        with command_line_values({("Clean", "limit"): "", ("Clean", "note"): None}):
            assert (Clean().limit, Clean().note) == (1, "none")

    def test_every_thread_sees_them(self) -> None:
        seen = []
        with command_line_values({("Clean", "limit"): "5"}):
            thread = threading.Thread(target=lambda: seen.append(Clean().limit))
            thread.start()
            thread.join()
        assert seen == [5]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_forked_children_see_them(self) -> None:
        with command_line_values({("Clean", "limit"): "5"}):
            child = os.fork()
            if child == 0:
                os._exit(Clean().limit)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5

    def test_an_inner_command_line_replaces_the_outer_one(self) -> None:
        with command_line_values({("Clean", "limit"): "5"}):
            with command_line_values({}):
                assert Clean().limit == 1
            assert Clean().limit == 5

    def test_a_text_that_does_not_parse(self) -> None:
        with command_line_values({("Clean", "limit"): "many"}), pytest.raises(ParameterError) as caught:
            Clean()
        assert str(caught.value) == (
            "Clean.limit: 'many' is not a whole number, for example 42 or -7. "
            "It was given as --Clean-limit on the command line."
        )

    def test_one_value_can_be_asked_for(self) -> None:
        assert config.command_line_value("Clean", "limit") is None
        with command_line_values({("Clean", "limit"): "5"}):
            assert config.command_line_value("Clean", "limit") == "5"
            assert config.command_line_value("Clean", "note") is None


class TestLuigisParsers:
    def test_the_ini_parser_asks_by_type_with_defaults(self) -> None:
        parser = LuigiConfigParser()
        parser.set("s", "i", "5")
        parser.set("s", "dashed-name", "1")
        assert parser.getint("s", "i") == 5
        assert parser.getint("s", "nothing", 3) == 3
        assert parser.getboolean("nowhere", "x", False) is False
        assert parser.get("s", "Nothing", None) is None
        with pytest.warns(DeprecationWarning, match="Please use underscores"):
            assert parser.has_option("s", "dashed_name")
        assert not parser.has_option("s", "I")

    def test_a_default_of_another_type_is_refused(self) -> None:
        from configparser import NoSectionError

        with pytest.raises(NoSectionError):
            LuigiConfigParser().getint("s", "i", "three")

    def test_a_section_of_numbers_leaves_out_the_defaults(self) -> None:
        parser = LuigiConfigParser()
        parser.read_string("[DEFAULT]\nword = w\n[numbers]\na = 1\n")
        assert parser.getintdict("numbers") == {"a": 1}
        assert parser.getintdict("nothing") == {}

    def test_one_shared_parser_a_class(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "x.cfg"
        path.write_text("[s]\ni = 5\n", encoding="utf-8")
        monkeypatch.setattr(LuigiConfigParser, "_instance", None)
        monkeypatch.setattr(LuigiConfigParser, "_config_paths", [])
        shared = LuigiConfigParser.instance()
        assert LuigiConfigParser.instance() is shared
        LuigiConfigParser.add_config_path(str(path))
        assert shared.getint("s", "i") == 5
        path.write_text("[s]\ni = 6\n", encoding="utf-8")
        LuigiConfigParser.reload()
        assert shared.getint("s", "i") == 6

    def test_client_cfg_is_deprecated(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "client.cfg"
        path.write_text("[s]\ni = 5\n", encoding="utf-8")
        monkeypatch.setattr(LuigiConfigParser, "_instance", None)
        monkeypatch.setattr(LuigiConfigParser, "_config_paths", [str(path)])
        with pytest.warns(DeprecationWarning, match=r"rename them to luigi\.cfg"):
            LuigiConfigParser.instance()

    def test_the_toml_parser_keeps_types_and_freezes_tables(self, tmp_path: Path) -> None:
        first, second = tmp_path / "a.toml", tmp_path / "b.toml"
        first.write_text("[s]\ni = 5\nj = 1\n[s.table]\na = [1]\n", encoding="utf-8")
        second.write_text("[s]\nj = 2\n[t]\nk = true\n", encoding="utf-8")
        parser = LuigiTomlParser()
        parser.read([str(first), str(second), str(tmp_path / "missing.toml")])
        assert (parser.get("s", "i"), parser.getint("s", "j"), parser.getboolean("t", "k")) == (5, 2, True)
        assert hash(parser.get("s", "table"))
        assert parser.get("s", "x", 7) == parser.getfloat("s", "x", 7) == 7
        with pytest.raises(KeyError):
            parser.get("s", "x")
        parser.set("new", "x", 1)
        assert parser.has_option("new", "x")
        assert parser.getintdict("new") == {"x": 1}
        assert parser["new"] == {"x": 1}
        assert parser.sections() == ["s", "t", "new"]

    def test_tasks_follow_a_parser_that_is_replaced(self, files: Files) -> None:
        parsers: list[Any] = [LuigiConfigParser(), LuigiTomlParser()]
        parsers[0].set("Clean", "limit", "5")
        parsers[1].data = {"Clean": {"limit": 6}}
        in_force = [parsers[0]]
        config.follow_parser(lambda: in_force[0], str(files.folder))
        assert Clean().limit == 5
        in_force[0] = parsers[1]
        assert Clean().limit == 6
        in_force[0] = LuigiConfigParser()
        assert Clean().limit == 1
