-- The first schema. Keys put the merchant first; ids are made by the hub (UUIDv7 behind their prefixes) and
-- sort by time. Instants are microseconds UTC, amounts minor units, JSON is text that is never searched.
-- Tables of small rows lie in their primary key alone: one page to write where there would be two.

CREATE TABLE payment (
    merchant_id     TEXT NOT NULL,
    id              TEXT NOT NULL,
    reference       TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    provider        TEXT NOT NULL,
    account_id      TEXT NOT NULL,
    -- Of the order, where it names one: whose open payments are asked for.
    customer        TEXT,
    order_json      TEXT NOT NULL,
    currency        TEXT NOT NULL,
    amount          BIGINT NOT NULL,
    authorized      BIGINT NOT NULL,
    paid            BIGINT NOT NULL,
    refunded        BIGINT NOT NULL,
    overpaid        BIGINT NOT NULL,
    status          TEXT NOT NULL,
    -- 1 while the status is one of those in which it may still be paid: what indexes go by, so that a payment leaves none of
    -- them for another open status.
    is_open         BIGINT NOT NULL,
    certainty       TEXT NOT NULL,
    told            TEXT,
    detail_json     TEXT NOT NULL,
    expires_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX payment_reference ON payment (merchant_id, reference);
CREATE INDEX payment_open ON payment (merchant_id, id) WHERE is_open = 1;
CREATE INDEX payment_closed ON payment (merchant_id, status, id) WHERE is_open = 0;
CREATE INDEX payment_customer ON payment (merchant_id, customer, id) WHERE customer IS NOT NULL AND is_open = 1;

CREATE TABLE attempt (
    merchant_id        TEXT NOT NULL,
    id                 TEXT NOT NULL,
    payment_id         TEXT NOT NULL,
    ordinal            BIGINT NOT NULL,
    account_id         TEXT NOT NULL,
    reference          TEXT NOT NULL,
    provider_reference TEXT,
    state              TEXT NOT NULL,
    memo               TEXT NOT NULL,
    -- What verifies the provider's notices about this attempt, where each has a key of its own.
    sealed_key         BLOB,
    expires_at         BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, ordinal)
) WITHOUT ROWID;
CREATE UNIQUE INDEX attempt_id ON attempt (merchant_id, id);
CREATE UNIQUE INDEX attempt_reference ON attempt (merchant_id, account_id, reference);

-- What a provider reference is about.
CREATE TABLE subject (
    merchant_id        TEXT NOT NULL,
    account_id         TEXT NOT NULL,
    kind               TEXT NOT NULL,
    provider_reference TEXT NOT NULL,
    payment_id         TEXT NOT NULL,
    attempt_id         TEXT NOT NULL,
    PRIMARY KEY (merchant_id, account_id, kind, provider_reference)
) WITHOUT ROWID;

-- Appended, never changed. The key makes a repeated fact the same fact.
CREATE TABLE fact (
    merchant_id TEXT NOT NULL,
    payment_id  TEXT NOT NULL,
    attempt_id  TEXT NOT NULL,
    fact_key    TEXT NOT NULL,
    body        TEXT NOT NULL,
    source      TEXT NOT NULL,
    ordinal     BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, attempt_id, fact_key)
) WITHOUT ROWID;

-- The wire log: texts are masked before they are written.
CREATE TABLE provider_call (
    merchant_id  TEXT NOT NULL,
    payment_id   TEXT NOT NULL,
    id           TEXT NOT NULL,
    attempt_id   TEXT NOT NULL,
    operation    TEXT NOT NULL,
    request_line TEXT NOT NULL,
    request_body TEXT NOT NULL,
    after_lost   TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    http_status  BIGINT,
    answer_body  TEXT NOT NULL,
    duration_us  BIGINT,
    started_at   BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, id)
);

CREATE TABLE notice (
    merchant_id  TEXT NOT NULL,
    id           TEXT NOT NULL,
    account_id   TEXT NOT NULL,
    payment_id   TEXT,
    verdict      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    peer         TEXT NOT NULL,
    repeat_key   TEXT,
    body_bytes   BIGINT NOT NULL,
    sealed_body  BLOB,
    reply_status BIGINT NOT NULL,
    received_at  BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX notice_payment ON notice (merchant_id, payment_id, id) WHERE payment_id IS NOT NULL;
CREATE INDEX notice_kept ON notice (merchant_id, account_id, received_at) WHERE sealed_body IS NOT NULL;

-- The keys of the valid notices that were taken: one row each, whoever takes them first.
CREATE TABLE notice_taken (
    merchant_id TEXT NOT NULL,
    account_id  TEXT NOT NULL,
    repeat_key  TEXT NOT NULL,
    notice_id   TEXT NOT NULL,
    PRIMARY KEY (merchant_id, account_id, repeat_key)
) WITHOUT ROWID;

CREATE TABLE payment_case (
    merchant_id TEXT NOT NULL,
    payment_id  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    id          TEXT NOT NULL,
    opened_at   BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, kind)
) WITHOUT ROWID;
CREATE INDEX payment_case_open ON payment_case (merchant_id, id);

