"""Targets, formats, ranges, configuration, logging and the small modules: each function shows some as plain values."""

from __future__ import annotations

import datetime
import gzip
import io
import logging
import os
import pathlib
import sys
import tarfile

from telling import raised, shown

import luigi
import luigi.configuration
import luigi.contrib.opener
import luigi.contrib.simulate
import luigi.format
import luigi.freezing
import luigi.local_target
import luigi.lock
import luigi.mock
import luigi.process
import luigi.safe_extractor
import luigi.setup_logging
import luigi.target
import luigi.tools.range
from luigi.configuration import get_config

NOW = 1420502400  # 2015-01-06


def written(path, text="x"):
    """A file with a text in it, and the folders that it needs."""
    target = luigi.LocalTarget(path)
    with target.open("w") as out:
        out.write(text)
    return target


def tree(path="."):
    """All files below a folder."""
    return sorted(os.path.relpath(os.path.join(at, name), path) for at, _, names in os.walk(path) for name in names)


def local_targets():
    target = luigi.LocalTarget("a/b.txt")
    found = [str(target), target.path, repr(target.fn), target.exists(), raised(target.remove), raised(target.open)]
    with target.open("w") as out:
        found.append([type(out.name).__name__, os.path.dirname(out.name) == "a"])
        out.writelines(["one\n", "two\n"])
    found += [
        tree(),
        target.open("r").readlines(),
        list(target.open("rb")),
        raised(target.open, "x"),
        raised(target.open, "wr"),
    ]
    with target.open("wb") as out:
        out.write("as text\n")
    found.append(target.open("r").read())
    target.makedirs()
    for wanted in ("moved/c.txt", "moved/d.txt"):
        luigi.LocalTarget(target.path).copy(wanted)
    found += [
        tree(),
        raised(target.move, "moved/c.txt"),
        tree(),
        raised(target.move, "moved/c.txt", raise_if_exists=True),
    ]
    written("again.txt")
    found.append(raised(luigi.LocalTarget("again.txt").move, "moved/c.txt", raise_if_exists=True))
    return [
        *found,
        luigi.LocalTarget("dir*").path,
        luigi.LocalTarget("x", format=luigi.format.Nop).format == luigi.format.Nop,
    ]


def temporary_files():
    target = luigi.LocalTarget(is_tmp=True)
    found = [target.exists(), target.path.startswith(os.environ.get("TMPDIR", "/tmp"))]
    with target.open("w") as out:
        out.write("x")
    path = target.path
    del target
    found.append(os.path.exists(path))
    whole = luigi.LocalTarget("whole.txt")
    with whole.temporary_path() as path:
        found.append([os.path.basename(path).startswith("whole.txt-luigi-tmp-"), os.path.exists(path)])
        pathlib.Path(path).write_text("x")
    found.append(tree())
    try:
        with luigi.LocalTarget("left.txt").temporary_path() as path:
            pathlib.Path(path).write_text("x")
            raise KeyError
    except KeyError:
        found.append([name.split("-luigi-tmp-")[0] for name in tree()])

    def twice():
        with whole.temporary_path() as path:
            pathlib.Path(path).write_text("y")

    found += [raised(twice), whole.open().read()]
    folder = luigi.LocalTarget("folder/")
    with folder.temporary_path() as path:
        found.append([path.endswith("/"), path.startswith("folder-luigi-tmp-")])
        os.mkdir(path)
    return [*found, os.path.isdir("folder"), folder._trailing_slash(), whole._trailing_slash()]


def the_local_file_system():
    fs = luigi.local_target.LocalFileSystem()
    for path in ("d/one", "d/e/two", "d/e/f/three"):
        written(path)
    found = [
        fs.exists("d"),
        fs.isdir("d"),
        fs.isdir("d/one"),
        sorted(fs.listdir("d")),
        raised(lambda: list(fs.listdir("none"))),
    ]
    found += [
        raised(fs.mkdir, "d"),
        raised(fs.mkdir, "d", raise_if_exists=True),
        raised(fs.mkdir, "d/one"),
        raised(fs.mkdir, "x/y", parents=False),
    ]
    fs.mkdir("x/y/z")
    found += [os.path.isdir("x/y/z"), raised(fs.remove, "d", recursive=False), raised(fs.remove, "none")]
    fs.copy("d/one", "copied/one")
    fs.move("d/e", "moved/e")
    found += [
        tree(),
        raised(fs.copy, "d/one", "copied/one", raise_if_exists=True),
        raised(fs.move, "d/one", "copied/one", raise_if_exists=True),
    ]
    fs.rename("d/one", "d/renamed")
    fs.rename_dont_move("d/renamed", "d/once")
    found += [tree(), raised(fs.rename_dont_move, "d/once", "copied/one"), raised(fs.move, "none", "x")]
    fs.remove("d")
    fs.remove("copied/one", recursive=False)
    return [
        *found,
        tree(),
        [name for name in ("exists", "remove", "mkdir", "isdir", "listdir", "move", "copy") if hasattr(fs, name)],
    ]


