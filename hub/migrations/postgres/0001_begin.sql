-- The first schema. Keys put the merchant first; ids are made by the hub (UUIDv7 behind their prefixes) and
-- sort by time. Instants are microseconds UTC, amounts minor units, JSON is text that is never searched.

CREATE TABLE payment (
    merchant_id     TEXT COLLATE "C" NOT NULL,
    id              TEXT COLLATE "C" NOT NULL,
    reference       TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    provider        TEXT COLLATE "C" NOT NULL,
    account_id      TEXT COLLATE "C" NOT NULL,
    -- Of the order, where it names one: whose open payments are asked for.
    customer        TEXT COLLATE "C",
    order_json      TEXT NOT NULL,
    currency        TEXT COLLATE "C" NOT NULL,
    amount          BIGINT NOT NULL,
    authorized      BIGINT NOT NULL,
    paid            BIGINT NOT NULL,
    refunded        BIGINT NOT NULL,
    overpaid        BIGINT NOT NULL,
    status          TEXT COLLATE "C" NOT NULL,
    -- 1 while the status is one of those in which it may still be paid: what indexes go by, so that a payment leaves none of
    -- them for another open status.
    is_open         BIGINT NOT NULL,
    certainty       TEXT COLLATE "C" NOT NULL,
    told            TEXT COLLATE "C",
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
    merchant_id        TEXT COLLATE "C" NOT NULL,
    id                 TEXT COLLATE "C" NOT NULL,
    payment_id         TEXT COLLATE "C" NOT NULL,
    ordinal            BIGINT NOT NULL,
    account_id         TEXT COLLATE "C" NOT NULL,
    reference          TEXT COLLATE "C" NOT NULL,
    provider_reference TEXT COLLATE "C",
    state              TEXT COLLATE "C" NOT NULL,
    memo               TEXT NOT NULL,
    -- What verifies the provider's notices about this attempt, where each has a key of its own.
    sealed_key         BYTEA,
    expires_at         BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX attempt_ordinal ON attempt (merchant_id, payment_id, ordinal);
CREATE UNIQUE INDEX attempt_reference ON attempt (merchant_id, account_id, reference);

-- What a provider reference is about.
CREATE TABLE subject (
    merchant_id        TEXT COLLATE "C" NOT NULL,
    account_id         TEXT COLLATE "C" NOT NULL,
    kind               TEXT COLLATE "C" NOT NULL,
    provider_reference TEXT COLLATE "C" NOT NULL,
    payment_id         TEXT COLLATE "C" NOT NULL,
    attempt_id         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, account_id, kind, provider_reference)
);

-- Appended, never changed. The key makes a repeated fact the same fact.
CREATE TABLE fact (
    merchant_id TEXT COLLATE "C" NOT NULL,
    payment_id  TEXT COLLATE "C" NOT NULL,
    attempt_id  TEXT COLLATE "C" NOT NULL,
    fact_key    TEXT COLLATE "C" NOT NULL,
    body        TEXT NOT NULL,
    source      TEXT COLLATE "C" NOT NULL,
    ordinal     BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, attempt_id, fact_key)
);

-- The wire log: texts are masked before they are written.
CREATE TABLE provider_call (
    merchant_id  TEXT COLLATE "C" NOT NULL,
    payment_id   TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    attempt_id   TEXT COLLATE "C" NOT NULL,
    operation    TEXT COLLATE "C" NOT NULL,
    request_line TEXT NOT NULL,
    request_body TEXT NOT NULL,
    after_lost   TEXT COLLATE "C" NOT NULL,
    outcome      TEXT COLLATE "C" NOT NULL,
    http_status  BIGINT,
    answer_body  TEXT NOT NULL,
    duration_us  BIGINT,
    started_at   BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, id)
);

CREATE TABLE notice (
    merchant_id  TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    account_id   TEXT COLLATE "C" NOT NULL,
    payment_id   TEXT COLLATE "C",
    verdict      TEXT COLLATE "C" NOT NULL,
    reason       TEXT NOT NULL,
    peer         TEXT COLLATE "C" NOT NULL,
    repeat_key   TEXT COLLATE "C",
    body_bytes   BIGINT NOT NULL,
    sealed_body  BYTEA,
    reply_status BIGINT NOT NULL,
    received_at  BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX notice_payment ON notice (merchant_id, payment_id, id) WHERE payment_id IS NOT NULL;
CREATE INDEX notice_kept ON notice (merchant_id, account_id, received_at) WHERE sealed_body IS NOT NULL;

-- The keys of the valid notices that were taken: one row each, whoever takes them first.
CREATE TABLE notice_taken (
    merchant_id TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    repeat_key  TEXT COLLATE "C" NOT NULL,
    notice_id   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, account_id, repeat_key)
);

CREATE TABLE payment_case (
    merchant_id TEXT COLLATE "C" NOT NULL,
    payment_id  TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    opened_at   BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, payment_id, kind)
);
CREATE INDEX payment_case_open ON payment_case (merchant_id, id);

