"""Small things that Luigi's programs rely on: each function shows some of them as plain values."""

from __future__ import annotations

import datetime
import enum
import os
import pathlib
import warnings

from telling import raised, shown

import luigi
import luigi.format
import luigi.mock
import luigi.parameter
import luigi.target
import luigi.task
import luigi.task_register
import luigi.tools.range
import luigi.util
from luigi import date_interval
from luigi.configuration import get_config


class Colour(enum.Enum):
    red = 1
    blue = 2


PARAMETERS = {
    "Parameter": (luigi.Parameter(), ["a", ""], ["a", 5, None]),
    "Int": (luigi.IntParameter(), ["5", "-1", "x", " 7 ", ""], [5, 0]),
    "Float": (luigi.FloatParameter(), ["5", "1e3", "inf", "x"], [5.0, 2]),
    "Bool": (luigi.BoolParameter(), ["true", "FALSE", "1", ""], [True, "false", "x", None]),
    "Date": (luigi.DateParameter(), ["2015-01-02", "2015-1-2", "20150102", "x"], [datetime.date(2015, 1, 2)]),
    "DateEvery": (luigi.DateParameter(interval=7), ["2015-01-02"], [datetime.datetime(2015, 1, 2, 3)]),
    "Month": (
        luigi.MonthParameter(),
        ["2015-01", "2015-01-02"],
        [datetime.date(2015, 1, 2), date_interval.Month(2015, 3)],
    ),
    "Year": (luigi.YearParameter(), ["2015", "15"], [datetime.date(2015, 5, 2), date_interval.Year(2015)]),
    "Hour": (luigi.DateHourParameter(), ["2015-01-02T03", "2015-01-02"], [datetime.datetime(2015, 1, 2, 3, 4, 5)]),
    "Minute": (
        luigi.DateMinuteParameter(interval=15),
        ["2015-01-02T0304", "2015-01-02T03H04"],
        [datetime.date(2015, 1, 2)],
    ),
    "Second": (luigi.DateSecondParameter(), ["2015-01-02T030405"], [datetime.datetime(2015, 1, 2, 3, 4, 5, 6)]),
    "Interval": (
        luigi.DateIntervalParameter(),
        ["2015", "2015-W02", "2015-01", "2015-01-02", "2015-01-02-2015-02-03", "x"],
        [],
    ),
    "Delta": (
        luigi.TimeDeltaParameter(),
        ["1 week 2 days", "5", "P1DT2H", "1 d 3 m", "P2W", "x", "0"],
        [datetime.timedelta(8, 5)],
    ),
    "Enum": (luigi.EnumParameter(enum=Colour), ["red", "green"], [Colour.blue]),
    "EnumList": (luigi.EnumListParameter(enum=Colour), ["red,blue", "", "red,x"], [(Colour.red,)]),
    "Choice": (luigi.ChoiceParameter(choices=[1, 2], var_type=int), ["1", "3", "x"], [1, 3]),
    "ChoiceList": (luigi.ChoiceListParameter(choices=["a", "b"]), ["a,b", "", "c"], [("a",), ["b"]]),
    "Numerical": (luigi.NumericalParameter(var_type=int, min_value=0, max_value=5), ["0", "5", "-1", "x"], [9]),
    "Dict": (luigi.DictParameter(), ['{"b": 1, "a": [1, {"c": 2}]}', "[]", "x"], [{"b": [1]}]),
    "List": (luigi.ListParameter(), ["[1, [2, 3]]", "x"], [[1, [2]], (1,)]),
    "Tuple": (luigi.TupleParameter(), ["((1,2),(3,4))", "[[1],[2]]", '("a")'], [[1, 2], ((1,),)]),
    "Path": (luigi.PathParameter(), ["a/b"], ["a", pathlib.Path("b")]),
    "OptionalInt": (luigi.OptionalIntParameter(), ["", "5", "x"], [None, 5, "x"]),
    "OptionalStr": (luigi.OptionalStrParameter(), ["", "a"], [None, "a"]),
    "OptionalList": (luigi.OptionalListParameter(), ["", "[1]"], [None, [1]]),
}


def parameters_parse():
    return {name: {text: raised(each.parse, text) for text in texts} for name, (each, texts, _) in PARAMETERS.items()}


def parameters_normalize():
    return {
        name: {repr(value): raised(each.normalize, value) for value in values}
        for name, (each, _, values) in PARAMETERS.items()
    }