def targets_of_ones_own():
    class System(luigi.target.FileSystem):
        def exists(self, path):
            return path == "there"

        def remove(self, path, recursive=True, skip_trash=True):
            removed.append([path, recursive])

    removed = []

    class Own(luigi.target.FileSystemTarget):
        fs = System()

        def open(self, mode="r"):
            return io.StringIO("own")

    own = Own(pathlib.Path("there"))
    own.remove()
    fs = own.fs
    return [
        *[own.exists(), Own("elsewhere").exists(), own.path, removed, str(own), isinstance(own, luigi.Target)],
        raised(fs.mkdir, "x"),
        raised(fs.isdir, "x"),
        raised(fs.listdir, "x"),
        raised(fs.move, "a", "b"),
        raised(fs.copy, "a", "b"),
        raised(luigi.target.FileSystemTarget, "x"),
        raised(luigi.Target),
        issubclass(luigi.target.NotADirectory, luigi.target.FileSystemException),
        *[issubclass(luigi.target.MissingParentDirectory, luigi.target.FileSystemException)],
    ]


def wildcards_are_warned_of():
    class Lines(logging.Handler):
        def emit(self, record):
            heard.append([record.levelname, "wildcards" in record.getMessage()])

    heard = []
    logger = logging.getLogger("luigi-interface")
    logger.addHandler(Lines())
    found = [luigi.LocalTarget("a*").exists(), luigi.LocalTarget("b[").exists()]
    logger.handlers.pop()
    return [found, heard]


def chains_of_formats():
    f = luigi.format
    found = {}
    pairs = {
        "text, gzip": lambda: f.Text >> f.Gzip,
        "gzip, text": lambda: f.Gzip >> f.Text,
        "utf8, bzip2": lambda: f.UTF8 >> f.Bzip2,
    }
    pairs |= {"two texts": lambda: f.Text >> f.UTF8, "newlines": lambda: f.Text >> f.SysNewLine >> f.Gzip}
    pairs |= {
        "unchecked": lambda: f.ChainFormat(f.Gzip, f.Text, check_consistency=False),
        "three": lambda: f.Text >> f.Nop >> f.Gzip,
    }
    for name, make in pairs.items():
        found[name] = raised(lambda make=make: [made := make(), made.input, made.output][1:])
    return [found, f.get_default_format() == f.Text, f.Text.input, f.Text.output, f.Gzip.input]


def unzipped(path):
    """The text in a compressed file."""
    return gzip.decompress(pathlib.Path(path).read_bytes()).decode()


def compressed_files():
    target = luigi.LocalTarget("z.gz", format=luigi.format.Text >> luigi.format.Gzip)
    with target.open("w") as out:
        out.write("one\ntwö\n")
    found = [unzipped("z.gz"), list(target.open()), target.open().readline()]
    reader = target.open()
    found.append(reader.read(2))
    reader.close()
    with luigi.LocalTarget("fast.gz", format=luigi.format.GzipFormat(compression_level=1)).open("w") as out:
        out.write(b"bytes")
    found.append(unzipped("fast.gz"))
    try:
        with luigi.LocalTarget("no.gz", format=luigi.format.Gzip).open("w") as out:
            out.write(b"x")
            raise KeyError
    except KeyError:
        found.append(os.path.exists("no.gz"))
    pathlib.Path("bad.gz").write_bytes(b"this is not gzip")

    def read_bad():
        with luigi.LocalTarget("bad.gz", format=luigi.format.Gzip).open() as source:
            return source.read()

    return [
        *found,
        raised(read_bad).split()[0],
        luigi.LocalTarget("fast.gz", format=luigi.format.Gzip).open().read().decode(),
    ]


