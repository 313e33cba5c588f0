SET TimeZone = 'UTC';
CREATE TYPE plan AS ENUM ('free', 'pro', 'enterprise');
CREATE TABLE customers AS
SELECT
  'c' || lpad(i::VARCHAR, 4, '0') AS id,
  CASE WHEN i % 7 = 0 THEN NULL ELSE (i * 1000.25)::DECIMAL(18, 2) END AS arr,
  i::TINYINT % 100 AS tiny, (i * 3)::USMALLINT AS seats, (i * 10)::INTEGER AS employees, (i * 1000000)::BIGINT AS big,
  CASE WHEN i = 5 THEN 170141183460469231731687303715884105727::HUGEINT ELSE i::HUGEINT END AS huge,
  (i / 8)::FLOAT AS share, (i / 3.0)::DOUBLE AS usage,
  i % 3 = 0 AS partner,
  (['free', 'pro', 'enterprise'][1 + i % 3])::plan AS plan,
  CASE WHEN i % 5 = 0 THEN NULL ELSE 'Zürich ' || (i % 4) END AS city,
  DATE '2026-01-31' - i::INTEGER AS renewal,
  TIMESTAMP '2026-01-31 12:00:00.25' - INTERVAL (i) HOUR AS seen,
  TIMESTAMPTZ '2026-01-31 12:00:00+00' - INTERVAL (i) HOUR AS seen_tz,
  TIMESTAMP_NS '2026-01-31 12:00:00.123456' AS seen_ns,
  CASE WHEN i % 4 = 0 THEN NULL ELSE ['a', 'b' || (i % 2)] END AS tags,
  replace(format('{:.2f} €', i * 1.5), '.', ',') AS price,
  {'x': i, 'y': 'why'} AS nested, uuid '00000000-0000-0000-0000-000000000001' AS extra
FROM range(60) AS t(i);
