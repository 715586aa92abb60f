-- Alerts that have not arrived yet, one row for each receiver, and those that were given up. Those of one moment are
-- in order by their place.
CREATE TABLE letters (
    sink TEXT NOT NULL,
    id TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    due DOUBLE PRECISION NOT NULL,
    place INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    error TEXT NOT NULL,
    given_up INTEGER NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (sink, id)
);

CREATE INDEX letters_due ON letters (sink, given_up, due);

-- Up to which entry of a journal its alerts have been put there.
CREATE TABLE letters_bookmarks (
    journal TEXT PRIMARY KEY,
    number BIGINT NOT NULL
);