def texts_and_bytes():
    found = []
    latin = luigi.format.TextFormat(encoding="latin-1")
    with luigi.LocalTarget("latin", format=latin).open("w") as out:
        out.write("ö\n")
    found += [pathlib.Path("latin").read_bytes().hex(), luigi.LocalTarget("latin", format=latin).open().read()]
    pathlib.Path("mixed").write_bytes(b"plain \xc3\xb6")
    found.append(shown(luigi.LocalTarget("mixed", format=luigi.format.MixedUnicodeBytes).open().read()))
    with luigi.LocalTarget("mixed", format=luigi.format.MixedUnicodeBytes).open("w") as out:
        out.write("text ö")
    found += [
        pathlib.Path("mixed").read_bytes().hex(),
        type(luigi.LocalTarget("mixed", format=luigi.format.Nop).open().read()).__name__,
    ]
    with luigi.LocalTarget("strict", format=luigi.format.TextFormat(encoding="ascii", errors="replace")).open(
        "w"
    ) as out:
        out.write("ö")
    return [*found, pathlib.Path("strict").read_bytes().hex()]


def pipes_of_programs():
    found = []
    pathlib.Path("in").write_text("b\na\n")
    with luigi.format.InputPipeProcessWrapper(["sort"], open("in", "rb")) as source:
        found.append(source.read().decode())
    with open("out", "wb") as file:
        out = luigi.format.OutputPipeProcessWrapper(["tr", "a-z", "A-Z"], file)
        out.write(b"words")
        out.close()
    found.append(pathlib.Path("out").read_text())

    def fails():
        reader = luigi.format.InputPipeProcessWrapper(["sh", "-c", "exit 3"])
        reader.read()
        reader.close()

    found.append(raised(fails).split()[1])
    first = luigi.format.InputPipeProcessWrapper(["yes"])
    found.append(first.readline().decode())
    first.close()
    return found


def memory_targets():
    luigi.mock.MockFileSystem().clear()
    target = luigi.mock.MockTarget("folder/one", mirror_on_stderr=True)
    before, sys.stderr = sys.stderr, io.StringIO()
    with target.open("w") as out:
        out.write("mirrored\n")
    heard, sys.stderr = sys.stderr.getvalue(), before
    fs = luigi.mock.MockFileSystem()
    found = [heard, fs.exists("folder/one"), fs.exists("folder"), fs.isdir("folder"), sorted(fs.listdir("folder"))]
    target.copy("folder/two") if hasattr(target, "copy") else fs.copy("folder/one", "folder/two")
    fs.mkdir("made")
    found += [
        sorted(fs.get_all_data()),
        raised(fs.copy, "folder/one", "folder/two", raise_if_exists=True),
        raised(fs.move, "none", "x"),
    ]
    found += [raised(fs.remove, "folder", recursive=False), fs.remove("folder"), sorted(fs.get_all_data())]
    binary = luigi.mock.MockTarget("binary", format=luigi.format.Nop)
    with binary.open("w") as out:
        out.write(b"\x00")
    try:
        with luigi.mock.MockTarget("never").open("w") as out:
            out.write("x")
            raise KeyError
    except KeyError:
        found.append(luigi.mock.MockTarget("never").exists())
    return [*found, binary.open("r").read().hex(), raised(luigi.mock.MockTarget("none").open)]


def targets_that_only_say_so():
    class Anyway(luigi.Task):
        def output(self):
            return luigi.contrib.simulate.RunAnywayTarget(self)

        def run(self):
            self.output().done()

    opened = luigi.contrib.opener.OpenerTarget
    written("opened.txt", "hello")
    found = [Anyway().complete(), Anyway().run(), Anyway().complete()]
    return [
        *found,
        isinstance(opened("mock://x"), luigi.mock.MockTarget),
        opened("opened.txt").open("r").read(),
        raised(opened, "strange://x").split()[0],
    ]