def parameters_serialize():
    return {
        name: {
            repr(value): raised(lambda each=each, value=value: each.serialize(each.normalize(value)))
            for value in values
        }
        for name, (each, _, values) in PARAMETERS.items()
    }


def parameters_next():
    return {
        name: raised(each.next_in_enumeration, each.normalize(values[0]))
        for name, (each, _, values) in PARAMETERS.items()
        if values
    }


def modules_of_parameters():
    return {name: f"{type(each).__module__}.{type(each).__qualname__}" for name, (each, _, _) in PARAMETERS.items()}


def tasks_are_made():
    class Many(luigi.Task):
        b = luigi.IntParameter()
        a = luigi.Parameter(default="x")
        hidden = luigi.Parameter(default="h", visibility=luigi.parameter.ParameterVisibility.HIDDEN)
        private = luigi.Parameter(default="p", visibility=luigi.parameter.ParameterVisibility.PRIVATE)
        little = luigi.Parameter(default="l", significant=False)
        last = luigi.IntParameter(default=0, positional=False)

    many = Many(5, "y")
    return [
        *[many.task_id, repr(many), many.task_family, shown(many.param_kwargs)],
        *[many.to_str_params(), many.to_str_params(only_significant=True), many.to_str_params(only_public=True)],
        *[Many.get_param_names(), Many.get_param_names(include_significant=True), Many(5, a="y") is many],
        *[raised(Many), raised(Many, 1, b=2), raised(Many, 1, c=2), raised(Many, 1, "a", "h", "p", "l", 6)],
        *[repr(Many.from_str_params({"b": "7", "a": "z"})), raised(Many.from_str_params, {"b": "x"})],
        *[many == Many(5, "y", little="other"), hash(many) == hash(Many(5, "y", little="other"))],
        *[repr(many.clone(b=6)), Many.b is Many.b, isinstance(Many.b, luigi.Parameter)],
    ]


def shapes():
    class Leaf(luigi.Task):
        n = luigi.IntParameter(default=0)

        def output(self):
            return luigi.mock.MockTarget(f"leaf{self.n}")

    def inputs(needed):
        class Top(luigi.Task):
            def requires(self):
                return needed()

        top = Top()
        return [shown(_paths(top.input())), [repr(each) for each in top.deps()]]

    def generated():
        yield Leaf(1)
        yield [Leaf(2)]

    return [
        inputs(lambda: Leaf()),
        inputs(lambda: [Leaf(1), Leaf(2)]),
        inputs(lambda: (Leaf(1), [Leaf(2)])),
        inputs(lambda: {"a": Leaf(1), "b": [Leaf(2), {"c": Leaf(3)}]}),
        inputs(generated),
        luigi.task.flatten({"a": "x", "b": ["y", None, ("z",)]}),
        luigi.task.flatten("abc"),
        luigi.task.flatten(5),
    ]