CREATE TABLE event_endpoint (
    merchant_id          TEXT COLLATE "C" NOT NULL,
    id                   TEXT COLLATE "C" NOT NULL,
    url                  TEXT NOT NULL,
    sealed_secret        BYTEA NOT NULL,
    -- What signs beside the secret until former_until, after a rotation.
    sealed_former_secret BYTEA,
    former_until         BIGINT,
    rotation_key         TEXT COLLATE "C",
    idempotency_key      TEXT COLLATE "C" NOT NULL,
    disabled_reason      TEXT,
    -- Since when every try failed; absent while tries succeed.
    failing_since        BIGINT,
    created_at           BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE UNIQUE INDEX event_endpoint_idempotency ON event_endpoint (merchant_id, idempotency_key);

CREATE TABLE event (
    merchant_id TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL,
    payment_id  TEXT COLLATE "C",
    kind        TEXT COLLATE "C" NOT NULL,
    body        TEXT NOT NULL,
    -- What changed in the payment, where that is what it tells: a payment's history is what its events say here.
    version     BIGINT,
    from_status TEXT COLLATE "C",
    to_status   TEXT COLLATE "C",
    certainty   TEXT COLLATE "C",
    source      TEXT COLLATE "C",
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX event_payment ON event (merchant_id, payment_id, id) WHERE payment_id IS NOT NULL;

CREATE TABLE delivery (
    merchant_id   TEXT COLLATE "C" NOT NULL,
    event_id      TEXT COLLATE "C" NOT NULL,
    endpoint_id   TEXT COLLATE "C" NOT NULL,
    state         TEXT COLLATE "C" NOT NULL,
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
    merchant_id TEXT COLLATE "C" NOT NULL,
    event_id    TEXT COLLATE "C" NOT NULL,
    endpoint_id TEXT COLLATE "C" NOT NULL,
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
    merchant_id   TEXT COLLATE "C" NOT NULL,
    attempt_id    TEXT COLLATE "C" NOT NULL,
    payment_id    TEXT COLLATE "C" NOT NULL,
    account_id    TEXT COLLATE "C" NOT NULL,
    is_repeat     BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL,
    claim         BIGINT NOT NULL,
    tries         BIGINT NOT NULL,
    cause         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (merchant_id, attempt_id)
);
CREATE INDEX work_line ON work (merchant_id, account_id, is_repeat, due_at, attempt_id);

CREATE TABLE idempotency (
    merchant_id TEXT COLLATE "C" NOT NULL,
    route       TEXT COLLATE "C" NOT NULL,
    key         TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    claimed_at  BIGINT NOT NULL,
    -- The payment that is created with the claim: what its first event tells is the answer, where none is written.
    payment_id  TEXT COLLATE "C",
    status      BIGINT,
    -- The body of the answer: sealed, or the document that the event tells of.
    sealed_body BYTEA,
    event_id    TEXT,
    PRIMARY KEY (merchant_id, route, key)
);

-- Access tokens of provider accounts, for providers that give them: shared by all instances, renewed by the one that
-- claims it. The id is the account's.
CREATE TABLE access_token (
    merchant_id   TEXT NOT NULL,
    id            TEXT NOT NULL,
    sealed_value  BYTEA,
    expires_at    BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);

-- What was agreed upon with a provider about an account, one row a change: nothing is ever taken out (PE-18).
CREATE TABLE agreement (
    merchant_id TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
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
    merchant_id        TEXT COLLATE "C" NOT NULL,
    id                 TEXT COLLATE "C" NOT NULL,
    payment_id         TEXT COLLATE "C" NOT NULL,
    attempt_id         TEXT COLLATE "C" NOT NULL,
    account_id         TEXT COLLATE "C" NOT NULL,
    kind               TEXT COLLATE "C" NOT NULL,
    amount             BIGINT NOT NULL,
    state              TEXT COLLATE "C" NOT NULL,
    -- Minted for the provider, which may take it as its own key.
    reference          TEXT COLLATE "C" NOT NULL,
    provider_reference TEXT COLLATE "C",
    -- What a notice handed over while a call was under way.
    handed_over        TEXT,
    reason             TEXT NOT NULL,
    idempotency_key    TEXT COLLATE "C" NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX operation_payment ON operation (merchant_id, payment_id, id);
CREATE UNIQUE INDEX operation_reference ON operation (merchant_id, account_id, reference);

-- Instruments that providers keep for the merchant's customers. One token is one instrument, however often it is told.
CREATE TABLE instrument (
    merchant_id        TEXT COLLATE "C" NOT NULL,
    id                 TEXT COLLATE "C" NOT NULL,
    account_id         TEXT COLLATE "C" NOT NULL,
    provider           TEXT COLLATE "C" NOT NULL,
    customer           TEXT COLLATE "C" NOT NULL,
    payment_id         TEXT COLLATE "C" NOT NULL,
    provider_reference TEXT COLLATE "C" NOT NULL,
    digest             TEXT COLLATE "C" NOT NULL,
    sealed_token       BYTEA,
    brand              TEXT,
    bin                TEXT COLLATE "C",
    last_four          TEXT COLLATE "C",
    valid_until        TEXT COLLATE "C",
    state              TEXT COLLATE "C" NOT NULL,
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