def ranges_of_every_kind():
    def task(kind, parameter, pattern):
        def output(self):
            return luigi.LocalTarget(self.when.strftime(pattern))

        return type(kind, (luigi.Task,), {"when": parameter, "output": output, "__module__": __name__})

    hours = task("HourTask", luigi.DateHourParameter(), "hours/%Y-%m-%dT%H")
    minutes = task("MinuteTask", luigi.DateMinuteParameter(), "minutes/%Y-%m-%dT%H%M")
    days = task("DayTask", luigi.DateParameter(), "days/%Y/%m/%d/part")
    months = task("MonthTask", luigi.MonthParameter(), "months/%Y-%m")
    written("days/2015/01/03/part")
    written("hours/2015-01-05T23")
    tools, dt = luigi.tools.range, datetime.datetime
    heard = []
    for name in ("COMPLETE_COUNT", "COMPLETE_FRACTION", "DELAY"):
        luigi.Task.event_handler(getattr(tools.RangeEvent, name))(
            lambda family, value, name=name: heard.append([name, family, value])
        )
    made = [
        tools.RangeDaily(of=days, now=NOW, start=datetime.date(2015, 1, 1), stop=datetime.date(2015, 1, 5)),
        tools.RangeDaily(of=days, now=NOW, reverse=True, stop=datetime.date(2015, 1, 5), task_limit=2, days_back=3),
        tools.RangeHourly(of=hours, now=NOW, start=dt(2015, 1, 5, 22)),
        tools.RangeHourly(of=hours, now=NOW, start=dt(2015, 1, 5, 22), hours_back=1),
        tools.RangeByMinutes(of=minutes, now=NOW, start=dt(2015, 1, 5, 23, 40), minutes_interval=5),
        tools.RangeMonthly(of=months, now=NOW, start=datetime.date(2014, 10, 1)),
    ]
    found = [[[str(each) for each in one.requires()], one.complete(), repr(one)] for one in made]
    wrong = [{"start": None}, {"start": datetime.date(2015, 1, 1), "stop": datetime.date(2014, 1, 1)}]
    for name in ("COMPLETE_COUNT", "COMPLETE_FRACTION", "DELAY"):
        luigi.Task._event_callbacks.get(luigi.Task, {}).pop(getattr(tools.RangeEvent, name), None)
    return [
        found,
        heard,
        [raised(lambda o=options: tools.RangeDaily(of=days, now=NOW, **o).requires()) for options in wrong],
    ]


def ranges_of_tasks_that_tell_in_bulk():
    class Bulk(luigi.Task):
        day = luigi.DateParameter()
        kind = luigi.Parameter(default="k")

        @classmethod
        def bulk_complete(cls, parameter_tuples):
            given = list(parameter_tuples)
            asked.append([str(each) for each in given[:1]])
            return [each for each in given if str(each) < "2015-01-03"]

    class Elsewhere(luigi.Task):
        day = luigi.DateParameter()

        def output(self):
            return luigi.contrib.simulate.RunAnywayTarget(self)

    asked = []
    tools = luigi.tools.range
    one = tools.RangeDaily(of=Bulk, now=NOW, start=datetime.date(2015, 1, 1), of_params={"kind": "x"})
    other = tools.RangeDaily(of=Elsewhere, now=NOW, start=datetime.date(2015, 1, 1))
    return [
        [str(each) for each in one.requires()],
        one.requires() is one.requires(),
        asked,
        raised(lambda: [str(each) for each in other.requires()]),
    ]


def the_configuration_as_an_object():
    config = get_config()
    found = [
        type(config).__name__,
        config is luigi.configuration.LuigiConfigParser.instance(),
        get_config("cfg") is config,
    ]
    pathlib.Path("more.cfg").write_text(
        "[Added]\nkey=value\nlist=[1]\nexpanded=%(key)s!\nvariable=${SHOWN}\nabsent=${NOT_SET_AT_ALL}\n"
    )
    os.environ["SHOWN"] = "from the environment"
    found += [luigi.configuration.add_config_path("more.cfg"), luigi.configuration.add_config_path("none.cfg")]
    found += [config.get("Added", "key"), config.get("Added", "expanded"), config.get("Added", "variable")]
    try:
        config.get("Added", "absent")
    except Exception as error:
        found.append(type(error).__name__)
    found.append(raised(config.set, "Numbers", "n", 7))
    config.set("Numbers", "n", "7")
    config.set("Numbers", "f", "1.5")
    config.set("Numbers", "yes", "on")
    found += [
        config.getint("Numbers", "n"),
        config.getfloat("Numbers", "f"),
        config.getboolean("Numbers", "yes"),
        raised(config.getint, "Numbers", "f"),
    ]
    config.set("Amounts", "a", "1")
    config.set("Amounts", "b", "2")
    found += [
        dict(config.getintdict("Amounts")),
        dict(config.getintdict("none")),
        config.has_option("Numbers", "n"),
        config.has_option("none", "n"),
    ]
    found += [
        raised(config.get, "Numbers", "none"),
        raised(config.get, "none", "none"),
        config.get("none", "none", None),
    ]
    found += [
        config.getboolean("none", "x", False),
        raised(config.getboolean, "none", "x", "text"),
        raised(config.getint, "none", "x", 1.5),
    ]
    found += [
        config.has_section("Added"),
        sorted(config["Amounts"]),
        config["Amounts"]["a"],
        raised(lambda: config["none"]),
    ]
    parser = luigi.configuration.LuigiConfigParser
    parser.reload()
    found += [
        parser.instance().has_section("Numbers"),
        parser.instance().get("Added", "key"),
        len(parser._config_paths) >= 4,
    ]
    return [
        *found,
        [os.path.basename(path) for path in parser._config_paths][-1],
        luigi.configuration.get_config("cfg").enabled,
    ]


