-- Transaction A's tables.
CREATE TABLE payment (
    id           INTEGER PRIMARY KEY,
    merchant_id  INTEGER NOT NULL,
    payer_id     INTEGER NOT NULL,
    reference    TEXT NOT NULL,
    provider     TEXT NOT NULL,
    provider_ref TEXT NOT NULL,
    amount       INTEGER NOT NULL,
    currency     TEXT NOT NULL,
    status       INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
);
CREATE TABLE payment_event (
    id                INTEGER PRIMARY KEY,
    payment_id        INTEGER NOT NULL,
    kind              TEXT NOT NULL,
    provider_event_id BLOB NOT NULL UNIQUE,
    payload           TEXT NOT NULL,
    created_at        INTEGER NOT NULL
);
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY,
    payment_id  INTEGER NOT NULL,
    merchant_id INTEGER NOT NULL,
    topic       TEXT NOT NULL,
    payload     TEXT NOT NULL,
    created_at  INTEGER NOT NULL
);
