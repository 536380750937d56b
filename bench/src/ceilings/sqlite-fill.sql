WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
INSERT INTO payment
SELECT n, n % 100, n % 5000, 'ORDER-' || n, 'provider', 'session-' || n, 11900000, 'COP',
       CASE WHEN n % 500 = 0 THEN 0 ELSE 1 + n % 3 END, 1, n, n
FROM number;