def values_that_do_not_change():
    frozen = luigi.freezing.FrozenOrderedDict({"b": 1, "a": 2})
    deep = luigi.freezing.recursively_freeze({"x": [1, {"y": {2, 3}}], "z": (4, [5])})
    return [
        list(frozen),
        repr(frozen),
        frozen["a"],
        len(frozen),
        raised(lambda: frozen["c"]),
        hash(frozen) == hash(frozen),
        shown(deep["x"][0]),
        type(deep["x"]).__name__,
        type(deep["x"][1]).__name__,
        shown(deep["z"]),
        dict(frozen.get_wrapped()),
        luigi.freezing.recursively_unfreeze(luigi.freezing.recursively_freeze({"a": [1, {"b": 2}]})),
        frozen == {"a": 2, "b": 1},
    ]


def locks_of_processes():
    directory = os.path.join(os.getcwd(), "locks")
    pid, command, file = luigi.lock.get_info(directory)
    found = [pid == os.getpid(), bool(command), os.path.dirname(file) == directory, file.endswith(".pid")]
    found += [
        luigi.lock.acquire_for(directory),
        luigi.lock.acquire_for(directory),
        tree("locks") == [os.path.basename(file)],
    ]
    return [*found, bool(luigi.lock.getpcmd(os.getppid())), luigi.lock.getpcmd(99999999)]


def files_about_processes():
    file = luigi.process.PidFile("a.pid") if hasattr(luigi.process, "PidFile") else None
    names = ["check_pid", "write_pid", "get_log_format", "get_spool_handler", "daemonize"]
    pid = luigi.process.write_pid("here.pid")
    found = [file is None, [name for name in names if not hasattr(luigi.process, name)], pid == os.getpid()]
    return [
        *found,
        luigi.process.check_pid("none.pid"),
        luigi.process.check_pid("here.pid") == pid,
        luigi.process.get_log_format(),
    ]


def archives_that_reach_outside():
    pathlib.Path("inner").write_text("x")
    with tarfile.open("good.tar", "w") as tar:
        tar.add("inner", "folder/inner")
    with tarfile.open("bad.tar", "w") as tar:
        tar.add("inner", "../elsewhere")
    extractor = luigi.safe_extractor.SafeExtractor("out")
    extractor.safe_extract("good.tar")
    return [tree("out"), raised(extractor.safe_extract, "bad.tar"), os.path.exists("elsewhere")]


def loggers_are_set_up_once():
    from types import SimpleNamespace

    logging_class = luigi.setup_logging.InterfaceLogging
    options = SimpleNamespace(background=False, logdir="", logging_conf_file="", log_level="WARNING")
    logging_class._configured = False
    first = logging_class.setup(options)
    logger = logging.getLogger("luigi-interface")
    found = [first, logging_class.setup(options), logger.level, len(logger.handlers), logger.handlers[0].formatter._fmt]
    pathlib.Path("logging.cfg").write_text(
        "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n[logger_root]\nlevel=ERROR\nhandlers=h\n"
        "[handler_h]\nclass=StreamHandler\nargs=()\n"
    )
    logging_class._configured = False
    options.logging_conf_file = "logging.cfg"
    found += [logging_class.setup(options), logging.getLogger().level]
    logging_class._configured = False
    options.logging_conf_file = "none.cfg"
    try:
        found.append(logging_class.setup(options))
    except Exception as error:
        found.append(type(error).__name__)
    get_config().set("core", "no_configure_logging", "true")
    logging_class._configured = False
    options.logging_conf_file = ""
    found.append(logging_class.setup(options))
    get_config().set("core", "no_configure_logging", "false")
    logging_class._configured = True
    return found
