\set s random(1, 3)
WITH chosen AS MATERIALIZED (
    SELECT 1 + floor(random() * :rows)::bigint AS id FROM generate_series(1, 32)
), locked AS (
    SELECT payment.id, payment.merchant_id FROM payment
    WHERE payment.id = ANY (ARRAY(SELECT id FROM chosen)) ORDER BY payment.id FOR UPDATE
), changed AS (
    UPDATE payment SET status = :s, version = version + 1, updated_at = now()
    FROM locked WHERE payment.id = locked.id
), kept AS (
    INSERT INTO payment_event (payment_id, kind, provider_event_id, payload)
    SELECT id, 'approved', gen_random_uuid(), 'PAYLOAD' FROM locked ON CONFLICT DO NOTHING
)
INSERT INTO outbox (payment_id, merchant_id, topic, payload)
SELECT id, merchant_id, 'payment.approved', 'PAYLOAD' FROM locked;
