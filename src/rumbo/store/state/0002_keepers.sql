-- Servers that have kept this journal, in order. The last one keeps it; one that finds another's name there has been
-- replaced.
CREATE TABLE keepers (
    number BIGINT PRIMARY KEY,
    name TEXT NOT NULL
);
