-- The shape of rumbo.db, as the newest migration leaves it. A new database is made from this file.
--
-- Times are seconds since the epoch. `number` is a small key for joins. States and outcomes have the numbers of
-- rumbo.scheduler.records: integers let the partial indices decide in no time that a row does not concern them.
-- A task of a run has the key (run << 28) + position, an attempt the key (that key << 14) + its number: rows are only
-- ever appended, and those of one run lie together.

CREATE TABLE families (
    number INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    module TEXT NOT NULL,
    CONSTRAINT families_name UNIQUE (name, module)
);

CREATE TABLE workers (
    number INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    CONSTRAINT workers_name UNIQUE (name)
);

CREATE TABLE runs (
    number INTEGER NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    roots TEXT NOT NULL,
    command TEXT NOT NULL,
    host TEXT NOT NULL,
    user TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process TEXT NOT NULL,
    folder TEXT NOT NULL,
    workers INTEGER NOT NULL,
    started REAL NOT NULL,
    ended REAL,
    status TEXT NOT NULL,
    summary TEXT NOT NULL,
    counts TEXT NOT NULL,
    CONSTRAINT runs_id UNIQUE (id)
);

CREATE TABLE tasks (
    number INTEGER NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    family INTEGER NOT NULL REFERENCES families (number),
    params TEXT NOT NULL,
    CONSTRAINT tasks_id UNIQUE (id)
);

CREATE TABLE run_tasks (
    "key" INTEGER NOT NULL PRIMARY KEY,
    task INTEGER NOT NULL REFERENCES tasks (number),
    state INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    dependencies TEXT NOT NULL,
    error TEXT,
    priority REAL,
    dynamic INTEGER,
    due REAL,
    outputs TEXT
);

CREATE INDEX run_tasks_story ON run_tasks (task);

CREATE INDEX run_tasks_trouble ON run_tasks (state) WHERE state > 4;

CREATE TABLE attempts (
    "key" INTEGER NOT NULL PRIMARY KEY,
    worker INTEGER NOT NULL REFERENCES workers (number),
    outcome INTEGER,
    started REAL NOT NULL,
    seconds REAL,
    message TEXT,
    log TEXT,
    status TEXT,
    progress REAL,
    tracking_url TEXT,
    outputs TEXT
);

CREATE INDEX attempts_trouble ON attempts (started) WHERE outcome > 0;

CREATE INDEX attempts_slow ON attempts (seconds) WHERE seconds >= 1;

CREATE TABLE durations (
    family INTEGER NOT NULL REFERENCES families (number),
    hour INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    octave INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    seconds REAL NOT NULL,
    slowest REAL NOT NULL,
    PRIMARY KEY (family, hour, outcome, octave)
) WITHOUT ROWID;

CREATE TABLE bookmarks (
    journal TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (journal)
);

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

INSERT INTO alembic_version (version_num) VALUES ('0004');
