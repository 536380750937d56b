-- Transaction A's tables, with `rows` payments.
CREATE TABLE payment (
    id           BIGINT PRIMARY KEY,
    merchant_id  BIGINT NOT NULL,
    payer_id     BIGINT NOT NULL,
    reference    TEXT NOT NULL,
    provider     TEXT NOT NULL,
    provider_ref TEXT NOT NULL,
    amount       BIGINT NOT NULL,
    currency     TEXT NOT NULL,
    status       INT NOT NULL,
    version      BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL
);
INSERT INTO payment
SELECT n, n % 100, n % 5000, 'ORDER-' || n, 'provider', 'session-' || n, 11900000, 'COP',
       CASE WHEN n % 500 = 0 THEN 0 ELSE 1 + n % 3 END, 1, now() - make_interval(secs => :rows - n), now()
FROM generate_series(1, :rows) AS n;
CREATE UNIQUE INDEX payment_reference ON payment (merchant_id, reference);
CREATE INDEX payment_payer ON payment (payer_id, created_at DESC);
CREATE INDEX payment_open ON payment (created_at) WHERE status = 0;

CREATE TABLE payment_event (
    id                BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id        BIGINT NOT NULL,
    kind              TEXT NOT NULL,
    provider_event_id UUID NOT NULL UNIQUE,
    payload           JSONB NOT NULL,
    created_at        TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE outbox (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id  BIGINT NOT NULL,
    merchant_id BIGINT NOT NULL,
    topic       TEXT NOT NULL,
    payload     JSONB NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT now()
);
VACUUM ANALYZE payment;
CHECKPOINT;
