"""What a task is, and where its values come from: each function shows some of it as plain values."""

from __future__ import annotations

import datetime
import enum
import operator
import os
import warnings
from contextlib import contextmanager

from telling import raised, shown

import luigi
import luigi.cmdline_parser
import luigi.mock
import luigi.parameter
import luigi.task
import luigi.task_register
import luigi.util
from luigi import date_interval
from luigi.configuration import get_config

VISIBLE = luigi.parameter.ParameterVisibility


@contextmanager
def warned(found):
    """Add to ``found`` what is warned of in the block, once: the class and the text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    told = [[each.category.__name__, str(each.message)] for each in caught]
    found += [each for place, each in enumerate(told) if each not in told[:place]]


def names_that_two_classes_have():
    def unrelated():
        class Same(luigi.Task):
            pass

        return Same

    first, second = unrelated(), unrelated()
    register = luigi.task_register.Register
    found = [raised(register.get_task_cls, "Same"), first().task_family, second().task_family]

    class Derived(luigi.Task):
        pass

    base = Derived

    class Derived(base):
        pass

    return [*found, register.get_task_cls("Derived") is Derived, raised(register.get_task_cls, "Derivd")]


def instances_are_kept():
    made = []

    class Kept(luigi.Task):
        a = luigi.IntParameter(default=1)
        b = luigi.IntParameter(default=2, significant=False)

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(repr(self))

    found = [Kept(1, 2) is Kept(a=1, b=2), Kept(b=3) is Kept(b=4), Kept(b=3) == Kept(b=4), len(made)]
    before = Kept()
    luigi.task_register.Register.clear_instance_cache()
    found += [Kept() is before, Kept() == before, len(made)]
    luigi.task_register.Register.disable_instance_cache()
    found += [Kept() is Kept(), len(made)]
    luigi.task_register.Register.clear_instance_cache()
    luigi.task_register.Register._Register__instance_cache = {}
    return [*found, Kept() is Kept()]


def values_that_cannot_be_hashed():
    class Takes(luigi.Task):
        anything = luigi.Parameter()

    class Odd:
        __hash__ = None

        def __str__(self):
            return "odd"

    odd = Odd()
    return [Takes(anything=odd) is Takes(anything=odd), Takes(anything=odd).task_id]


def ids_to_the_byte():
    class Many(luigi.Task):
        z = luigi.Parameter(default="z")
        a = luigi.ListParameter(default=[1, {"b": [2]}])
        text = luigi.Parameter(default="a long text, with spaces; and ünïcode")
        when = luigi.DateHourParameter(default=datetime.datetime(2015, 1, 2, 3))
        sizes = luigi.DictParameter(default={"z": 1, "a": 2})
        hidden = luigi.Parameter(default="h", visibility=VISIBLE.HIDDEN)
        little = luigi.Parameter(default="l", significant=False)

    class None_(luigi.Task):
        pass

    class Spaced(luigi.Task):
        task_namespace = "a.b"
        x = luigi.FloatParameter(default=0.1)

    found = [each.task_id for each in (Many(), Many(text="日本語"), Many(sizes={"a": 2, "z": 1}), None_(), Spaced())]
    found += [luigi.task.task_id_str("Family", {"b": "1", "a": "x" * 40}), luigi.task.task_id_str("F", {})]
    return [*found, repr(Many()), str(Many(a=[])), hash(Many()) == hash(Many().task_id)]


def namespaces_by_module():
    luigi.auto_namespace(scope=__name__)

    class Automatic(luigi.Task):
        pass

    luigi.namespace("outer", scope="")
    luigi.namespace("inner", scope=__name__)

    class Longest(luigi.Task):
        pass

    luigi.namespace("", scope=__name__)
    luigi.namespace("", scope="")
    Longest.task_namespace_later = "x"
    return [Automatic.get_task_family(), Longest.get_task_family(), Longest.get_task_namespace()]


def equality():
    class One(luigi.Task):
        x = luigi.IntParameter(default=1)

    class Two(One):
        pass

    two = Two()
    two.task_id = One().task_id
    return [One() == One(x=1), One() == Two(), One() == two, One() == "One", One() != One(x=2), len({One(), One(x=1)})]


def tasks_from_texts():
    class Batched(luigi.Task):
        n = luigi.IntParameter(batch_method=max)
        word = luigi.Parameter(default="w", batch_method=",".join)
        private = luigi.Parameter(default="p", visibility=VISIBLE.PRIVATE)

    joined = Batched.from_str_params({"n": ["1", "7", "3"], "word": ["a", "b"]})
    return [
        *[repr(joined), Batched.batch_param_names(), raised(Batched.from_str_params, {"n": []})],
        *[raised(Batched.from_str_params, {"m": "1"}), Batched(1).to_str_params(), Batched(n=1).batchable],
        *[Batched.max_batch_size == float("inf"), Batched(1).initialized(), shown(Batched(1).param_args)],
        *[shown(Batched(1).param_kwargs), Batched.get_param_names(), raised(luigi.Task.from_str_params)],
    ]


def parameters_attached_later():
    class Late(luigi.Task):
        a = luigi.IntParameter(default=1)

    before = repr(Late())
    attached = luigi.IntParameter(default=2)
    attached.__set_name__(Late, "b")
    Late.b = attached
    luigi.task_register.Register.clear_instance_cache()
    return [before, repr(Late()), repr(Late(b=3)), [name for name, _ in Late.get_params()]]


def positions():
    class Base(luigi.Task):
        first = luigi.IntParameter(default=1)

    shared = luigi.IntParameter(default=0)

    class Child(Base):
        second = luigi.IntParameter(default=2)
        named = luigi.IntParameter(default=3, positional=False)
        earlier = shared

    class Narrow(Base):
        first = luigi.Parameter(default="text")

    return [repr(Child(7, 8, 9)), raised(Child, 1, 2, 3, 4), repr(Narrow("x")), [n for n, _ in Child.get_params()]]


def clones():
    class From(luigi.Task):
        a = luigi.IntParameter(default=1)
        b = luigi.IntParameter(default=2)
        c = "an attribute"

    class To(luigi.Task):
        b = luigi.IntParameter()
        c = luigi.Parameter()

    class Wants(luigi.Task):
        missing = luigi.IntParameter()

    return [
        repr(From(b=5).clone(To)),
        repr(From().clone(a=9)),
        repr(From().clone(To, c="given")),
        raised(From().clone, Wants),
    ]


def tasks_that_others_make():
    class External(luigi.ExternalTask):
        pass

    class Not(luigi.Task):
        run = NotImplemented

    class Wrapper(luigi.WrapperTask):
        pass

    return [
        External.run is None,
        External().run is None,
        Not().run is NotImplemented,
        Wrapper().complete(),
        Wrapper().run(),
    ]


def what_is_needed_and_made():
    class Leaf(luigi.Task):
        n = luigi.IntParameter(default=0)

        def output(self):
            return {"a": luigi.mock.MockTarget(f"leaf {self.n}"), "b": [luigi.mock.MockTarget("second")]}

    class Hidden(luigi.WrapperTask):
        def requires(self):
            return Leaf(5)

    class Template(luigi.Task):
        def requires(self):
            return [Leaf(1)]

        def _requires(self):
            return [*luigi.task.flatten(super()._requires()), Leaf(2)]

    class Twice(luigi.Task):
        def requires(self):
            return Leaf(1)

        def deps(self):
            return [Leaf(1), Leaf(3)]

    def paths(value):
        return sorted(each.path for each in luigi.task.flatten(value))

    return [
        [repr(each) for each in Template().deps()],
        paths(Template().input()),
        [repr(each) for each in Twice().deps()],
        *[paths(luigi.task.flatten_output(Hidden())), paths(luigi.task.getpaths({"x": Leaf(7), "y": [Leaf(8)]}))],
        luigi.task.flatten({"a": {"b": 1}, "c": (2, [3])}),
        luigi.task.flatten(iter([1, 2])),
        luigi.task.flatten(None),
        sorted(luigi.task.getpaths({"x": Leaf(7)})),
        raised(luigi.task.getpaths, 5),
        Leaf().task_module == Leaf.__module__,
        *[Leaf().priority, Leaf().resources, Leaf().process_resources(), Leaf().disabled, Leaf().worker_timeout],
        *[Leaf().retry_count, Leaf().disable_hard_timeout, Leaf().disable_window, Leaf().disable_window_seconds],
        *[Leaf().owner_email, Leaf()._owner_list(), Leaf().use_cmdline_section, Leaf().accepts_messages],
        *[Leaf().set_status_message, Leaf().set_progress_percentage, Leaf().set_tracking_url],
    ]


def owners():
    class Texts(luigi.Task):
        owner_email = "a@example.org, b@example.org"

    class Listed(luigi.Task):
        owner_email = ["c@example.org", "d@example.org"]

    return [Texts()._owner_list(), Listed()._owner_list()]


def keys_that_are_no_parameters():
    get_config().set("Watched", "known", "1")
    get_config().set("Watched", "unknown", "2")
    get_config().set("Watched", "left_out", "3")

    class Watched(luigi.Task):
        known = luigi.IntParameter()
        ignore_unconsumed = {"left_out"}

    found = []
    with warned(found):
        Watched()
        Watched(known=3)
    return found


def names_with_dashes():
    config = get_config()
    config.set("Dashed", "my-number", "5")
    config.set("Dashed", "my_text", "t")
    found = []
    with warned(found):

        class Dashed(luigi.Task):
            my_number = luigi.IntParameter(default=1)
            my_text = luigi.Parameter()

        found.append([Dashed().my_number, Dashed().my_text])
        found.append(
            [
                config.get("Dashed", "my_number"),
                config.get("Dashed", "my-text", "none"),
                config.get("Dashed", "My_Text", "none"),
            ]
        )
    return found


def where_a_value_comes_from():
    class Asked(luigi.Task):
        x = luigi.Parameter(default="default")

    found = [Asked().x]
    get_config().set("Asked", "x", "configured")
    found.append(Asked().x)
    parser = luigi.cmdline_parser.CmdlineParser
    with parser.global_instance(["Asked", "--Asked-x", "section"]) as line:
        found += [Asked().x, line.get_task_obj().x, Asked(x="given").x]
    with parser.global_instance(["Asked", "--x", "root"]) as line:
        found += [Asked().x, line.get_task_obj().x]
    with parser.global_instance(["Asked", "--Asked-x", ""]) as line:
        found += [Asked().x, line.get_task_obj().x]
    with parser.global_instance(["Asked", "--x", "root", "--Asked-x", "section"]) as line:
        found += [Asked().x, line.get_task_obj().x]
    found += [
        parser.get_instance() is None,
        Asked().x,
        Asked.x.has_task_value("Asked", "x"),
        Asked.x.task_value("Asked", "x"),
    ]

    class Elsewhere(luigi.Task):
        y = luigi.IntParameter(config_path={"section": "Old", "name": "why"}, default=1)

    get_config().set("Old", "why", "8")
    with warned(found):
        found.append(Elsewhere().y)
    return found


def warnings_about_values():
    found = []
    with warned(found):

        class Warns(luigi.Task):
            text = luigi.Parameter(default="t")
            whole = luigi.IntParameter(default=1)
            maybe = luigi.OptionalParameter(default=None)
            maybe_whole = luigi.OptionalIntParameter(default=None)
            maybe_list = luigi.OptionalListParameter(default=None)

        Warns(text=5)
        Warns(text=None)
        Warns(whole="no number")
        Warns(maybe=6)
        Warns(maybe_whole="x", maybe_list=3)
        luigi.Parameter(is_global=True)
        luigi.DateMinuteParameter().parse("2013-02-01T18H42")
        Warns(maybe="right", maybe_whole=7, maybe_list=[1])
    return found


def defaults_of_optional_kinds():
    kinds = [name for name in luigi.parameter.__dict__ if name.startswith("Optional") and name.endswith("Parameter")]
    kinds = [
        name
        for name in kinds
        if name not in ("OptionalDateParameter", "OptionalChoiceParameter", "OptionalNumericalParameter")
    ]

    made = {}
    for name in sorted(kinds):
        cls = type("Takes" + name, (luigi.Task,), {"x": getattr(luigi, name)()})
        made[name] = [shown(cls().x), cls.x.serialize(None), shown(cls.x.parse(""))]
    return made


def paths():
    os.makedirs("there", exist_ok=True)
    absolute, exists = luigi.PathParameter(absolute=True), luigi.PathParameter(exists=True)
    return [
        str(absolute.normalize("a")) == os.path.abspath("a"),
        shown(exists.normalize("there")),
        raised(exists.normalize, "not there"),
        luigi.PathParameter().serialize(luigi.PathParameter().normalize("a/../b")),
        shown(luigi.PathParameter().parse("x")),
    ]


def switches():
    class Flags(luigi.Task):
        implicit = luigi.BoolParameter()
        explicit = luigi.BoolParameter(parsing=luigi.BoolParameter.EXPLICIT_PARSING)
        on = luigi.BoolParameter(default=True)

    parser = luigi.cmdline_parser.CmdlineParser

    def read(*words):
        with parser.global_instance(["Flags", *words]) as line:
            task = line.get_task_obj()
            return [task.implicit, task.explicit, task.on]

    found = [
        read(),
        read("--implicit"),
        read("--explicit", "false"),
        read("--explicit"),
        read("--explicit", "true", "--on"),
    ]
    luigi.BoolParameter.parsing = luigi.BoolParameter.EXPLICIT_PARSING
    later = luigi.BoolParameter()
    luigi.BoolParameter.parsing = luigi.BoolParameter.IMPLICIT_PARSING
    return [*found, later.parsing, luigi.BoolParameter().parsing, shown(later._parser_kwargs("x"))]


def descriptions():
    numbers = luigi.NumericalParameter(
        var_type=int, min_value=1, max_value=7, description="How many", left_op=operator.lt
    )
    choice = luigi.ChoiceParameter(choices=["only"], description="Which")
    return [numbers.description, choice.description, luigi.ChoiceParameter(choices=[7], var_type=int).description]


def kinds_that_are_wrong():
    class Colour(enum.Enum):
        red = 1

    return [
        raised(luigi.EnumParameter),
        raised(luigi.EnumListParameter),
        raised(luigi.ChoiceParameter),
        raised(luigi.NumericalParameter),
        raised(luigi.NumericalParameter, var_type=int, min_value=3),
        raised(luigi.Parameter, config_path={"section": "a"}),
        *[raised(luigi.Parameter()._parse_list, ["a"]), raised(luigi.IntParameter(batch_method=max)._parse_list, [])],
        shown(luigi.EnumListParameter(enum=Colour).normalize([Colour.red])),
        raised(luigi.parameter.ParameterVisibility.has_value, 7),
        *[luigi.Parameter(visibility=9).visibility == VISIBLE.PUBLIC, VISIBLE.HIDDEN.serialize()],
    ]


def a_kind_of_ones_own():
    class Upper(luigi.Parameter):
        def parse(self, text):
            return text.lower()

        def serialize(self, value):
            return value.upper()

        def normalize(self, value):
            return value.strip()

        def next_in_enumeration(self, value):
            return value + "!"

    class Uses(luigi.Task):
        word = Upper(default=" Default ")

    parser = luigi.cmdline_parser.CmdlineParser
    with parser.global_instance(["Uses", "--word", " LINE "]) as line:
        found = [line.get_task_obj().word]
    get_config().set("Uses", "word", "CONFIGURED")
    return [
        *found,
        Uses().word,
        Uses(word=" given ").word,
        Uses(word="x").task_id,
        repr(Uses(word="x")),
        Uses.word.next_in_enumeration("a"),
    ]


def visibilities():
    class Seen(luigi.Task):
        public = luigi.Parameter(default="1")
        hidden = luigi.Parameter(default="2", visibility=VISIBLE.HIDDEN)
        private = luigi.Parameter(default="3", visibility=VISIBLE.PRIVATE)

    seen = Seen()
    return [
        *[seen.to_str_params(), seen.to_str_params(only_public=True), seen.to_str_params(only_significant=True)],
        *[shown(seen._get_param_visibilities()), repr(seen), seen.task_id, Seen(hidden="x").task_id == seen.task_id],
    ]


def frozen_values():
    class Holds(luigi.Task):
        listed = luigi.ListParameter(default=[1, [2]])
        mapped = luigi.DictParameter(default={"b": {"c": [1]}, "a": 2})
        both = luigi.TupleParameter(default=((1, 2), (3,)))

    holds = Holds()
    return [
        shown(holds.listed),
        isinstance(holds.mapped, dict),
        list(holds.mapped),
        shown(holds.mapped["b"]["c"]),
        hash(holds.mapped) == hash(holds.mapped),
        raised(lambda: holds.mapped.__setitem__("x", 1)),
        holds.mapped == {"b": {"c": (1,)}, "a": 2},
        holds.mapped.get_wrapped()["a"],
        *[str(holds.mapped), holds.to_str_params(), Holds(mapped={"a": 2, "b": {"c": [1]}}).task_id == holds.task_id],
        luigi.DictParameter().serialize(holds.mapped),
        luigi.ListParameter().serialize(((1, 2), {"x": 1})),
        shown(holds.both),
    ]


def intervals_beside_each_other():
    month, year, week = date_interval.Month(2015, 3), date_interval.Year(2015), date_interval.Week(2015, 10)
    custom = date_interval.Custom.parse("2015-01-01-2015-02-01")
    return [
        raised(lambda: month == year),
        raised(lambda: month < week),
        month == date_interval.Month(2015, 3),
        month != "2015-03",
        sorted(map(str, [date_interval.Month(2015, 4), month])),
        str(month.from_date(datetime.date(2015, 7, 9))),
        str(custom),
        *[raised(custom.next), raised(custom.prev), len(custom.dates()), [str(each) for each in week.dates()][::6]],
        shown(date_interval.Month.parse("2015-3")),
        shown(date_interval.Year.parse("20155")),
        month.to_string(),
        hash(month) == hash(str(month)),
        str(next(week.hours())),
        max(month, date_interval.Month(2015, 5)).to_string(),
        {month: 1}[date_interval.Month(2015, 3)],
    ]


def settings_and_their_defaults():
    import luigi.retcodes  # its section is known when it is imported
    import luigi.scheduler

    found = {}
    for cls in luigi.Config.__subclasses__():
        if cls.__module__.startswith("luigi.") and "contrib" not in cls.__module__:
            found[cls.get_task_family()] = {
                name: [
                    type(each).__name__,
                    raised(each.task_value, cls.get_task_family(), name),
                    each.always_in_help,
                    each._config_path,
                ]
                for name, each in cls.get_params()
            }
    # Where the machine and the process have a say.
    found["email"].pop("sender")
    found["core"].pop("lock_pid_dir")
    return found


def composition_of_several():
    class A(luigi.Task):
        x = luigi.IntParameter(default=1)

        def output(self):
            return luigi.mock.MockTarget(f"a {self.x}")

        def run(self):
            with self.output().open("w") as out:
                out.write("line\n")

    class B(luigi.Task):
        y = luigi.IntParameter(default=2)

    @luigi.util.inherits(A, B)
    class Both(luigi.Task):
        def requires(self):
            return self.clone_parents()

    @luigi.util.inherits(first=A, second=B)
    class Named(luigi.Task):
        def requires(self):
            return self.clone_parents()

    @luigi.util.copies(A)
    class Copy(luigi.Task):
        def output(self):
            return luigi.mock.MockTarget("copy")

    A().run()
    Copy().run()

    @luigi.util.delegates
    class Delegates(luigi.Task):
        def subtasks(self):
            return [A(5)]

        def requires(self):
            return B()

        def run(self):
            pass

    Delegates().run()

    def wrong():
        @luigi.util.requires(A, second=B)
        class Wrong(luigi.Task):
            pass

    def nothing():
        @luigi.util.inherits()
        class Wrong(luigi.Task):
            pass

    return [
        *[[repr(each) for each in Both().requires()], {name: repr(each) for name, each in Named().requires().items()}],
        luigi.mock.MockTarget("copy").open().read(),
        luigi.mock.MockTarget("a 5").exists(),
        raised(wrong),
        raised(nothing),
        *[[repr(each) for each in Delegates().deps()], repr(Both(x=7, y=8)), repr(Both().clone_parent())],
        raised(luigi.util.common_params, A(), A()),
        shown(luigi.util.common_params(Both(x=3), A)),
        repr(Copy(x=4).requires()),
    ]


def the_one_before():
    class Monthly(luigi.Task):
        month = luigi.MonthParameter()

    class Yearly(luigi.Task):
        year = luigi.YearParameter()

    class Hourly(luigi.Task):
        hour = luigi.DateHourParameter(interval=6)
        other = luigi.Parameter(default="o")

        def complete(self):
            return self.hour <= datetime.datetime(2015, 1, 1, 6)

    class Interval(luigi.Task):
        span = luigi.DateIntervalParameter()

    class TwoDates(luigi.Task):
        a = luigi.DateParameter(default=datetime.date(2015, 1, 1))
        b = luigi.DateParameter(default=datetime.date(2015, 1, 1))

    hour = Hourly(datetime.datetime(2015, 1, 2))
    return [
        *[
            raised(lambda each=each: repr(luigi.util.previous(each)))
            for each in (Monthly(datetime.date(2015, 3, 1)), Yearly(datetime.date(2015, 1, 1)), hour)
        ],
        raised(lambda: repr(luigi.util.previous(Interval(date_interval.Week(2015, 1))))),
        raised(luigi.util.previous, TwoDates()),
        repr(luigi.util.get_previous_completed(hour)),
        luigi.util.get_previous_completed(hour, max_steps=1),
    ]


def what_the_package_offers():
    import luigi as package

    attributes = (
        "worker scheduler notifications execution_summary lock format date_interval tools cmdline_parser setup_logging "
    )
    attributes += (
        "freezing task_register task_status batch_notifier metrics task_history rpc parameter configuration interface"
    )
    later = {"OptionalDateParameter"}  # which the next Luigi will have
    return [
        sorted({*package.__all__} - later),
        [name for name in attributes.split() if not hasattr(package, name)],
        package.__version__,
    ]
