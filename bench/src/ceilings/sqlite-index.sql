CREATE UNIQUE INDEX payment_reference ON payment (merchant_id, reference);
CREATE INDEX payment_payer ON payment (payer_id, created_at DESC);
CREATE INDEX payment_open ON payment (created_at) WHERE status = 0;