CREATE TABLE event_endpoint (
    merchant_id          TEXT NOT NULL,
    id                   TEXT NOT NULL,
    url                  TEXT NOT NULL,
    sealed_secret        BLOB NOT NULL,
    -- What signs beside the secret until former_until, after a rotation.
    sealed_former_secret BLOB,
    former_until         BIGINT,
    rotation_key         TEXT,
    idempotency_key      TEXT NOT NULL,
    disabled_reason      TEXT,
    -- Since when every try failed; absent while tries succeed.
    failing_since        BIGINT,
    created_at           BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX event_endpoint_idempotency ON event_endpoint (merchant_id, idempotency_key);

CREATE TABLE event (
    merchant_id TEXT NOT NULL,
    id          TEXT NOT NULL,
    payment_id  TEXT,
    kind        TEXT NOT NULL,
    body        TEXT NOT NULL,
    -- What changed in the payment, where that is what it tells: a payment's history is what its events say here.
    version     BIGINT,
    from_status TEXT,
    to_status   TEXT,
    certainty   TEXT,
    source      TEXT,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX event_payment ON event (merchant_id, payment_id, id) WHERE payment_id IS NOT NULL;

CREATE TABLE delivery (
    merchant_id   TEXT NOT NULL,
    event_id      TEXT NOT NULL,
    endpoint_id   TEXT NOT NULL,
    state         TEXT NOT NULL,
    tries         BIGINT NOT NULL,
    next_at       BIGINT,
    claimed_until BIGINT NOT NULL,
    claim         BIGINT NOT NULL,
    last_result   TEXT,
    PRIMARY KEY (merchant_id, event_id, endpoint_id)
);
-- The line before each endpoint.
CREATE INDEX delivery_line ON delivery (merchant_id, endpoint_id, next_at, event_id) WHERE next_at IS NOT NULL;

-- The log of tries: the number is the claim's, which grows with every try. Answers are masked and cut.
CREATE TABLE delivery_try (
    merchant_id TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    number      BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    result      TEXT NOT NULL,
    duration_us BIGINT NOT NULL,
    answer      TEXT NOT NULL,
    PRIMARY KEY (merchant_id, event_id, endpoint_id, number)
);
CREATE INDEX delivery_try_age ON delivery_try (at);

-- Due work: find out what became of an attempt. A settled attempt has no row. What was looked up before waits in
-- another line than what was not, so that many old payments do not delay a new one.
CREATE TABLE work (
    merchant_id   TEXT NOT NULL,
    attempt_id    TEXT NOT NULL,
    payment_id    TEXT NOT NULL,
    account_id    TEXT NOT NULL,
    is_repeat     BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL,
    claim         BIGINT NOT NULL,
    tries         BIGINT NOT NULL,
    cause         TEXT NOT NULL,
    PRIMARY KEY (merchant_id, attempt_id)
) WITHOUT ROWID;
CREATE INDEX work_line ON work (merchant_id, account_id, is_repeat, due_at, attempt_id);

CREATE TABLE idempotency (
    merchant_id TEXT NOT NULL,
    route       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    claimed_at  BIGINT NOT NULL,
    -- The payment that is created with the claim: what its first event tells is the answer, where none is written.
    payment_id  TEXT,
    status      BIGINT,
    -- The body of the answer: sealed, or the document that the event tells of.
    sealed_body BLOB,
    event_id    TEXT,
    PRIMARY KEY (merchant_id, route, key)
) WITHOUT ROWID;

-- Access tokens of provider accounts, for providers that give them: shared by all instances, renewed by the one that
-- claims it. The id is the account's.
CREATE TABLE access_token (
    merchant_id   TEXT NOT NULL,
    id            TEXT NOT NULL,
    sealed_value  BLOB,
    expires_at    BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);

-- What was agreed upon with a provider about an account, one row a change: nothing is ever taken out (PE-18).
CREATE TABLE agreement (
    merchant_id TEXT NOT NULL,
    account_id  TEXT NOT NULL,
    setting     TEXT NOT NULL,
    ordinal     BIGINT NOT NULL,
    value       TEXT NOT NULL,
    agreed_on   TEXT NOT NULL,
    author      TEXT NOT NULL,
    document    TEXT NOT NULL,
    noted_at    BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, account_id, setting, ordinal)
);

-- Captures, releases and refunds: begun, and what became of them.
CREATE TABLE operation (
    merchant_id        TEXT NOT NULL,
    id                 TEXT NOT NULL,
    payment_id         TEXT NOT NULL,
    attempt_id         TEXT NOT NULL,
    account_id         TEXT NOT NULL,
    kind               TEXT NOT NULL,
    amount             BIGINT NOT NULL,
    state              TEXT NOT NULL,
    -- Minted for the provider, which may take it as its own key.
    reference          TEXT NOT NULL,
    provider_reference TEXT,
    -- What a notice handed over while a call was under way.
    handed_over        TEXT,
    reason             TEXT NOT NULL,
    idempotency_key    TEXT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX operation_payment ON operation (merchant_id, payment_id, id);
CREATE UNIQUE INDEX operation_reference ON operation (merchant_id, account_id, reference);

-- Instruments that providers keep for the merchant's customers. One token is one instrument, however often it is told.
CREATE TABLE instrument (
    merchant_id        TEXT NOT NULL,
    id                 TEXT NOT NULL,
    account_id         TEXT NOT NULL,
    provider           TEXT NOT NULL,
    customer           TEXT NOT NULL,
    payment_id         TEXT NOT NULL,
    provider_reference TEXT NOT NULL,
    digest             TEXT NOT NULL,
    sealed_token       BLOB,
    brand              TEXT,
    bin                TEXT,
    last_four          TEXT,
    valid_until        TEXT,
    state              TEXT NOT NULL,
    -- The provider's own words for that.
    reason             TEXT NOT NULL,
    -- Those that are under way, and how the last ones ended: locked together with the instrument.
    charges            TEXT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX instrument_token ON instrument (merchant_id, account_id, customer, digest);
CREATE INDEX instrument_customer ON instrument (merchant_id, customer, id);
