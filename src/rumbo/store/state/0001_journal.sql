-- What a server must not forget. Types are spelled so that SQLite and PostgreSQL both understand them.

-- One row: by what other databases know this journal from others.
CREATE TABLE identity (id TEXT PRIMARY KEY);

CREATE TABLE journal (
    number BIGINT PRIMARY KEY,
    at DOUBLE PRECISION NOT NULL,
    kind TEXT NOT NULL,
    body BYTEA NOT NULL,
    lease BIGINT NOT NULL
);

-- The state after the entry with this number, in parts of a few megabytes.
CREATE TABLE snapshots (
    number BIGINT NOT NULL,
    part INTEGER NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (number, part)
);
