\set id random(1, :rows)
\set s random(1, 3)
BEGIN;
SELECT status, version, merchant_id FROM payment WHERE id = :id FOR UPDATE;
UPDATE payment SET status = :s, version = version + 1, updated_at = now() WHERE id = :id;
INSERT INTO payment_event (payment_id, kind, provider_event_id, payload) VALUES (:id, 'approved', gen_random_uuid(), 'PAYLOAD');
INSERT INTO outbox (payment_id, merchant_id, topic, payload) VALUES (:id, 7, 'payment.approved', 'PAYLOAD');
COMMIT;