def _paths(value):
    if isinstance(value, dict):
        return {name: _paths(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_paths(each) for each in value)
    return getattr(value, "path", value)


def names():
    class Alone(luigi.Task):
        pass

    class Spaced(luigi.Task):
        task_namespace = "space"

    class Inherits(Spaced):
        pass

    class Reset(Spaced):
        task_namespace = ""

    luigi.namespace("later", scope=__name__)

    class Later(luigi.Task):
        pass

    luigi.namespace("", scope=__name__)
    register = luigi.task_register.Register
    return [
        *[each.get_task_family() for each in (Alone, Spaced, Inherits, Reset, Later)],
        *[each.get_task_namespace() for each in (Alone, Spaced, Inherits, Reset, Later)],
        *[register.get_task_cls("space.Spaced") is Spaced, raised(register.get_task_cls, "Nobody")],
        [Alone().task_id, Spaced().task_id, repr(Later())],
    ]


def composition():
    class Parent(luigi.Task):
        day = luigi.DateParameter()
        x = luigi.IntParameter(default=1)

        def output(self):
            return luigi.mock.MockTarget(f"parent{self.day}{self.x}")

    class Other(luigi.Task):
        y = luigi.IntParameter(default=2)

    @luigi.util.requires(Parent)
    class One(luigi.Task):
        z = luigi.IntParameter(default=3)

    @luigi.util.requires(Parent, Other)
    class Two(luigi.Task):
        pass

    @luigi.util.requires(a=Parent, b=Other)
    class Named(luigi.Task):
        pass

    @luigi.util.inherits(Parent)
    class Child(luigi.Task):
        x = luigi.IntParameter(default=9)

        def requires(self):
            return self.clone_parent()

    day = datetime.date(2015, 1, 2)
    return [
        *[repr(each(day=day).requires()) for each in (One, Two, Named, Child)],
        *[repr(each(day=day)) for each in (One, Two, Named, Child)],
        *[repr(One(day)), One.get_param_names(), sorted(luigi.util.common_params(One(day), Parent))],
        *[repr(luigi.util.previous(Parent(day))), raised(luigi.util.previous, Other())],
        repr(luigi.util.get_previous_completed(Parent(day), max_steps=3)),
    ]


def intervals():
    made = [
        date_interval.Date(2015, 1, 2),
        date_interval.Week(2015, 1),
        date_interval.Month(2015, 12),
        date_interval.Year(2015),
        date_interval.Custom(datetime.date(2015, 1, 30), datetime.date(2015, 2, 2)),
    ]
    return [
        [
            *[str(each), repr(each), str(each.date_a), str(each.date_b), len(each.dates()), len(list(each.hours()))],
            *[raised(each.prev), raised(each.next), datetime.date(2015, 1, 31) in each, each == each, each == "x"],
            *[hash(each) == hash(each), raised(lambda each=each: each < made[0]), str(next(iter(each)))],
        ]
        for each in made
    ] + [raised(date_interval.Week.parse, "2015-W54"), raised(date_interval.Month.parse, "2015-13")]


def targets():
    found = []
    target = luigi.LocalTarget("folder/file.txt")
    found.append(target.exists())
    with target.open("w") as out:
        out.write("one\ntwo\n")
        found.append([target.exists(), sorted(os.listdir("folder"))[0].startswith("file.txt-luigi-tmp-")])
    found += [target.exists(), list(target.open()), target.open().readline(), target.open("r").read()]
    try:
        with luigi.LocalTarget("broken.txt").open("w") as out:
            out.write("half")
            raise KeyError("on the way")
    except KeyError:
        found.append(os.path.exists("broken.txt"))
    luigi.LocalTarget("never closed.txt").open("w").write("x")
    found.append(os.path.exists("never closed.txt"))
    with luigi.LocalTarget("made/apart.txt").temporary_path() as path:
        found.append([os.path.dirname(path), os.path.exists(path)])
        with open(path, "w") as out:
            out.write("x")
    found.append(os.listdir("made"))
    found += [raised(target.open, "a"), str(luigi.LocalTarget(pathlib.Path("p"))), raised(luigi.LocalTarget)]
    target.copy("folder/copy.txt")
    found += [sorted(os.listdir("folder")), sorted(luigi.LocalTarget("folder").fs.listdir("folder"))]
    target.move("elsewhere/file.txt")
    found += [target.exists(), os.path.exists("elsewhere/file.txt")]
    fs = luigi.LocalTarget.fs
    found += [raised(fs.mkdir, "folder", raise_if_exists=True), raised(fs.mkdir, "a/b/c", parents=False)]
    found += [raised(fs.rename_dont_move, "folder/copy.txt", "elsewhere/file.txt"), fs.isdir("folder")]
    temporary = luigi.LocalTarget(is_tmp=True)
    temporary.open("w").close()
    found.append(temporary.exists())
    return found


def formats():
    found = []
    for name in ("Text", "UTF8", "Nop", "SysNewLine", "Gzip", "Bzip2", "MixedUnicodeBytes"):
        for chain in (name, f"Text >> {name}"):
            target = luigi.LocalTarget(f"files/{chain}.bin".replace(" >> ", "_"), format=None)
            found.append([chain, raised(_round, chain, target)])
    return found


def _round(chain, target):
    made = eval(chain, vars(luigi.format))
    target = luigi.LocalTarget(target.path, format=made)
    is_text = made.input == "unicode"
    with target.open("w") as out:
        out.write("one\nzwölf\n" if is_text else "one\nzwölf\n".encode())
    with target.open() as source:
        return [is_text, repr(source.read()), open(target.path, "rb").read()[:2].hex()]


def mock_targets():
    luigi.mock.MockFileSystem().clear()
    target = luigi.mock.MockTarget("a/b")
    with target.open("w") as out:
        out.write("hello")
    fs = luigi.mock.MockFileSystem()
    found = [target.exists(), target.open().read(), fs.get_data("a/b").decode(), sorted(fs.get_all_data())]
    target.move("c")
    found += [target.exists(), sorted(fs.get_all_data()), fs.listdir("c"), fs.isdir("a")]
    fs.remove("c")
    return [*found, sorted(fs.get_all_data()), raised(luigi.mock.MockTarget("nothing").open)]


def configuration():
    config = get_config()
    config.set("Section", "number", "5")
    config.set("Section", "switch", "true")
    config.set("Section", "with_underscores", "u")

    class Section(luigi.Config):
        number = luigi.IntParameter(default=1)
        switch = luigi.BoolParameter()
        absent = luigi.Parameter(default="d")

    return [
        *[config.get("Section", "number"), config.getint("Section", "number"), config.getfloat("Section", "number")],
        *[
            config.getboolean("Section", "switch"),
            config.get("Section", "no", "default"),
            raised(config.get, "No", "no"),
        ],
        *[config.getintdict("Section") if False else config.has_option("Section", "number")],
        *[
            config.getint("Section", "no", 7),
            config.getboolean("No", "no", True),
            raised(config.getint, "No", "no", "x"),
        ],
        *[Section().number, Section().switch, Section().absent, Section(number=9).number],
    ]


def ranges():
    class Daily(luigi.Task):
        date = luigi.DateParameter()
        extra = luigi.Parameter(default="e")

        def output(self):
            return luigi.mock.MockTarget(f"daily/{self.date}")

    class Hourly(luigi.Task):
        dh = luigi.DateHourParameter()

        def output(self):
            return luigi.mock.MockTarget(f"hourly/{self.dh:%Y-%m-%dT%H}")

    luigi.mock.MockTarget("daily/2015-01-03").open("w").close()
    now = 1420502400  # 2015-01-06
    tools = luigi.tools.range
    daily = {"now": now, "of": Daily, "start": datetime.date(2015, 1, 2)}
    return [
        [repr(each) for each in tools.RangeDaily(**daily, stop=datetime.date(2015, 1, 5)).requires()],
        [repr(each) for each in tools.RangeDaily(**daily, reverse=True, task_limit=2).requires()],
        [repr(each) for each in tools.RangeDaily(**daily, of_params={"extra": "f"}).requires()],
        [
            repr(each)
            for each in tools.RangeHourly(now=now, of=Hourly, start=datetime.datetime(2015, 1, 5, 22)).requires()
        ],
        tools.RangeDaily(**daily).complete(),
        raised(lambda: tools.RangeDaily(now=now, of=Daily).requires()),
        repr(tools.RangeDaily(**daily)),
    ]


def externals():
    class Made(luigi.Task):
        x = luigi.IntParameter(default=1)

        def run(self):
            raise AssertionError

    copied = luigi.task.externalize(Made)
    instance = luigi.task.externalize(Made(x=2))
    return [
        *[copied.run is None, Made.run is None, copied.__name__, copied.get_task_family(), copied(x=2).task_id],
        *[instance.run is None, Made(x=2).run is None, instance.task_id == Made(x=2).task_id, instance == Made(x=2)],
        luigi.task_register.Register.get_task_cls("Made") is Made,
    ]


def completeness():
    class Nothing(luigi.Task):
        pass

    class Wraps(luigi.WrapperTask):
        def requires(self):
            return [Nothing()]

    class Bulk(luigi.Task):
        n = luigi.IntParameter()

        @classmethod
        def bulk_complete(cls, parameter_tuples):
            return [each for each in parameter_tuples if each % 2]

    class Naive(luigi.task.MixinNaiveBulkComplete, luigi.Task):
        n = luigi.IntParameter()

        def complete(self):
            return self.n > 1

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = [Nothing().complete(), Wraps().complete()]
    return [
        *[found, [str(each.message) for each in caught], Bulk.bulk_complete([1, 2, 3])],
        *[raised(Nothing.bulk_complete, [()]), shown(Naive.bulk_complete([1, 2, (3,), {"n": 4}]))],
    ]


def events():
    heard = []

    class Loud(luigi.Task):
        pass

    class Louder(Loud):
        pass

    @Loud.event_handler(luigi.Event.SUCCESS)
    def on_success(task):
        heard.append(["success", repr(task)])

    @luigi.Task.event_handler("custom")
    def on_custom(task, *args):
        heard.append(["custom", *args])

    @Loud.event_handler("broken")
    def broken(task):
        raise RuntimeError("in a handler")

    for task in (Loud(), Louder()):
        task.trigger_event(luigi.Event.SUCCESS, task)
        task.trigger_event("custom", task, 1, "x")
        task.trigger_event("broken", task)
    Loud.remove_event_handler(luigi.Event.SUCCESS, on_success)
    Louder().trigger_event(luigi.Event.SUCCESS, Louder())
    return [heard, sorted(name for name in dir(luigi.Event) if name.isupper())]
