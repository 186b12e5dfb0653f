# SPDX-License-Identifier: Apache-2.0
"""The tables of the gateway's database, and the steps from one version of them to the next.

A file begins at version 1 and takes every step, whether it is new or old, so there is one
definition of each table and no file can differ from another of the same version. Steps only add:
a reader of an older version finds what it knows.
"""

from __future__ import annotations

from typing import Final

__all__ = ["STEPS"]

_FIRST: Final = """
CREATE TABLE receiver (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- Append-only. One row per frame and receiver; `copy_of` is the row in which another receiver
-- heard the same transmission first.
CREATE TABLE frame (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    rx_us    INTEGER NOT NULL,
    rx_time  INTEGER NOT NULL,  -- 0 gps, 1 utc, 2 host
    host_us  INTEGER,
    receiver INTEGER NOT NULL REFERENCES receiver (id),
    freq_hz  INTEGER NOT NULL,
    sf       INTEGER NOT NULL,
    bw_hz    INTEGER NOT NULL,
    rssi_dbm REAL,
    snr_db   REAL,
    crc_ok   INTEGER NOT NULL,
    tmst_us  INTEGER,
    payload  BLOB NOT NULL,
    key      INTEGER NOT NULL,
    copy_of  INTEGER
) STRICT;
CREATE INDEX frame_rx_us ON frame (rx_us);
CREATE TRIGGER frame_keeps BEFORE UPDATE ON frame
    BEGIN SELECT RAISE(ABORT, 'frame is append-only'); END;
CREATE TRIGGER frame_stays BEFORE DELETE ON frame
    BEGIN SELECT RAISE(ABORT, 'frame is append-only'); END;

-- How far each reader of a table has come.
CREATE TABLE cursor (
    name    TEXT PRIMARY KEY,
    last_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- RF ledger. hour = microseconds since the Unix epoch / 3.6e9; node -1 = not known.
CREATE TABLE airtime (
    hour       INTEGER NOT NULL,
    node       INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    band       TEXT NOT NULL,
    frames     INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    airtime_us INTEGER NOT NULL,
    PRIMARY KEY (hour, node, kind, band)
) STRICT, WITHOUT ROWID;
CREATE TABLE refused (
    hour       INTEGER NOT NULL,
    layer      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    frames     INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    airtime_us INTEGER NOT NULL,
    PRIMARY KEY (hour, layer, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE hearing (
    hour     INTEGER NOT NULL,
    receiver TEXT NOT NULL,
    frames   INTEGER NOT NULL,  -- everything that this receiver delivered
    copies   INTEGER NOT NULL,  -- of these, what another receiver had delivered before
    PRIMARY KEY (hour, receiver)
) STRICT, WITHOUT ROWID;

-- What the replica made of the log: feed for sinks. `seq` rises; a phase that is committed anew
-- gets a new `seq`, so a sink that follows by cursor writes the same point again.
CREATE TABLE decoded (
    frame_id INTEGER PRIMARY KEY,
    rx_us    INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    node     INTEGER,
    phase    INTEGER,
    reason   TEXT NOT NULL
) STRICT;
CREATE TABLE committed (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    time_us INTEGER NOT NULL UNIQUE,  -- when the phase began
    phase   INTEGER NOT NULL,
    digest  INTEGER NOT NULL,
    nodes   INTEGER NOT NULL,
    vals    BLOB NOT NULL,  -- little-endian float32, nodes x channels, NaN = absent
    status  BLOB NOT NULL   -- uint8 per node
) STRICT;
"""

_SINKS: Final = """
-- Version 2: what sinks need beside what subscribers of events are told.
ALTER TABLE decoded ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
ALTER TABLE decoded ADD COLUMN offset_us INTEGER;  -- arrival against the slot, accepted frames
CREATE INDEX decoded_accepted ON decoded (node, rx_us) WHERE reason = '';

ALTER TABLE committed ADD COLUMN judged BLOB;  -- as vals: values at each node's own last sample
ALTER TABLE committed ADD COLUMN health TEXT;  -- JSON object of the replica's counters
ALTER TABLE committed ADD COLUMN fire BLOB;    -- see fire_state.py; last phase of an epoch only

-- Hours whose sums have changed, each once, newest change last: the ledger's feed for sinks.
CREATE TABLE ledger_change (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    hour INTEGER NOT NULL UNIQUE
) STRICT;
INSERT INTO ledger_change (hour)
    SELECT hour FROM airtime UNION SELECT hour FROM refused ORDER BY 1;

-- Sums that were told to sinks and exist no longer (a replay removed them): to be told as zero.
CREATE TABLE ledger_gone (
    hour  INTEGER NOT NULL,
    node  INTEGER NOT NULL,
    kind  TEXT NOT NULL,
    band  TEXT NOT NULL,
    PRIMARY KEY (hour, node, kind, band)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER airtime_new AFTER INSERT ON airtime BEGIN
    DELETE FROM ledger_change WHERE hour = NEW.hour;
    INSERT INTO ledger_change (hour) VALUES (NEW.hour);
    DELETE FROM ledger_gone WHERE hour = NEW.hour AND node = NEW.node
        AND kind = NEW.kind AND band = NEW.band;
END;
CREATE TRIGGER airtime_more AFTER UPDATE ON airtime BEGIN
    DELETE FROM ledger_change WHERE hour = NEW.hour;
    INSERT INTO ledger_change (hour) VALUES (NEW.hour);
END;
CREATE TRIGGER airtime_gone AFTER DELETE ON airtime BEGIN
    DELETE FROM ledger_change WHERE hour = OLD.hour;
    INSERT INTO ledger_change (hour) VALUES (OLD.hour);
    DELETE FROM ledger_gone WHERE hour = OLD.hour AND node = OLD.node
        AND kind = OLD.kind AND band = OLD.band;
    INSERT INTO ledger_gone VALUES (OLD.hour, OLD.node, OLD.kind, OLD.band);
END;
CREATE TRIGGER refused_new AFTER INSERT ON refused BEGIN
    DELETE FROM ledger_change WHERE hour = NEW.hour;
    INSERT INTO ledger_change (hour) VALUES (NEW.hour);
END;
CREATE TRIGGER refused_more AFTER UPDATE ON refused BEGIN
    DELETE FROM ledger_change WHERE hour = NEW.hour;
    INSERT INTO ledger_change (hour) VALUES (NEW.hour);
END;

-- A replay decodes old frames anew under their old ids: sinks go back to the first of them.
CREATE TRIGGER decoded_again AFTER DELETE ON decoded BEGIN
    UPDATE cursor SET last_id = OLD.frame_id - 1
        WHERE name GLOB 'sink.*.frames.*' AND last_id >= OLD.frame_id;
END;
"""

_LISTENING: Final = """
-- Version 3: when a gateway was listening, see listening.py. Written by gateways, never by replays;
-- what was logged before version 3 has no span. `until_us` is the last sign of life so far.
CREATE TABLE listening (
    id       INTEGER PRIMARY KEY,
    source   TEXT NOT NULL,     -- to what: kind and address
    from_us  INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    ended    INTEGER NOT NULL   -- 1: stopped, or the clock was set; 0: running, or killed
) STRICT;
"""

STEPS: Final = (_FIRST, _SINKS, _LISTENING)
"""Statements that bring a file from version i to version i + 1."""
